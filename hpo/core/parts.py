"""The former name of `hpo.core.grammar`, kept because users' trainables import it."""

from hpo.core.grammar import Grammar, Group, Hyperparameter, Part, Slot

__all__ = ["Grammar", "Group", "Hyperparameter", "Part", "Slot"]
