"""JSON values: names for those whose fields are declared elsewhere, and how values become strict JSON."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

JsonObject = dict[str, Any]
"""A JSON object that is about to be written."""

JsonFields = Mapping[str, Any]
"""A JSON object as it was read, not yet checked."""

SpecFields = Mapping[str, Any]
"""A spec as validated, or one section of it; `hpo.spec.fields` declares the fields."""

RecipeFields = Mapping[str, Any]
"""A recipe, or the values that a search chose of it; the trainable's grammar declares the fields."""


def parsed(text: str | bytes) -> Any:
    """Return the value of a JSON document.

    Raises:
        ValueError: If it is not one, or is nested too deeply to be read.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def jsonable(value: Any) -> Any:
    """The value with dataclasses as objects, and numbers that JSON does not have (NaN, infinite) as null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return jsonable(value.to_json() if hasattr(value, "to_json") else fields_of(value))
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [jsonable(item) for item in value]
    return value


def differences(now: Any, before: Any, at: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the dotted path of each value that differs between two JSON values, with both of them.

    A key that only one of two objects has counts as null in the other.
    """
    if isinstance(now, Mapping) and isinstance(before, Mapping):
        for key in (*now, *(key for key in before if key not in now)):
            yield from differences(now.get(key), before.get(key), f"{at}.{key}" if at else str(key))
    elif isinstance(now, list) and isinstance(before, list) and len(now) == len(before):
        for number, (item, earlier) in enumerate(zip(now, before, strict=True)):
            yield from differences(item, earlier, f"{at}[{number}]")
    elif now != before:
        yield at, now, before


def fields_of(value: Any) -> JsonObject:
    """Return the fields of a dataclass by name, in the order of their declaration."""
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
