"""Several looks at the same test data: their intervals restated so that they hold together.

Each look is issued at the level of its own number (`hpo.selection.intervals.level_of_look`), since
the number of later looks is unknown. That covers each look by itself; read together, two of them hold
in 93 %, ten in 88 %. Restated at the level of the last look, all n hold with 95 % (Bonferroni).
"""

from __future__ import annotations

import math

from scipy import special

from hpo.selection.intervals import wilson_ends

LARGEST = 1e12


def restated(value: float, low: float, high: float, issued: float, level: float) -> tuple[float, float]:
    """Return the ends of an interval at another level than it was issued at.

    Ends between 0 and 1 are taken for Wilson's, of as many rows as give that width; others are moved
    away from the value by as much as the normal quantile grows.

    Args:
        value: The score.
        low: Lower end as issued; NaN if there is none.
        high: Upper end as issued.
        issued: Level at which it was issued.
        level: Level wanted.
    """
    if not (math.isfinite(low) and math.isfinite(high)) or level == issued:
        return low, high
    before, after = (float(special.ndtri(0.5 + wanted / 2)) for wanted in (issued, level))
    if 0 <= low <= value <= high <= 1 and high > low:
        ends = wilson_ends(value, _rows_behind(value, high - low, before), after)
        return min(low, ends[0]), max(high, ends[1])
    return value - (value - low) * after / before, value + (high - value) * after / before


def _rows_behind(share: float, width: float, z: float) -> float:
    """Return the number of rows for which Wilson's interval has a width, by bisection."""
    few, many = 1e-3, LARGEST
    for _ in range(200):
        middle = math.sqrt(few * many)
        low, high = wilson_ends(share, middle, z)
        few, many = (middle, many) if high - low > width else (few, middle)
    return few
