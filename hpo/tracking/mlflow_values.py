"""Names and values as MLflow takes them: within its alphabet and its lengths."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from hpo.core.recipe import Recipe

ABSENT = "n/a"
LONGEST_KEY = 250
LONGEST_PARAM = 6_000
LONGEST_TAG = 5_000


def params(point: Mapping[str, Any], recipe: Mapping[str, Any], names: Sequence[str]) -> dict[str, str]:
    """Everything a training was run with, in the space's words, as MLflow's texts.

    Args:
        point: Its place in the space; dotted names.
        recipe: The whole recipe, nested: ``optimizer: {name: sgd}`` is shown as ``optimizer``.
        names: What is to be shown in any case, ``n/a`` where this training has no such choice.
    """
    fixed = {name.removesuffix(".name"): value for name, value in Recipe(recipe).flat().items()}
    chosen = {clean_key(name): cut(text(value), LONGEST_PARAM) for name, value in {**fixed, **point}.items()}
    return {**{clean_key(name): ABSENT for name in names}, **chosen}


def text(value: Any) -> str:
    """A value as it reads best in a table; numbers stay numbers to MLflow's charts."""
    if value is None:
        return ABSENT
    if isinstance(value, str):
        return value
    return json.dumps(value)


def cut(value: str, length: int) -> str:
    """A text within MLflow's limit, saying so where something is left out."""
    return value if len(value) <= length else value[: length - 20] + " … (cut short)"


def clean_key(key: str) -> str:
    """A name within MLflow's alphabet, which it refuses to leave."""
    plain = re.sub(r"[^\w\-. :/]", "_", key, flags=re.ASCII)
    plain = "/".join(part for part in plain.split("/") if part not in ("", ".", ".."))
    return plain[:LONGEST_KEY] or "_"


def clean(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags within MLflow's limits."""
    return {clean_key(key): cut(str(value), LONGEST_TAG) for key, value in tags.items()}


def pretty(value: Any) -> bytes:
    """JSON for a person's eyes."""
    return (json.dumps(value, indent=2, ensure_ascii=False, default=dict) + "\n").encode()
