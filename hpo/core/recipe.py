"""A recipe: one complete, immutable set of training choices."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

Value = Any
"""A JSON value: None, bool, int, float, str, or a list or mapping of them."""


def canonical(value: Value) -> str:
    """Return JSON text that is the same for equal values: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value: Value) -> str:
    """Return the SHA-256 of a JSON value's canonical text, in hexadecimal."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def merge(base: Mapping[str, Value], over: Mapping[str, Value]) -> dict[str, Value]:
    """Merge two nested mappings; values in ``over`` win."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        merged[key] = merge(below, value) if both else value  # type: ignore[arg-type]
    return merged


class Recipe(Mapping[str, Value]):
    """Nested, read-only choices, such as ``recipe["optimizer"]["momentum"]``.

    Two recipes are equal if they make the same choices, in any order.
    """

    def __init__(self, choices: Mapping[str, Value]):
        self._text = canonical(dict(choices))
        self._choices: dict[str, Value] = json.loads(self._text)

    def __getitem__(self, key: str) -> Value:
        return self._choices[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._choices)

    def __len__(self) -> int:
        return len(self._choices)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Recipe) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return f"Recipe({self._text})"

    @property
    def digest(self) -> str:
        """SHA-256 of the recipe's canonical text."""
        return hashlib.sha256(self._text.encode()).hexdigest()

    def to_dict(self) -> dict[str, Value]:
        """Return a copy that may be modified."""
        copy: dict[str, Value] = json.loads(self._text)
        return copy

    def flat(self) -> dict[str, Value]:
        """Return plain values by dotted name: ``{"optimizer.name": "sgd", ...}``."""
        return dict(_leaves("", self._choices))


def _leaves(prefix: str, value: Value) -> Iterator[tuple[str, Value]]:
    if not isinstance(value, Mapping):
        yield prefix, value
        return
    for key, below in value.items():
        yield from _leaves(f"{prefix}.{key}" if prefix else key, below)
