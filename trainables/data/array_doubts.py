"""What is doubtful about arrays of a user's function, each a sentence for the user."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.trainable import DataInfo
from trainables.data import precision

SHOWN = 5
"""Columns in a sentence, and different whole numbers that may be classes."""


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
