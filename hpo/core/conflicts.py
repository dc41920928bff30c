"""Choices of a recipe that are legal one by one and conflict with each other."""

from __future__ import annotations

from dataclasses import dataclass

from hpo.core.json_values import RecipeFields
from hpo.core.space import Clause, holds


@dataclass(frozen=True, slots=True)
class Conflict:
    """One combination of choices, a row in a trainable's tables.

    Attributes:
        when: Predicates on a complete recipe's values by dotted name; the conflict applies if all hold.
        reason: What is wrong and how to correct it; a clause without a final period.
        stops: Whether the recipe cannot be trained. If not, the first name in ``when`` has no effect.
        exceeds: Two names; the conflict applies only if the first one's value is larger than the other's.
        metrics: Objectives with which the choices conflict, such as those of a task; empty for all.
    """

    when: Clause
    reason: str
    stops: bool = True
    exceeds: tuple[str, str] | None = None
    metrics: tuple[str, ...] = ()

    def concerns(self, metric: str) -> bool:
        """Return whether the choices conflict in a search for this objective."""
        return not self.metrics or metric in self.metrics

    def applies(self, values: RecipeFields) -> bool:
        """Return whether a complete recipe, by dotted name, has the combination."""
        if not holds(self.when, values):
            return False
        return self.exceeds is None or bool(values[self.exceeds[0]] > values[self.exceeds[1]])
