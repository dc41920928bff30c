"""Build the JSON Schema of a spec, with which editors complete fields and mark mistakes.

It is made from the records of `hpo.spec.fields` and the forms of `hpo.spec.domains`. What depends
on the trainable, such as the parameters that exist, is left to ``hpo check``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hpo.core.json_values import JsonObject
from hpo.core.stopping_rules import SCHEDULERS
from hpo.spec.commands import MAX_GRACE
from hpo.spec.domains import MAX_CHOICES, NOTATIONS, RangeNotation
from hpo.spec.fields import STORED_ONLY, Document
from hpo.spec.sampler_facts import SAMPLERS

FILE = "spec.schema.json"
"""Name of the schema's file, beside the shipped specs."""


def schema() -> JsonObject:
    """Return the schema as a JSON value (draft 2020-12)."""
    document = Document.model_json_schema()
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **document, "title": "Search spec"}
    definitions, fields = document["$defs"], document["properties"]
    for name in STORED_ONLY:
        del fields[name]
    del definitions["Data"]["properties"]["reading"]
    definitions["Parameter"] = _parameter()
    definitions["Condition"] = _condition()
    definitions["Sampler"]["properties"]["name"]["enum"] = sorted(SAMPLERS)
    fields["space"] |= {"additionalProperties": {"$ref": "#/$defs/Parameter"}, "minProperties": 1}
    fields["forbid"]["items"] = {"$ref": "#/$defs/Condition"}
    fields["start_from"]["items"] = {
        "anyOf": [
            {"type": "string", "description": "A recipe file, or the name of a shipped recipe."},
            {"type": "object", "description": "A point: values by dotted name, or nested."},
        ]
    }
    fields["trainable"] = {
        "description": fields["trainable"]["description"],
        "anyOf": [fields["trainable"], _named_trainable(), _command()],
    }
    _also(fields["sampler"], {"type": "string", "enum": sorted(SAMPLERS)})
    _also(fields["scheduler"], {"type": "string", "enum": list(SCHEDULERS)})
    fields["patience"]["anyOf"].append({"type": "integer", "minimum": 1})
    for field in (fields["prior"], fields["prior"]["anyOf"][0]["additionalProperties"]):
        field["anyOf"].append({"const": "off"})
    return document


def schema_text() -> str:
    """Return the schema as the text of a file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _also(field: dict[str, Any], short: Mapping[str, Any]) -> None:
    """Allow a short form besides the mapping."""
    field["anyOf"] = [{"$ref": field.pop("$ref")}, dict(short)]


def _parameter() -> dict[str, Any]:
    return {
        "description": "One range, and the conditions under which the parameter exists.",
        "type": "object",
        "properties": {
            **{notation.word: _notation(notation) for notation in NOTATIONS.values()},
            "when": {"$ref": "#/$defs/Condition"},
            "expression": {
                "type": "string",
                "description": "A value that follows from others, not searched.",
            },
            "list": {"type": "object", "description": "The range of each element of a list."},
            "length": {"type": ["string", "integer"], "description": "Of a list: a parameter, or a number."},
        },
        "oneOf": [{"required": [word]} for word in (*NOTATIONS, "expression", "list")],
        "additionalProperties": False,
    }


def _notation(notation: RangeNotation) -> dict[str, Any]:
    if not notation.items:
        limits = {"minItems": 1, "maxItems": MAX_CHOICES, "uniqueItems": True}
        return {"type": "array", "description": notation.doc, **limits}
    number = {"type": "integer" if notation.whole else "number"}
    return {
        "type": "array",
        "description": notation.doc,
        "prefixItems": [{**number, "title": item} for item in notation.items],
        "items": False,
        "minItems": len(notation.items),
    }


def _named_trainable() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "arguments": {"type": "object", "description": "Constants of a training function."},
        },
        "required": ["name"],
        "additionalProperties": False,
    }


def _command() -> dict[str, Any]:
    text = {"type": "string"}
    arguments = {"type": "array", "minItems": 1, "items": {"anyOf": [text, {"type": "array", "items": text}]}}
    return {
        "type": "object",
        "properties": {
            "command": {**arguments, "description": "A program and its arguments, with {placeholders}."},
            "metrics": {
                "type": "object",
                "description": "What the script reports, and which direction is better.",
                "minProperties": 1,
                "additionalProperties": {"enum": ["max", "min"]},
            },
            "evaluate": {
                **arguments,
                "description": "The command that scores {resume} on the rows in {data}.",
            },
            "pattern": {**text, "description": "Regular expression of the lines that report."},
            "checkpoint": {**text, "description": "What {resume} is inside {folder}."},
            "grace_seconds": {"type": "number", "minimum": 0, "maximum": MAX_GRACE},
        },
        "required": ["command", "metrics"],
        "additionalProperties": False,
    }


def _condition() -> dict[str, Any]:
    bounds = {
        "type": "object",
        "properties": {"low": {"type": "number"}, "high": {"type": "number"}},
        "additionalProperties": False,
        "minProperties": 1,
    }
    scalar = {"type": ["string", "number", "boolean", "null"]}
    return {
        "description": "Parameters with a value, a list of values, or {low:, high:}; all must hold.",
        "type": "object",
        "minProperties": 1,
        "additionalProperties": {"anyOf": [scalar, {"type": "array", "minItems": 1}, bounds]},
    }
