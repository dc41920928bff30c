"""A map-style data set as arrays: torch's, Hugging Face's, a list of tuples or dictionaries, a table.

Every item is read once and stored with the types it has, so that all workers share one copy and equal
rows are found. Several inputs become the fields of one structured array. What the items were (tensors,
numbers, texts) is kept in `DataInfo.fields`, and `trainables.functions.datasets` gives them back so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.trainable import DataInfo
from trainables.data.content import Content, SourcePaths

TARGETS = ("target", "targets", "label", "labels", "y")
"""Names by which the target of an item that is a dictionary is found."""

TEXT_BYTES = 1 << 16
"""Length of the longest text that is stored."""

FEWEST = 1000
"""Whole numbers below this, or below the number of rows, are labels of classes."""

MOST_COLUMNS = 64
"""Columns of a field by which rows are recognised."""


class MapStyle(Protocol):
    """What torch calls a map-style data set."""

    def __len__(self) -> int:
        """Return the number of items."""
        ...

    def __getitem__(self, index: int) -> Any:
        """Return an item: (input, target), or a mapping of named fields."""
        ...


@dataclass(frozen=True)
class Field:
    """One field of every item.

    Attributes:
        name: Its name; its number in a tuple.
        type: ``tensor``, ``array``, ``int``, ``float``, ``bool`` or ``str``.
        shape: Shape in every item; () for a number or a text.
        dtype: numpy type in which it is stored.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def is_map_style(value: Any) -> bool:
    """Return whether a value is a map-style data set rather than arrays."""
    if isinstance(value, tuple | Mapping | str | bytes | np.ndarray):
        return False
    return hasattr(value, "__len__") and hasattr(value, "__getitem__")


def read_items(items: MapStyle, source: str, paths: SourcePaths, like: DataInfo | None) -> Content:
    """Read every item of a map-style data set.

    Args:
        items: The data set.
        source: Where it comes from, for messages.
        paths: Where arrays that do not fit into memory are written.
        like: Description of the development part, for the test part; None for the development part.

    Raises:
        UserError: If items differ in their fields, shapes or types, or from one reading to the next.
    """
    items = _records(items)
    n = len(items)
    if not n:
        raise UserError(f"{source}: the data set has no items")
    fields = [_field(name, value, source) for name, value in _named(items[0], source).items()]
    _refuse_random(items, fields, source)
    target = _target([field.name for field in fields], source)
    wide = {field.name: _width(items, field, source) for field in fields if field.type == "str"}
    fields = [_widened(field, wide) for field in fields]
    inputs = [field for field in fields if field.name != target]
    stored = _blank(inputs, n, paths)
    targets = _blank([field for field in fields if field.name == target], n, paths)
    for row in range(n):
        _store(_named(items[row], source), row, fields, target, stored, targets, source)
    return _content(stored, targets, fields, target, like, source)


def _records(items: Any) -> Any:
    """Return the rows of a pandas table as dictionaries; other data sets as they are."""
    return items.to_dict("records") if hasattr(items, "to_dict") and hasattr(items, "columns") else items


def _named(item: Any, source: str) -> dict[str, Any]:
    if isinstance(item, Mapping):
        return {str(name): value for name, value in item.items()}
    if isinstance(item, tuple | list) and len(item) > 1:
        return {str(index): value for index, value in enumerate(item)}
    raise UserError(
        f"{source}: an item is {type(item).__name__}; legal: a tuple (input, target), or a mapping of named "
        "fields"
    )


def _target(names: list[str], source: str) -> str:
    if names[0] == "0":
        return names[-1]
    found = [name for name in names if name in TARGETS]
    if len(found) != 1 or len(names) < 2:
        raise UserError(
            f"{source}: items have the fields {', '.join(names)}; besides inputs exactly one of them must be "
            f"the target, named {', '.join(TARGETS)}"
        )
    return found[0]


def _field(name: str, value: Any, source: str) -> Field:
    if isinstance(value, str):
        return Field(name, "str", (), np.dtype("S1"))
    for type_, kind in ((bool, "bool"), (int, "int"), (float, "float")):
        if isinstance(value, type_):
            return Field(name, kind, (), np.dtype({"int": "i8", "float": "f8", "bool": "?"}[kind]))
    array = _array(value)
    if array.dtype.kind not in "fiubc":
        raise UserError(
            f"{source}: field {name} is {type(value).__name__}, which cannot be stored as numbers or text; "
            "legal: tensors, arrays, images, numbers, texts and lists of numbers"
        )
    if isinstance(value, np.generic):
        kind = {"f": "float", "b": "bool"}.get(array.dtype.kind, "int")
        return Field(name, kind, (), array.dtype)
    return Field(name, "tensor" if _is_tensor(value) else "array", array.shape, array.dtype)


def _is_tensor(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] == "torch"


def _array(value: Any) -> NDArray[Any]:
    try:
        return np.asarray(value.detach().cpu().numpy() if _is_tensor(value) else value)
    except (ValueError, TypeError):  # ragged lists, bfloat16
        return np.asarray(None, object)


def _refuse_random(items: MapStyle, fields: list[Field], source: str) -> None:
    """Refuse items that are drawn anew at every reading: what is stored would be one draw for ever."""
    first, again = _named(items[0], source), _named(items[0], source)
    for field in fields:
        if not _equal(first[field.name], again[field.name]):
            raise UserError(
                f"{source}: field {field.name} of item 0 differs between two readings; the data set must "
                "return the same item every time, so move random augmentation into the training loop"
            )


def _equal(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, str):
        return bool(ours == theirs)
    gaps = _array(ours).dtype.kind == "f"
    return np.array_equal(_array(ours), _array(theirs), equal_nan=gaps)


def _width(items: MapStyle, field: Field, source: str) -> int:
    widest = 1
    for row in range(len(items)):
        value = _named(items[row], source).get(field.name)
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
    """Return an array for some fields: of one, its own; of several, a structured one."""
    if len(fields) == 1:
        return paths.blank((n, *fields[0].shape), fields[0].dtype.str)
    return paths.blank((n,), np.dtype([(field.name, field.dtype, field.shape) for field in fields]))


def _store(
    item: Mapping[str, Any],
    row: int,
    fields: list[Field],
    target: str,
    inputs: NDArray[Any],
    targets: NDArray[Any],
    source: str,
) -> None:
    if list(item) != [field.name for field in fields]:
        raise UserError(f"{source}: item {row} has the fields {', '.join(item)}; item 0 has others")
    for field in fields:
        value = item[field.name]
        array = np.asarray(value.encode()) if isinstance(value, str) else _array(value)
        if array.shape != field.shape or _kinds(array.dtype) != _kinds(field.dtype):
            raise UserError(
                f"{source}: field {field.name} of item {row} is {array.dtype} {array.shape}, and of item 0 "
                f"{field.dtype} {field.shape}; items must have equal shapes and types, so pad or crop them"
            )
        if field.name == target:
            targets[row] = array
        elif inputs.dtype.names:
            inputs[field.name][row] = array
        else:
            inputs[row] = array


def _kinds(dtype: np.dtype[Any]) -> tuple[str, int]:
    return dtype.kind, 0 if dtype.kind == "S" else dtype.itemsize


def _content(
    inputs: NDArray[Any],
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
    return Content(inputs, targets, info, traits=_traits(inputs))


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


def _traits(inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Return columns by which structured inputs and texts are recognised; none for an array of numbers."""
    names = inputs.dtype.names
    if names:
        return tuple(column for name in names for column in _columns(inputs[name]))
    return tuple(_columns(inputs)) if inputs.dtype.kind == "S" else ()


def _columns(values: NDArray[Any]) -> list[NDArray[Any]]:
    if values.dtype.kind == "S":
        return [np.char.decode(values, "utf-8", "replace")]
    flat = values.reshape(len(values), -1)
    step = -(-flat.shape[1] // MOST_COLUMNS)
    return [np.asarray(flat[:, index]) for index in range(0, flat.shape[1], step)]


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
