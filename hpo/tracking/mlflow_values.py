"""Names and values within MLflow's alphabet and length limits."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hpo.core.json_values import RecipeFields
from hpo.core.recipe import Recipe
from hpo.core.visible_text import visible, visible_json

ABSENT = "n/a"
LONGEST_KEY = 250
LONGEST_PARAM = 6_000
LONGEST_TAG = 5_000
DIGEST = 4
"""Bytes of the digest that tells names of one key apart."""


def params(point: RecipeFields, recipe: RecipeFields, names: Sequence[str]) -> dict[str, str]:
    """Return everything a training was run with, by the space's names, as MLflow's texts.

    Args:
        point: Its point in the space, by dotted names.
        recipe: The whole recipe, nested: ``optimizer: {name: sgd}`` is shown as ``optimizer``.
        names: Names to show in any case, as ``n/a`` where this training has no such choice.
    """
    chosen = settings(point, recipe)
    keys = keys_of([*names, *chosen])
    return {
        key: cut(text(chosen[name]), LONGEST_PARAM) if name in chosen else ABSENT
        for name, key in keys.items()
    }


def settings(point: RecipeFields, recipe: RecipeFields) -> RecipeFields:
    """Return everything a training was run with, by the space's names."""
    fixed = {name.removesuffix(".name"): value for name, value in Recipe(recipe).flat().items()}
    return {**fixed, **point}


def text(value: Any) -> str:
    """Return a value as text for a table; numbers remain numbers in MLflow's charts."""
    if value is None:
        return ABSENT
    if isinstance(value, str):
        return value
    return json.dumps(value)


def cut(value: str, length: int) -> str:
    """Escape control characters, and shorten a text to MLflow's limit, marking that something is left out."""
    value = visible(value)
    return value if len(value) <= length else value[: length - 20] + " … (cut short)"


def clean_key(key: str) -> str:
    """Replace characters that MLflow does not accept in a name."""
    plain = re.sub(r"[^\w\-. :/]", "_", key, flags=re.ASCII)
    plain = "/".join(part for part in plain.split("/") if part not in ("", ".", ".."))
    return plain[:LONGEST_KEY] or "_"


def keys_of(names: Iterable[str]) -> dict[str, str]:
    """Return a key of its own for every name, in the order of the names.

    Names that MLflow accepts are their own keys. Where two names have the same key after `clean_key`,
    the later one gets a digest of the name at its end.
    """
    keys: dict[str, str] = {}
    for name in names:
        if name not in keys:
            keys[name] = next_key(name, keys)
    return keys


def next_key(name: str, keys: Mapping[str, str]) -> str:
    """Return the key of one more name, which none of the other names has."""
    key = clean_key(name)
    if key not in keys.values():
        return key
    digest = hashlib.blake2b(name.encode(), digest_size=DIGEST).hexdigest()
    return f"{key[: LONGEST_KEY - 2 * DIGEST - 1]}-{digest}"


def clean(tags: Mapping[str, str]) -> dict[str, str]:
    """Return tags within MLflow's limits."""
    return {clean_key(key): cut(str(value), LONGEST_TAG) for key, value in tags.items()}


def pretty(value: Any) -> bytes:
    """Return indented JSON."""
    return (visible_json(json.dumps(value, indent=2, ensure_ascii=False, default=dict)) + "\n").encode()


class MetricKeys:
    """The keys of a search's metrics, each of which no other metric of the search has."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}

    def of(self, metric: str) -> str:
        """Return the key of a metric, and reserve it."""
        if metric not in self._keys:
            self._keys[metric] = next_key(metric, self._keys)
        return self._keys[metric]
