"""A value that follows from a point of a space: it is recorded in the recipe, and not searched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hpo.core.hyperparameter import Hyperparameter
from hpo.core.json_values import RecipeFields

Compute = Callable[[RecipeFields], Any]
"""Computes a value from others by name; raises ValueError if it cannot."""


@dataclass(frozen=True)
class Derived:
    """A value that follows from others.

    Attributes:
        name: Dotted path in the recipe.
        text: What it is, for a reader.
        needs: Names of the parameters without which it does not exist.
        hyperparameter: Its legal values.
        compute: Computes it.
        elements: Of a list, the parameters that are its elements; the recipe has the list alone.
    """

    name: str
    text: str
    needs: tuple[str, ...]
    hyperparameter: Hyperparameter
    compute: Compute = field(compare=False)
    elements: tuple[str, ...] = ()

    def exists(self, values: RecipeFields) -> bool:
        """Return whether all that it needs exists."""
        if not all(name in values for name in self.needs):
            return False
        return not self.elements or any(name in values for name in self.elements)

    def value(self, values: RecipeFields) -> Any:
        """Return its value.

        Raises:
            ValueError: If it cannot be computed, or is not legal.
        """
        try:
            value = self.compute(values)
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from error
        complaint = self.hyperparameter.complaint(value)
        if complaint:
            raise ValueError(f"{self.name}: {self.text} is {complaint}")
        return self.hyperparameter.typed(value)
