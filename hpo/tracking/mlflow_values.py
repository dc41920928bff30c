"""Names and values within MLflow's alphabet and length limits."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from hpo.core.json_values import RecipeFields
from hpo.core.recipe import Recipe
from hpo.core.visible_text import visible, visible_json

ABSENT = "n/a"
LONGEST_KEY = 250
LONGEST_PARAM = 6_000
LONGEST_TAG = 5_000


def params(point: RecipeFields, recipe: RecipeFields, names: Sequence[str]) -> dict[str, str]:
    """Return everything a training was run with, by the space's names, as MLflow's texts.

    Args:
        point: Its point in the space, by dotted names.
        recipe: The whole recipe, nested: ``optimizer: {name: sgd}`` is shown as ``optimizer``.
        names: Names to show in any case, as ``n/a`` where this training has no such choice.
    """
    fixed = {name.removesuffix(".name"): value for name, value in Recipe(recipe).flat().items()}
    chosen = {clean_key(name): cut(text(value), LONGEST_PARAM) for name, value in {**fixed, **point}.items()}
    return {**{clean_key(name): ABSENT for name in names}, **chosen}


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


def clean(tags: Mapping[str, str]) -> dict[str, str]:
    """Return tags within MLflow's limits."""
    return {clean_key(key): cut(str(value), LONGEST_TAG) for key, value in tags.items()}


def pretty(value: Any) -> bytes:
    """Return indented JSON."""
    return (visible_json(json.dumps(value, indent=2, ensure_ascii=False, default=dict)) + "\n").encode()
