"""A hyperparameter of a recipe: a choice with a plain value, its legal values and its default."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from hpo.core.formatting import literal

Kind = Literal["float", "int", "bool", "str", "list", "names", "kinds"]


@dataclass(frozen=True, slots=True)
class Hyperparameter:
    """A choice with a plain value.

    Attributes:
        name: Name inside its part, group or recipe.
        kind: Type of the value; ``list`` is a list of numbers, ``names`` a list of texts,
            ``kinds`` a mapping of names to texts.
        default: Value if a recipe does not set it; None means absent or decided elsewhere.
        low: Smallest legal value (of each item for a list), inclusive.
        high: Largest legal value (of each item for a list), inclusive.
        choices: The legal values of a string; empty if any string is legal.
        optional: Whether None is legal.
        log: Whether a search should use a logarithmic scale.
        doc: One-line description with the unit.
        added: Whether it was added after recipes had been recorded. The normal form then leaves it out
            at its default, which must mean the same as its absence.
    """

    name: str
    kind: Kind
    default: Any
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    optional: bool = False
    log: bool = False
    doc: str = ""
    added: bool = False

    def __post_init__(self) -> None:
        """Refuse what no value could be.

        Raises:
            ValueError: If the kind does not exist or the range is empty.
        """
        if self.kind not in get_args(Kind):
            legal = ", ".join(get_args(Kind))
            raise ValueError(f"hyperparameter {self.name}: kind {self.kind!r} does not exist; legal: {legal}")
        if not self.low <= self.high:
            raise ValueError(f"hyperparameter {self.name}: low {self.low} is above high {self.high}")

    def complaint(self, value: Any) -> str | None:
        """Return what is wrong with a value, with the legal values; None if it is legal."""
        if value is None:
            return None if self.optional or self.default is None else f"null is not {self.legal()}"
        items = value if self.kind in ("list", "names") else [value]
        if self.kind == "kinds":
            named = isinstance(value, Mapping) and all(isinstance(name, str) for name in value)
            items = list(value.values()) if named else None
        if not isinstance(items, list | tuple) or not all(self._fits(item) for item in items):
            return f"{literal(value)} is not {self.legal()}{self._quoted(items)}"
        return None

    def _quoted(self, items: Any) -> str:
        """Return how to write numbers where texts are meant, as in ``missing: [-999]``."""
        if self.kind != "names" or not isinstance(items, list | tuple):
            return ""
        if not items or not all(isinstance(item, str | int | float) for item in items):
            return ""
        return f"; with quotation marks: {json.dumps([str(item) for item in items], ensure_ascii=False)}"

    def typed(self, value: Any) -> Any:
        """Return a legal value with its proper type: an integer even if it was written 64.0."""
        return int(value) if self.kind == "int" and value is not None else value

    def _fits(self, value: Any) -> bool:
        if self.kind in ("bool", "str", "names", "kinds"):
            typed = isinstance(value, bool if self.kind == "bool" else str)
            return typed and (not self.choices or value in self.choices)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if not abs(value) <= sys.float_info.max:  # an integer can be too large for isfinite
            return False
        if self.kind == "int" and value != int(value):
            return False
        return self.low <= value <= self.high

    def legal(self) -> str:
        """Describe the legal values."""
        if len(self.choices) > 40:
            return f"one of {len(self.choices)} names, such as {', '.join(self.choices[:3])}"
        if self.choices:
            prefix = "a mapping of names, each to one of " if self.kind == "kinds" else "one of "
            return prefix + ", ".join(self.choices)
        words = {
            "float": "a number",
            "int": "a whole number",
            "bool": "true or false",
            "str": "a text",
            "list": "a list of numbers",
            "names": "a list of texts",
            "kinds": "a mapping of names to texts",
        }[self.kind]
        if self.low > -math.inf and self.high < math.inf:
            return f"{words} from {self.low:g} to {self.high:g}"
        if self.low > -math.inf:
            return f"{words} of at least {self.low:g}"
        return words if self.high == math.inf else f"{words} of at most {self.high:g}"
