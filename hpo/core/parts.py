"""The former name of `hpo.core.grammar`, which users' own trainables import."""

from hpo.core.grammar import Grammar, Group, Hyperparameter, Part, Slot

__all__ = ["Grammar", "Group", "Hyperparameter", "Part", "Slot"]
