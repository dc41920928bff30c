"""A raw mapping to the records of `hpo.spec.fields`, with pydantic's complaints in our words.

What is faulty is cut out and the rest validated again, so that one wrong field does not hide what
is wrong in the others.
"""

from __future__ import annotations

import copy
import typing
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from hpo.spec.faults import Faults, Place, shown, unknown
from hpo.spec.fields import BRANCHES, Document

_FILLERS: Mapping[str, Any] = {
    "version": 1,
    "data": {"source": "?"},
    "trainable": "?",
    "space": {},
    "budget": {"trials": 10**9},
}
"""Stand-ins for required fields that are missing or beyond repair; a fault was noted for each."""

KINDS: Mapping[str, str] = {
    "integer": "a whole number",
    "number": "a number",
    "string": "a text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}


def check_fields(value: Any, faults: Faults) -> Document:
    """The document's records; faulty fields have their defaults.

    Raises:
        InvalidSpec: If the document is no mapping at all.
    """
    if not isinstance(value, Mapping):
        faults.add((), f"{shown(value)} is no mapping; legal keys: {', '.join(Document.model_fields)}")
        faults.raise_any()
    said = _copied(value)
    for _ in range(4):
        try:
            return Document.model_validate(said)
        except ValidationError as error:
            wrong = [(_place(each["loc"], said), each) for each in error.errors(include_url=False)]
            for place, each in wrong:
                faults.add(place, _message(each, place))
            for place, _ in wrong:
                _cut(said, place)
    rest = {key: said.get(key, filler) for key, filler in _FILLERS.items()}
    try:
        return Document.model_validate(rest)
    except ValidationError:
        return Document.model_validate(dict(_FILLERS))


def _copied(value: Mapping[str, Any]) -> dict[str, Any]:
    """Two levels are changed at most; what lies deeper can be shared."""
    return {str(k): copy.copy(v) if isinstance(v, dict | list) else v for k, v in value.items()}


def _place(loc: tuple[str | int, ...], said: Mapping[str, Any]) -> Place:
    """Where the fault lies in what was written: pydantic also names branches of unions."""
    place: list[str | int] = []
    current: Any = said
    for number, step in enumerate(loc):
        if step in BRANCHES:
            continue
        inside = (isinstance(current, Mapping) and step in current) or (
            isinstance(current, list) and isinstance(step, int) and step < len(current)
        )
        if inside:
            current = current[step]
        elif number < len(loc) - 1 or not isinstance(current, Mapping):
            continue
        place.append(step)
    return tuple(place)


def _message(error: Mapping[str, Any], place: Place) -> str:
    given = error.get("input")
    match error["type"]:
        case "extra_forbidden":
            return unknown(str(place[-1]), _fields(place[:-1]))
        case "missing":
            return f"is missing: {_description(place)}"
        case "literal_error":
            legal = [
                word.strip("' ") for word in str(error["ctx"]["expected"]).replace(" or ", ",").split(",")
            ]
            return f"{shown(given)}: {unknown(str(given), legal)}"
        case "value_error":
            return f"{shown(given)}: {error['ctx']['error']}"
        case "string_pattern_mismatch":
            return f"{shown(given)}: legal are letters, digits and . _ -, at most 80 in all"
        case "model_type" | "model_attributes_type":
            return f"{shown(given)} is no mapping; legal keys: {', '.join(_fields(place))}"
    legal_words = _legal(place)
    words = str(error["msg"])
    return f"{shown(given)}: " + (f"legal: {legal_words}" if legal_words else words[:1].lower() + words[1:])


def _legal(place: Place) -> str:
    """The legal values of a field in words, from its JSON Schema; empty if they are not simple."""
    model = _model(place[:-1])
    if model is None or str(place[-1]) not in model.model_fields:
        return ""
    said = model.model_json_schema()["properties"][str(place[-1])]
    for branch in said.get("anyOf") or said.get("oneOf") or [said]:
        if (kind := branch.get("type")) in KINDS:
            return KINDS[kind] + _bounds(branch)
    return ""


def _bounds(branch: Mapping[str, Any]) -> str:
    words = {
        "minimum": "of at least",
        "exclusiveMinimum": "above",
        "maximum": "and at most",
        "exclusiveMaximum": "and below",
    }
    found = [f"{words[key]} {branch[key]:,}" for key in words if key in branch]
    return "".join(f" {each}" for each in found)


def _fields(place: Place) -> list[str]:
    model = _model(place)
    return [name for name in model.model_fields if name != "base"] if model else []


def _description(place: Place) -> str:
    model = _model(place[:-1])
    field = model.model_fields.get(str(place[-1])) if model else None
    return (field.description if field else None) or "it has no default"


def _model(place: Place) -> type[BaseModel] | None:
    model: type[BaseModel] | None = Document
    for step in place:
        field = model.model_fields.get(str(step)) if model else None
        model = _record_in(field.annotation) if field else None
    return model


def _record_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in typing.get_args(annotation) if (found := _record_in(each))), None)


def _cut(said: dict[str, Any], place: Place) -> None:
    """Take a faulty value out; a required one is replaced by its stand-in."""
    if not place:
        return
    head = str(place[0])
    within = said.get(head)
    if len(place) > 1 and isinstance(within, dict) and place[1] in within:
        del within[place[1]]
    elif head in _FILLERS:
        said[head] = copy.copy(_FILLERS[head])
    else:
        said.pop(head, None)
