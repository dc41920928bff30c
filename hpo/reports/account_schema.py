"""The JSON Schema of ``hpo account --json``, made from the account's own types."""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin

from hpo.core.account import Account
from hpo.core.estimates import ScoreInterval
from hpo.core.json_values import JsonObject
from hpo.core.model_provenance import ShippedMember
from hpo.core.objective import Objective

BY_UNIT: JsonObject = {
    "description": "What was spent of each kind of budget, by unit.",
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "properties": {"spent": {"type": "number"}, "limit": {"type": ["number", "null"]}},
        "required": ["spent", "limit"],
    },
}
"""The budget is written by unit."""
SCALARS = {str: "string", int: "integer", float: "number", bool: "boolean"}
OPTIONAL: Mapping[type, Sequence[str]] = {
    ScoreInterval: ("method", "missing"),
    Objective: ("constraints",),
    ShippedMember: ("recipe",),
}
"""Fields that are left out where they are empty."""
AUDIT: Mapping[str, JsonObject] = {
    "signer": {
        "type": ["string", "null"],
        "description": "Who signed the account; null if nobody did.",
    },
    "untouched": {"type": "boolean", "description": "Whether nothing was found."},
}
"""Items of an audit that its fields do not have in this form."""


def account_schema() -> JsonObject:
    """Return the schema (draft 2020-12). Numbers that JSON does not have are null."""
    definitions: dict[str, JsonObject] = {}
    body = _object(Account, definitions)
    body["properties"]["budget"] = BY_UNIT
    definitions.pop("BudgetUse", None)
    definitions["Audit"]["properties"] |= AUDIT
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Account of a search",
        **body,
        "$defs": definitions,
    }


def _object(cls: type, definitions: dict[str, JsonObject]) -> JsonObject:
    hints = typing.get_type_hints(cls)
    fields = [field.name for field in dataclasses.fields(cls)]
    texts = _described(cls)
    properties = {
        name: _of(hints[name], definitions) | ({"description": texts[name]} if name in texts else {})
        for name in fields
    }
    return {
        "type": "object",
        "description": (cls.__doc__ or "").strip().splitlines()[0],
        "properties": properties,
        "required": [name for name in fields if name not in OPTIONAL.get(cls, ())],
    }


def _of(hint: Any, definitions: dict[str, JsonObject]) -> JsonObject:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is type(None):
        return {"type": "null"}
    if hint in SCALARS:
        return {"type": [SCALARS[hint], "null"]} if hint is float else {"type": SCALARS[hint]}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_of(argument, definitions) for argument in arguments]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _of(arguments[1], definitions)}
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return {"type": "array", "items": _of(arguments[0], definitions)}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"enum": [member.value for member in hint]}
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if hint.__name__ not in definitions:
            definitions[hint.__name__] = {}
            definitions[hint.__name__] = _object(hint, definitions)
        return {"$ref": f"#/$defs/{hint.__name__}"}
    return {}


def _described(cls: type) -> dict[str, str]:
    """Return what a docstring says of each attribute."""
    texts: dict[str, str] = {}
    name, inside = "", False
    for line in inspect.cleandoc(cls.__doc__ or "").splitlines():
        if line == "Attributes:":
            inside = True
        elif inside and re.match(r" {4}\w+: ", line):
            name, _, text = line.strip().partition(": ")
            texts[name] = text
        elif name and line.startswith(" " * 8):
            texts[name] += " " + line.strip()
    return texts
