"""What is doubtful about arrays of a user's function, each a sentence for the user."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.trainable import DataInfo
from trainables.data import precision
from trainables.data.missing_codes import missing_code

SHOWN = 5
"""Columns in a sentence, and different whole numbers that may be classes."""


CHANNELS = (1, 3, 4)
"""Numbers of channels that images usually have: grey, colour, colour with transparency."""


def channels_first(shape: tuple[int, ...]) -> bool:
    """Return whether only the first of an image's three sizes can be its number of channels."""
    return len(shape) == 4 and shape[1] in CHANNELS and shape[3] not in CHANNELS


def not_images(inputs: NDArray[Any], info: DataInfo) -> tuple[str, ...]:
    """Say that an array has the shape of images with their channels first, but is not read as images."""
    if info.kind != "array" or not channels_first(inputs.shape):
        return ()
    return (
        f"inputs of {inputs.dtype} with the shape [n, {', '.join(map(str, inputs.shape[1:]))}] seem to be "
        "images with their channels first; they are passed on as an array, unchanged. What is for images "
        "(recipes, augmentation, near copies) needs uint8, 0 to 255, arranged as np.moveaxis(images, 1, -1)",
    )


def missing_codes(inputs: NDArray[Any], info: DataInfo) -> tuple[str, ...]:
    """Name numbers in the columns of a table that probably stand for a missing value, such as -999."""
    if info.kind != "table" or not len(inputs):
        return ()
    codes = {index: missing_code(inputs[:, index]) for index in range(inputs.shape[1])}
    names = info.columns or tuple(map(str, range(inputs.shape[1])))
    found = [f"column {names[index]}: {code}return NaN" for index, code in codes.items() if code]
    more = f"; so do numbers in {len(found) - SHOWN:,} more columns" if len(found) > SHOWN else ""
    return (*found[: SHOWN - 1], found[SHOWN - 1] + more) if len(found) >= SHOWN else tuple(found)


def encoded(targets: Any) -> tuple[str, ...]:
    """Say that targets are bytes, which are read as text."""
    kind = getattr(getattr(targets, "dtype", None), "kind", "")
    return ("the targets are bytes, which are read as the text that they encode",) if kind == "S" else ()


def guessed(targets: NDArray[Any], info: DataInfo) -> tuple[str, ...]:
    """Say that whole numbers are treated as amounts because they are stored as floats."""
    if (
        info.task != "regression"
        or not len(targets)
        or (targets % 1).any()
        or len(np.unique(targets)) > SHOWN
    ):
        return ()
    return (
        "the targets are whole numbers stored as floats and are treated as regression; for classes return "
        "integers or texts, or set `task`",
    )


def constant(targets: NDArray[Any]) -> tuple[str, ...]:
    """Say that all targets are equal, so that there is nothing to learn."""
    if targets.ndim != 1 or len(targets) < 2 or (targets != targets[0]).any():
        return ()
    return (f"the target is {targets[0]} in every row of the development part, so there is nothing to learn",)


def shaped(targets: NDArray[Any], info: DataInfo) -> tuple[str, ...]:
    """Say that targets of several columns, or of one, are vectors, although they may be meant as classes."""
    if info.task != "other" or targets.ndim != 2 or targets.dtype.kind not in "fiub":
        return ()
    shape = f"the targets have the shape [{len(targets)}, {targets.shape[1]}]"
    if targets.shape[1] == 1:
        return (f"{shape} and are treated as vectors; for classes or single values return targets[:, 0]",)
    if ((targets == 0) | (targets == 1)).all() and (targets.sum(axis=1) == 1).all():
        return (f"{shape} with a single 1 in each row; for classes return targets.argmax(axis=1)",)
    return ()


def reordered(inputs: Any, targets: Any) -> tuple[str, ...]:
    """Say that a table and its targets, both of pandas, have the same index in different orders."""
    ours: Any = getattr(inputs, "index", None)
    theirs: Any = getattr(targets, "index", None)
    if not hasattr(ours, "equals") or not hasattr(theirs, "equals") or ours.equals(theirs):
        return ()
    if len(ours) != len(theirs) or not ours.sort_values().equals(theirs.sort_values()):
        return ()
    return (
        "inputs and targets have the same index in different orders, and rows are matched by position; "
        "return targets.loc[inputs.index] if the index names the rows",
    )


def rounded(inputs: NDArray[Any], floats: NDArray[np.float32]) -> tuple[str, ...]:
    """Name the columns of a table whose differences are lost as it becomes float32."""
    if inputs.dtype.itemsize < 4 or inputs.ndim != 2:
        return ()
    names = [
        index for index in range(inputs.shape[1]) if precision.is_lost(inputs[:, index], floats[:, index])
    ]
    if not names:
        return ()
    shown = ", ".join(map(str, names[:SHOWN])) + (", ..." if len(names) > SHOWN else "")
    return (
        f"single precision rounds away differences in the columns {shown}; subtract an offset or divide by "
        "a scale before returning them",
    )
