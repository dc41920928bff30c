"""Items without targets from a file of JSON lines, for models of a map-style data set.

Each line is an object with the fields of an item, as its data set returned it: numbers, texts, and lists
of numbers for arrays and tensors. They become arrays of the types that the model was trained on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.trainable import DataInfo
from trainables.data.digests import row_digests
from trainables.data.item_fields import (
    VALUES,
    VARYING,
    Field,
    field_of,
    layout,
    store_item,
)
from trainables.data.varying_items import item_digests, largest_of

ENDING = ".jsonl"

LONGEST = 300
"""Characters of a parser's error, which may quote the file."""

PLAIN: Mapping[str, tuple[type[Any], ...]] = {
    "str": (str,),
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
}
"""Kinds of fields that are no arrays, with the types that JSON has for them."""


def input_names(info: DataInfo) -> list[str]:
    """Return the names of an item's fields without its target."""
    return [name for name in info.fields if name != info.target]


def item_types(inputs: np.dtype[Any], info: DataInfo) -> dict[str, str]:
    """Return the numpy type of every input that is an array, as items are stored."""
    types: dict[str, str] = {}
    for name in input_names(info):
        stored = inputs[name] if inputs.names else inputs
        if stored.names:  # of varying shape
            stored = stored[VALUES]
        if stored.base.kind != "S":
            types[name] = stored.base.str
    return types


def read_json_items(
    path: Path, info: DataInfo, types: Mapping[str, str]
) -> tuple[NDArray[Any], NDArray[np.uint64], bool]:
    """Read the items of a file.

    Args:
        path: The file.
        info: Description of the data that the model was trained on.
        types: What `item_types` returned for that data; may be empty.

    Returns:
        Inputs [n, ...], digests of the rows [n, 2], and whether items have the target, too.

    Raises:
        UserError: If a line is no item, lacks a field, or has a value of another kind or shape.
    """
    names = input_names(info)
    rows, labelled = [], False
    for number, line in enumerate(_lines(path), start=1):
        place = f"{path}, line {number}"
        item = _item(line, place, names)
        labelled = labelled or info.target in item
        rows.append(
            {
                name: _value(item[name], info.fields[name], types.get(name), f"{place}: field {name}")
                for name in names
            }
        )
    if not rows:
        raise UserError(f"{path} has no items")
    fields = _fields(rows, info, str(path))
    dtype, shape = layout(fields)
    inputs = np.zeros((len(rows), *shape), dtype)
    for row, item in enumerate(rows):
        store_item(item, row, fields, "", inputs, inputs, str(path))
    if not dtype.names and shape != info.shape:
        raise UserError(f"{path}: items have the shape {shape}; legal: {info.shape}")
    by_content = any(field.varies or field.type == "str" for field in fields)
    return inputs, item_digests(inputs) if by_content else row_digests(inputs), labelled


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {str(error)[:LONGEST]}") from error
    return [line for line in text.split("\n") if line.strip()]


def _item(line: str, place: str, names: list[str]) -> Mapping[str, Any]:
    try:
        item = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{place} is not JSON: {str(error)[:LONGEST]}") from error
    legal = f"legal: an object with {', '.join(names)}"
    if not isinstance(item, dict):
        raise UserError(f"{place} is {type(item).__name__}; {legal}")
    if missing := [name for name in names if name not in item]:
        raise UserError(f"{place} has no {', '.join(missing)}; {legal}")
    return item


def _value(value: Any, type_: str, stored: str | None, place: str) -> Any:
    """Return a value of JSON as the model's data set returned such a value.

    Raises:
        UserError: If it is of another kind.
    """
    kind = type_.removesuffix(VARYING)
    if kind in PLAIN:
        if not isinstance(value, PLAIN[kind]) or (kind != "bool" and isinstance(value, bool)):
            raise UserError(f"{place} is {json.dumps(value)[:40]}; legal: {kind}")
        if stored and kind in ("int", "float"):
            return np.asarray(value).astype(stored)[()]
        return float(value) if kind == "float" else value
    try:
        array = np.asarray(value)
    except ValueError:  # lists of different lengths
        array = np.asarray(None, object)
    if array.dtype.kind not in "biuf":
        raise UserError(f"{place} is {json.dumps(value)[:40]}; legal: a list of numbers, or of equal lists")
    return array.astype(stored) if stored else array


def _fields(rows: list[dict[str, Any]], info: DataInfo, source: str) -> list[Field]:
    """Return the fields of items, as wide as the largest item needs."""
    fields = [field_of(name, value, source) for name, value in rows[0].items()]
    varying = {name for name in input_names(info) if info.fields[name].endswith(VARYING)}
    for index, field in enumerate(fields):
        if field.type == "str":
            widest = max(len(row[field.name].encode()) for row in rows)
            fields[index] = replace(field, dtype=np.dtype(f"S{max(1, widest)}"))
    return largest_of(rows, fields, varying, source)
