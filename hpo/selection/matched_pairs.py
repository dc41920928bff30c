"""The difference of two shares on the same rows, where few rows may be answered differently.

Two models that differ on four rows of a hundred leave little to estimate a variance from, and Student's
interval is too short. Half a row added to each of the four ways in which two models can answer a row
brings the coverage close to what it is called: Agresti & Min, "Simple improved confidence intervals for
comparing matched proportions", Statistics in Medicine 2005.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import special

from hpo.metrics.row_blocks import RowBlocks
from hpo.selection.intervals import LEVEL, Interval, spread
from hpo.selection.paired_difference import paired_difference

Values = NDArray[np.float64]


def matched_difference(rows: Values, blocks: RowBlocks, level: float = LEVEL) -> Interval:
    """Return the mean difference over rows, and over seeds where there are several, with its interval.

    Args:
        rows: What each row contributes to the difference on each seed, [seeds, n].
        blocks: Which of the rows belong together.
        level: Probability of coverage.
    """
    if not np.isin(rows, (-1.0, 0.0, 1.0)).all() or blocks.kind != "rows":
        return paired_difference(rows.mean(1).tolist(), rows, blocks, level)
    over, mean = spread(rows.mean(1).tolist()), rows.mean(0)
    n = len(mean) + 2
    middle = float(mean.sum()) / n
    variance = (float((mean**2).sum()) + 1 - n * middle**2) / n**2
    seeds = over.error**2 if over.n > 1 else 0.0
    half = float(special.ndtri(0.5 + level / 2)) * math.sqrt(variance + seeds)
    method = "Agresti and Min, over examples" + (" and seeds" if over.n > 1 else "")
    return Interval(over.mean, max(-1.0, middle - half), min(1.0, middle + half), level, method)
