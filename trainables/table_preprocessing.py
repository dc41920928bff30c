"""Rows of a table as numbers that a network takes.

Medians, means, spreads and which columns have gaps are learned from the training rows alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hpo.core.trainable import Arrays, DataInfo, Examples
from trainables.networks.table_network import TableShape


@dataclass(frozen=True)
class TableEncoder:
    """Encodes rows of a data set as rows for a network.

    A numeric column is standardized and its gaps are filled with the median; a column with gaps in the
    training rows adds another one that marks them. A categorical column keeps its codes; unknown
    categories and gaps have one code each.

    Attributes:
        median: Of each numeric column.
        mean: Of each numeric column after its gaps are filled.
        spread: Standard deviation of the same; infinite for a constant column, which becomes zero
            everywhere, whatever it holds in other rows.
        gaps: Whether each numeric column gets a column that marks its gaps.
        target: Mean and standard deviation of a regression's targets, in their precision; 0 and 1 for
            classes.
    """

    median: NDArray[np.float32]
    mean: NDArray[np.float32]
    spread: NDArray[np.float32]
    gaps: NDArray[np.bool_]
    target: NDArray[np.floating[Any]]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return arrays from which ``TableEncoder(**arrays)`` builds it again."""
        return {
            "median": self.median,
            "mean": self.mean,
            "spread": self.spread,
            "gaps": self.gaps,
            "target": self.target,
        }

    def shape(self, info: DataInfo) -> TableShape:
        """Return the shape of an encoded row."""
        counts = tuple(len(info.categories[name]) + 2 for name in info.columns if name in info.categories)
        return TableShape(len(self.median) + int(self.gaps.sum()), counts)

    def rows(self, examples: Examples) -> Tensor:
        """Return rows [n, numbers + categories] of a part, in its order."""
        numeric, coded = _split(examples)
        missing = np.isnan(numeric)
        numbers = (np.where(missing, self.median, numeric) - self.mean) / self.spread
        category_counts = [len(examples.info.categories[name]) for name in _categorical(examples.info)]
        codes = np.where(np.isnan(coded), np.array(category_counts, np.float32) + 1, coded)
        flags = missing[:, self.gaps].astype(np.float32)
        return torch.from_numpy(np.concatenate([numbers, flags, codes], 1).astype(np.float32))

    def targets(self, examples: Examples) -> Tensor:
        """Return labels int64 [n], or standardized values float32 [n, 1]."""
        targets: Tensor = torch.from_numpy(np.array(examples.targets[examples.rows]))
        if examples.info.task == "classification":
            return targets.long()
        mean, spread = self.target.tolist()
        values: Tensor = (targets - mean) / spread
        return values.float()[:, None]


def fit(train: Examples) -> TableEncoder:
    """Learn the encoding from the training rows."""
    numeric, _ = _split(train)
    missing = np.isnan(numeric)
    with np.errstate(all="ignore"):
        median = np.array([_median(column) for column in numeric.T], np.float32)
    filled = np.where(missing, median, numeric).astype(np.float64)
    spread = filled.std(0)
    target = np.array([0.0, 1.0], np.float32)
    if train.info.task == "regression":
        values = np.asarray(train.targets[train.rows], np.float64)
        target = np.array([values.mean(), values.std() or 1.0], train.targets.dtype)
    return TableEncoder(
        median,
        filled.mean(0).astype(np.float32),
        np.where(filled.max(0) > filled.min(0), spread, np.inf).astype(np.float32),
        np.asarray(missing.any(0)),
        target,
    )


def load(arrays: Arrays) -> TableEncoder:
    """Build from the arrays that `TableEncoder.arrays` returned."""
    restored: Mapping[str, Any] = {name: np.asarray(array) for name, array in arrays.items()}
    return TableEncoder(**restored)


def _median(column: NDArray[np.float32]) -> float:
    """Return the median of the values that are present; 0 if none is."""
    present = column[~np.isnan(column)]
    return float(np.median(present)) if len(present) else 0.0


def _categorical(info: DataInfo) -> list[str]:
    return [name for name in info.columns if name in info.categories]


def _split(examples: Examples) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return numeric and categorical columns of a part's rows."""
    rows = np.asarray(examples.inputs[examples.rows], np.float32)
    names = examples.info.columns or (None,) * rows.shape[1]
    coded = np.array([name in examples.info.categories for name in names], bool)
    return rows[:, ~coded], rows[:, coded]
