"""The difference of two recipes that were trained on the same seeds and scored on the same rows.

Taken seed by seed and row by row, what both share falls out of it. What is left varies with the
seeds and with the rows, and an interval for other rows needs both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

from hpo.metrics.row_blocks import RowBlocks
from hpo.selection.intervals import LEVEL, Interval, mean_interval, spread

Values = NDArray[np.float64]


def paired_difference(
    differences: Sequence[float],
    rows: Values | None = None,
    blocks: RowBlocks | None = None,
    level: float = LEVEL,
) -> Interval:
    """Return the mean difference of two recipes with its interval over seeds and, if known, rows.

    Args:
        differences: One for each seed on which both were trained.
        rows: What each row contributes to the difference on each seed, [seeds, n]; None if unknown.
        blocks: Which of the rows belong together; None if they are independent.
        level: Probability of coverage.

    Raises:
        ValueError: If there is no difference or one is not finite.
    """
    if rows is None or len(rows) != len(differences) or rows.shape[1] < 2:
        return mean_interval(differences, level)
    over, blocks = spread(differences), blocks or RowBlocks.independent(rows.shape[1])
    seeds = over.error**2 if over.n > 1 else 0.0
    mean = rows.mean(0)
    # The scatter of seeds within a row adds to the variance of the mean over seeds.
    scatter = float(rows.var(0, ddof=1).mean()) / over.n / rows.shape[1] if over.n > 1 else 0.0
    examples = max(0.0, blocks.variance(mean - mean.mean()) - scatter)
    parts = [(seeds, over.n - 1), (examples, blocks.dof)]
    if seeds < scatter:  # by luck: seeds that agree more than their rows allow
        parts = [(scatter + examples, blocks.dof)]
    known = sum(variance**2 / dof for variance, dof in parts if variance > 0 and dof > 0)
    total = sum(variance for variance, _ in parts)
    if not known or not math.isfinite(total):
        return mean_interval(differences, level)
    half = float(special.stdtrit(total**2 / known, 0.5 + level / 2)) * math.sqrt(total)
    if over.n > 1:  # few seeds are trusted no further than they are by themselves
        half = max(half, float(special.stdtrit(over.n - 1, 0.5 + level / 2)) * over.error)
    kind = "stretches of time" if blocks.kind == "times" else blocks.kind
    where = "" if blocks.kind == "rows" else f" in {blocks.count} {kind}"
    over_seeds = "seeds and " if over.n > 1 else ""
    method = f"t over {over_seeds}examples{where}" + ("" if over.n > 1 else ", for one seed")
    return Interval(over.mean, over.mean - half, over.mean + half, level, method)
