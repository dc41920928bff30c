"""Validate a raw mapping against the records of `hpo.spec.fields`, with messages for users.

Faulty fields are cut out and the rest is validated again, so that one wrong field does not hide
faults in the others.
"""

from __future__ import annotations

import copy
import typing
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from hpo.core.json_values import SpecFields
from hpo.spec.data_fields import BRANCHES
from hpo.spec.faults import Faults, FieldPath, shown, unknown
from hpo.spec.fields import STORED_ONLY, Document

_FILLERS: Mapping[str, Any] = {
    "version": 1,
    "data": {"source": "?"},
    "trainable": "?",
    "space": {},
    "budget": {"trials": 10**9},
}
"""Stand-ins for required fields that are missing or faulty; each of them has a fault by then."""

WITHOUT_DATA = " Code that needs no data is run as a script: trainable: {command: [...], metrics: {...}}."
"""What to do where there is nothing to name as a source."""

KINDS: Mapping[str, str] = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}


def check_fields(value: Any, faults: Faults) -> Document:
    """Return the document's records; faulty fields get their defaults.

    Raises:
        InvalidSpec: If the document is not a mapping.
    """
    if not isinstance(value, Mapping):
        faults.add((), f"{shown(value)} is not a mapping; legal keys: {', '.join(Document.model_fields)}")
        faults.raise_any()
    document = _copied(value)
    for _ in range(4):
        try:
            return Document.model_validate(document)
        except ValidationError as error:
            wrong = [(_path(detail["loc"], document), detail) for detail in error.errors(include_url=False)]
            for path, detail in wrong:
                faults.add(path, _message(detail, path))
            for path, _ in wrong:
                _cut(document, path)
    sections = {key: document.get(key, filler) for key, filler in _FILLERS.items()}
    try:
        return Document.model_validate(sections)
    except ValidationError:
        return Document.model_validate(dict(_FILLERS))


def _copied(value: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a mapping down to two levels, the only ones that are changed."""
    return {str(k): copy.copy(v) if isinstance(v, dict | list) else v for k, v in value.items()}


def _path(loc: tuple[str | int, ...], document: SpecFields) -> FieldPath:
    """Return the field path of a fault; pydantic's locations also name branches of unions."""
    path: list[str | int] = []
    current: Any = document
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
        path.append(step)
    return tuple(path)


def _message(error: Mapping[str, Any], path: FieldPath) -> str:
    value = error.get("input")
    match error["type"]:
        case "extra_forbidden":
            return unknown(str(path[-1]), _fields(path[:-1]))
        case "missing":
            return f"is missing: {_description(path)}{WITHOUT_DATA if path == ('data',) else ''}"
        case "literal_error":
            legal = [
                word.strip("' ") for word in str(error["ctx"]["expected"]).replace(" or ", ",").split(",")
            ]
            return f"{shown(value)}: {unknown(str(value), legal)}"
        case "value_error":
            return f"{shown(value)}: {error['ctx']['error']}"
        case "string_pattern_mismatch":
            return f"{shown(value)}: legal: at most 80 letters, digits and . _ -"
        case "model_type" | "model_attributes_type":
            return f"{shown(value)} is not a mapping; legal keys: {', '.join(_fields(path))}"
    legal_words = _legal(path)
    words = str(error["msg"])
    return f"{shown(value)}: " + (f"legal: {legal_words}" if legal_words else words[:1].lower() + words[1:])


def _legal(path: FieldPath) -> str:
    """Describe the legal values of a field by its JSON Schema; empty if that takes more than a phrase."""
    model = _model(path[:-1])
    if model is None or str(path[-1]) not in model.model_fields:
        return ""
    schema = model.model_json_schema()["properties"][str(path[-1])]
    for branch in schema.get("anyOf") or schema.get("oneOf") or [schema]:
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
    bounds = [f"{words[key]} {branch[key]:,}" for key in words if key in branch]
    return "".join(f" {bound}" for bound in bounds)


def _fields(path: FieldPath) -> list[str]:
    model = _model(path)
    return [name for name in model.model_fields if name not in (*STORED_ONLY, "reading")] if model else []


def _description(path: FieldPath) -> str:
    model = _model(path[:-1])
    field = model.model_fields.get(str(path[-1])) if model else None
    return (field.description if field else None) or "it has no default"


def _model(path: FieldPath) -> type[BaseModel] | None:
    model: type[BaseModel] | None = Document
    for step in (step for step in path if not isinstance(step, int)):
        field = model.model_fields.get(str(step)) if model else None
        model = _record_in(field.annotation) if field else None
    return model


def _record_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((record for inner in typing.get_args(annotation) if (record := _record_in(inner))), None)


def _cut(document: dict[str, Any], path: FieldPath) -> None:
    """Remove a faulty value, or replace a required one by its stand-in."""
    if not path:
        return
    head = str(path[0])
    within = document.get(head)
    if len(path) > 1 and isinstance(within, dict) and path[1] in within:
        del within[path[1]]
    elif head in _FILLERS:
        document[head] = copy.copy(_FILLERS[head])
    else:
        document.pop(head, None)
