"""The fields of a map-style data set's items, and items as rows of arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError

VARYING = ", varying"
"""End of the type of a field whose shape differs between items."""

SHAPE, VALUES = "shape", "values"
"""Names in the stored form of such a field."""


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
        type: ``tensor``, ``array``, ``int``, ``float``, ``bool`` or ``str``; ``tensor, varying`` or
            ``array, varying`` if its shape differs between items.
        shape: Shape in every item; () for a number or a text; of varying shape, the largest on each axis.
        dtype: numpy type of its values.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def varies(self) -> bool:
        """Whether its shape differs between items."""
        return self.type.endswith(VARYING)

    @property
    def stored(self) -> tuple[np.dtype[Any], tuple[int, ...]]:
        """Type and shape in which it is stored; of varying shape, with the shape and filled with zeros."""
        if not self.varies:
            return self.dtype, self.shape
        return np.dtype([(SHAPE, np.int64, (len(self.shape),)), (VALUES, self.dtype, self.shape)]), ()

    def takes(self, array: NDArray[Any]) -> bool:
        """Return whether a value can be stored."""
        alike = _kinds(array.dtype) == _kinds(self.dtype)
        if not self.varies:
            return alike and array.shape == self.shape
        fits = array.ndim == len(self.shape) and bool(np.less_equal(array.shape, self.shape).all())
        return alike and fits


class ShapeVaries(UserError):
    """Items differ in the shape of a field, and in nothing else.

    Args:
        message: What is wrong where such items cannot be stored.
        field: Name of the field.
    """

    def __init__(self, message: str, field: str):
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class ItemReader:
    """Reads items of a data set as rows of an array.

    Attributes:
        items: The data set.
        fields: The fields of its items.
        target: Name of the field that is the target.
        source: Where it comes from, for messages.
    """

    items: MapStyle
    fields: tuple[Field, ...]
    target: str
    source: str

    def __call__(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Return the inputs of rows, [k, ...].

        Raises:
            UserError: If an item differs from the first one in its fields, shapes or types.
        """
        dtype, shape = layout([field for field in self.fields if field.name != self.target])
        inputs = np.zeros((len(rows), *shape), dtype)
        (target,) = [field for field in self.fields if field.name == self.target]
        self.fill(rows, inputs, np.zeros((len(rows), *target.shape), target.dtype))
        return inputs

    def fill(self, rows: NDArray[np.int64], inputs: NDArray[Any], targets: NDArray[Any]) -> None:
        """Write inputs and targets of rows to the beginning of arrays."""
        for position, row in enumerate(rows.tolist()):
            item = named_fields(self.items[row], self.source)
            store_item(item, row, list(self.fields), self.target, inputs, targets, self.source, position)


def named_fields(item: Any, source: str) -> dict[str, Any]:
    """Return the fields of an item by name; those of a tuple are named 0, 1, ...

    Raises:
        UserError: If the item has no fields.
    """
    if isinstance(item, Mapping):
        return {str(name): value for name, value in item.items()}
    if isinstance(item, tuple | list) and len(item) > 1:
        return {str(index): value for index, value in enumerate(item)}
    raise UserError(
        f"{source}: an item is {type(item).__name__}; legal: a tuple (input, target), or a mapping of named "
        "fields; where there are no targets, return the inputs as targets, too"
    )


def field_of(name: str, value: Any, source: str) -> Field:
    """Return the field that a value of the first item belongs to.

    Raises:
        UserError: If it cannot be stored.
    """
    if isinstance(value, str):
        return Field(name, "str", (), np.dtype("S1"))
    for type_, kind in ((bool, "bool"), (int, "int"), (float, "float")):
        if isinstance(value, type_):
            return Field(name, kind, (), np.dtype({"int": "i8", "float": "f8", "bool": "?"}[kind]))
    array = as_numbers(value)
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


def as_numbers(value: Any) -> NDArray[Any]:
    """Return a tensor, an array or a list as an array; of what has no numbers, one of objects."""
    try:
        return np.asarray(value.detach().cpu().numpy() if _is_tensor(value) else value)
    except (ValueError, TypeError):  # ragged lists, bfloat16
        return np.asarray(None, object)


def own_shape(stored: Any) -> Any:
    """Return the value of a field of varying shape, in its own shape, as it was stored."""
    return stored[VALUES][tuple(map(slice, stored[SHAPE]))]


def layout(fields: list[Field]) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Return type and shape of a row for some fields: of one, its own; of several, a structured type."""
    if len(fields) == 1 and not fields[0].varies:
        return fields[0].stored
    return np.dtype([(field.name, *field.stored) for field in fields]), ()


def store_item(
    item: Mapping[str, Any],
    row: int,
    fields: list[Field],
    target: str,
    inputs: NDArray[Any],
    targets: NDArray[Any],
    source: str,
    position: int | None = None,
) -> None:
    """Write an item to a position of arrays, by default its row."""
    position = row if position is None else position
    if list(item) != [field.name for field in fields]:
        raise UserError(f"{source}: item {row} has the fields {', '.join(item)}; item 0 has others")
    for field in fields:
        value = item[field.name]
        array = np.asarray(value.encode()) if isinstance(value, str) else as_numbers(value)
        if not field.takes(array):
            raise _misfit(field, value, array, row, target, source)
        if field.name == target:
            targets[position] = array
            continue
        place = inputs[field.name] if inputs.dtype.names else inputs
        if field.varies:
            place[SHAPE][position] = array.shape
            place[VALUES][position][tuple(map(slice, array.shape))] = array
        else:
            place[position] = array


def _misfit(field: Field, value: Any, array: NDArray[Any], row: int, target: str, source: str) -> UserError:
    image = _is_image(value, array)
    advice = "resize them in the data set" if image else "pad or crop them"
    message = (
        f"{source}: field {field.name} of item {row} is {array.dtype} {array.shape}, and of item 0 "
        f"{field.dtype} {field.shape}; items must have equal types and numbers of axes, and targets and "
        f"images equal shapes, so {advice} (a text may have any length)"
    )
    alike = _kinds(array.dtype) == _kinds(field.dtype) and array.ndim == len(field.shape) > 0
    if alike and field.name != target and not image and not field.varies:
        return ShapeVaries(message, field.name)
    return UserError(message)


def _is_image(value: Any, array: NDArray[Any]) -> bool:
    pillow = type(value).__module__.partition(".")[0] == "PIL"
    return pillow or (array.ndim == 3 and (array.shape[0] in (1, 3, 4) or array.shape[2] in (1, 3, 4)))


def _kinds(dtype: np.dtype[Any]) -> tuple[str, int]:
    return dtype.kind, 0 if dtype.kind == "S" else dtype.itemsize
