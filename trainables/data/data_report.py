"""What a reader took the data for, and why: for the user, before anything is trained.

It covers the development part; of the test part nothing is described.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hpo.core.json_values import JsonObject

QUANTILES = {"least": 0.0, "lower_quartile": 0.25, "median": 0.5, "upper_quartile": 0.75, "greatest": 1.0}


@dataclass(frozen=True, slots=True)
class ColumnReport:
    """A column of a table.

    Attributes:
        name: Its name.
        taken_for: What it is taken for, such as ``number``, ``category`` or ``identifier``.
        why: The reason.
        missing: Number of missing values.
        distinct: Number of different values.
        notes: What is odd about it, such as one value in all rows.
    """

    name: str
    taken_for: str
    why: str
    missing: int
    distinct: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageReport:
    """The images of a data set, as they are stored and as they are given to a training.

    Attributes:
        n: Number of images.
        sizes: Number of images by width and height as stored, such as ``640 x 480``.
        modes: Number of images by what a pixel holds, such as ``RGB``.
        bits: Bits per channel of the stored pixels that are used.
        turned: Number of images that were turned upright.
        given: Height, width and channels that a training gets.
        conversions: What was done to the pixels, each a sentence.
    """

    n: int
    sizes: Mapping[str, int]
    modes: Mapping[str, int]
    bits: int
    turned: int
    given: tuple[int, ...]
    conversions: tuple[str, ...] = ()


@dataclass(frozen=True)
class DataReport:
    """What the development part was taken for.

    Attributes:
        columns: The columns of a table, in the order of the file.
        images: The images.
        target: Distribution of the target: number of rows by class, or quantiles, mean and spread.
    """

    columns: tuple[ColumnReport, ...] = ()
    images: ImageReport | None = None
    target: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> JsonObject:
        """Return it as a JSON value."""
        return {
            "columns": [dataclasses.asdict(column) for column in self.columns],
            "images": dataclasses.asdict(self.images) if self.images else None,
            "target": dict(self.target),
        }


def target_distribution(
    targets: NDArray[np.generic], classes: tuple[str, ...], task: str
) -> Mapping[str, float]:
    """Return the number of rows of each class, or quantiles, mean and spread of a regression's targets."""
    if task == "classification":
        counts = np.bincount(np.asarray(targets, np.int64), minlength=len(classes))
        return dict(zip(classes, counts.tolist(), strict=True))
    if task != "regression" or not len(targets):
        return {}
    values = np.asarray(targets, np.float64)
    described = dict(zip(QUANTILES, np.quantile(values, list(QUANTILES.values())).tolist(), strict=True))
    return {**described, "mean": float(values.mean()), "std": float(values.std())}
