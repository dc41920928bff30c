"""A map-style data set as arrays: torch's, Hugging Face's, a list of tuples or dictionaries, a table.

Every item is read once and stored with the types it has, so that all workers share one copy and equal
rows are found. A large data set is not stored: `trainables.data.item_inputs` reads its items when needed.
Several inputs become the fields of one structured array. What the items were (tensors, numbers, texts) is
kept in `DataInfo.fields`, and `trainables.functions.datasets` gives them back so.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.json_values import JsonFields
from hpo.core.trainable import DataInfo
from trainables.data.content import Content, SourcePaths
from trainables.data.digests import row_digests
from trainables.data.file_map import in_place_note
from trainables.data.item_fields import (
    VARYING,
    Field,
    ItemReader,
    MapStyle,
    ShapeVaries,
    as_numbers,
    field_of,
    layout,
    named_fields,
    store_item,
)
from trainables.data.item_inputs import LEAST, ItemInputs, anonymous_bytes, traits
from trainables.data.row_sample import digested_rows
from trainables.data.varying_items import item_digests, largest_of, shape_notes

TARGETS = ("target", "targets", "label", "labels", "y")
"""Names by which the target of an item that is a dictionary is found."""

TEXT_BYTES = 1 << 16
"""Length of the longest text that is stored."""

BYTES_AT_ONCE = 1 << 20
"""Bytes of items of a large data set that are read before their targets are kept."""

TEXTS_BY_CONTENT = 9
"""Version of the readers from which a text has the same digest however long others of its part are."""

FEWEST = 1000
"""Whole numbers below this, or below the number of rows, are labels of classes."""


def is_map_style(value: Any) -> bool:
    """Return whether a value is a map-style data set rather than arrays."""
    if isinstance(value, tuple | Mapping | str | bytes | np.ndarray):
        return False
    return hasattr(value, "__len__") and hasattr(value, "__getitem__")


def read_items(
    items: MapStyle,
    source: str,
    paths: SourcePaths,
    like: DataInfo | None,
    origin: JsonFields | None = None,
) -> Content:
    """Read every item of a map-style data set.

    Args:
        items: The data set.
        source: Where it comes from, for messages.
        paths: Where arrays that do not fit into memory are written.
        like: Description of the development part, for the test part; None for the development part.
        origin: Source, arguments and base by which the data set can be opened again, so that it may stay
            where it is if it is large; None to store it in any case.

    Raises:
        UserError: If items differ in their fields or types, in the shapes of targets or images, or from one
            reading to the next.
    """
    items = _records(items)
    n = len(items)
    if not n:
        raise UserError(f"{source}: the data set has no items")
    fields = [field_of(name, value, source) for name, value in named_fields(items[0], source).items()]
    _refuse_random(items, fields, source)
    target = _target([field.name for field in fields], source)
    wide = {field.name: _width(items, field, source) for field in fields if field.type == "str"}
    fields = [_widened(field, wide) for field in fields]
    types = like.fields if like else {}
    varying = {field.name for field in fields if types.get(field.name, "").endswith(VARYING)}
    while True:
        try:
            chosen = largest_of(items, fields, varying, source)
            return _read(ItemReader(items, tuple(chosen), target, source), paths, like, origin)
        except ShapeVaries as error:
            if like:  # the development part decides what items are
                raise
            varying.add(error.field)


def _read(read: ItemReader, paths: SourcePaths, like: DataInfo | None, origin: JsonFields | None) -> Content:
    """Read all items, the fields of which are known."""
    n, fields = len(read.items), list(read.fields)
    inputs = [field for field in fields if field.name != read.target]
    targets = _blank([field for field in fields if field.name == read.target], n, paths)
    dtype, shape = layout(inputs)
    if origin is not None and paths.reader > 5 and _is_elsewhere(n * dtype.itemsize * int(np.prod(shape))):
        return _in_place(read, (n, *shape), dtype, targets, like, origin, paths.reader)
    stored = _blank(inputs, n, paths)
    for row in range(n):
        item = named_fields(read.items[row], read.source)
        store_item(item, row, fields, read.target, stored, targets, read.source)
    content = _content(stored, targets, fields, read.target, like, read.source)
    if not _by_content(inputs, paths.reader):
        return content
    return replace(content, identity=item_digests(stored), warnings=shape_notes(fields, stored))


def _is_elsewhere(size: int) -> bool:
    """Return whether a data set is large, and its items are read from somewhere: not held in memory.

    Of one in memory every worker would have a copy of its own, and stored items are shared.
    """
    return size >= LEAST and anonymous_bytes() < size / 2


def reopened(items: Any, reference: JsonFields, source: str) -> ItemReader:
    """Return what reads the items of a data set that was opened again, as `ItemInputs.reference` says."""
    fields = tuple(
        Field(name, type_, tuple(shape), np.dtype(dtype)) for name, type_, shape, dtype in reference["fields"]
    )
    return ItemReader(_records(items), fields, reference["target"], source)


def _in_place(
    read: ItemReader,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    targets: NDArray[Any],
    like: DataInfo | None,
    origin: JsonFields,
    reader: int,
) -> Content:
    """Return a part whose inputs stay in their data set; its targets are stored."""
    n = shape[0]
    step = max(1, BYTES_AT_ONCE // (dtype.itemsize * int(np.prod(shape[1:]))))
    for start in range(0, n, step):
        rows = np.arange(start, min(n, start + step))
        read.fill(rows, np.zeros((len(rows), *shape[1:]), dtype), targets[start : start + len(rows)])
    fields = [[field.name, field.type, list(field.shape), field.dtype.str] for field in read.fields]
    descr = np.lib.format.dtype_to_descr(dtype)
    about = {**origin, "fields": fields, "target": read.target, "shape": list(shape), "dtype": descr}
    inputs = ItemInputs(read, shape, dtype, about)
    content = _content(inputs, targets, list(read.fields), read.target, like, read.source)
    digested = digested_rows(content.inputs, reader)
    kept = [field for field in read.fields if field.name != read.target]
    digests = item_digests if _by_content(kept, reader) else row_digests
    return replace(
        content,
        in_place=True,
        digested=digested,
        digester=functools.partial(digests, content.inputs, digested),
        warnings=(in_place_note(content.inputs, digested),),
    )


def _by_content(fields: Iterable[Field], reader: int) -> bool:
    """Return whether items are digested by what they hold, and not as they are stored.

    Texts and items of varying shape are stored as wide as the largest of their part.
    """
    return any(field.varies or (field.type == "str" and reader >= TEXTS_BY_CONTENT) for field in fields)


def _records(items: Any) -> Any:
    """Return the rows of a pandas table as dictionaries; other data sets as they are."""
    return items.to_dict("records") if hasattr(items, "to_dict") and hasattr(items, "columns") else items


def _target(names: list[str], source: str) -> str:
    if names[0] == "0":
        return names[-1]
    targets = [name for name in names if name in TARGETS]
    if len(targets) != 1 or len(names) < 2:
        raise UserError(
            f"{source}: items have the fields {', '.join(names)}; besides inputs exactly one of them must be "
            f"the target, named {', '.join(TARGETS)}"
        )
    return targets[0]


def _refuse_random(items: MapStyle, fields: list[Field], source: str) -> None:
    """Refuse items that are drawn again at every reading: what is stored would be one draw for ever."""
    first, again = named_fields(items[0], source), named_fields(items[0], source)
    for field in fields:
        if not _equal(first[field.name], again[field.name]):
            raise UserError(
                f"{source}: field {field.name} of item 0 differs between two readings; the data set must "
                "return the same item every time, so move random augmentation into the training loop"
            )


def _equal(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, str):
        return bool(ours == theirs)
    gaps = as_numbers(ours).dtype.kind == "f"
    return np.array_equal(as_numbers(ours), as_numbers(theirs), equal_nan=gaps)


def _width(items: MapStyle, field: Field, source: str) -> int:
    widest = 1
    for row in range(len(items)):
        value = named_fields(items[row], source).get(field.name)
        if not isinstance(value, str):
            raise UserError(
                f"{source}: field {field.name} of item {row} is {type(value).__name__}, not a text"
            )
        widest = max(widest, len(value.encode()))
    if widest > TEXT_BYTES:
        raise UserError(f"{source}: a text of field {field.name} has {widest:,} bytes; legal: {TEXT_BYTES:,}")
    return widest


def _widened(field: Field, widths: Mapping[str, int]) -> Field:
    if field.name not in widths:
        return field
    return Field(field.name, field.type, (), np.dtype(f"S{widths[field.name]}"))


def _blank(fields: list[Field], n: int, paths: SourcePaths) -> NDArray[Any]:
    """Return an array for some fields of n items."""
    dtype, shape = layout(fields)
    return paths.blank((n, *shape), dtype)


def _content(
    inputs: NDArray[Any] | ItemInputs,
    targets: NDArray[Any],
    fields: list[Field],
    target: str,
    like: DataInfo | None,
    source: str,
) -> Content:
    types = {field.name: field.type for field in fields}
    task = like.task if like else _task(targets)
    classes: tuple[str, ...] = ()
    if task == "classification":
        classes = like.classes if like else _class_names(targets)
        text = targets.dtype.kind == "S"
        targets = _coded(targets, classes, source) if text else targets.astype(np.int64)
    elif task == "regression" and targets.dtype not in (np.float32, np.float64):
        targets = targets.astype(np.float32)
    info = DataInfo("items", task, tuple(inputs.shape[1:]), classes, fields=types, target=target)
    return Content(
        cast("NDArray[Any]", inputs),
        targets,
        info,
        in_place=isinstance(inputs, ItemInputs),
        traits=traits(inputs) if isinstance(inputs, np.ndarray) else (),
    )


def _task(targets: NDArray[Any]) -> str:
    """Return the task: classification of texts and small whole numbers, regression, or other."""
    if targets.ndim > 1 or targets.dtype.names:
        return "other"
    if targets.dtype.kind in "Sb":
        return "classification"
    if targets.dtype.kind == "f":
        return "regression"
    small = targets.min() >= 0 and targets.max() < max(len(targets), FEWEST)
    return "classification" if small else "other"


def _class_names(targets: NDArray[Any]) -> tuple[str, ...]:
    if targets.dtype.kind == "S":
        return tuple(value.decode() for value in np.unique(targets).tolist())
    return tuple(str(label) for label in range(int(targets.max()) + 1))


def _coded(targets: NDArray[Any], classes: tuple[str, ...], source: str) -> NDArray[np.int64]:
    codes = {name: code for code, name in enumerate(classes)}
    texts = [value.decode() for value in targets.tolist()]
    strange = sorted(set(texts) - set(codes))
    if strange:
        raise UserError(f"{source}: label {strange[0]!r} does not occur in the development part")
    return np.array([codes[text] for text in texts], np.int64)
