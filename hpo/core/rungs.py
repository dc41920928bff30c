"""At which epochs trials are compared: the first rung, and those after it.

Without a word in the spec they follow from the length of a full training. A first rung at a fixed
epoch comes too late in a training of 20 epochs, and too early in one of 100, whose first epochs say little
about the last.
"""

from __future__ import annotations

import math

FACTOR = 3
"""Reduction factor of a spec that names none."""

SHARE = 20
"""The default first rung is the horizon divided by this. On recorded trainings with horizons of 20 to 100
epochs, searches took about a third longer with a first rung at 3 epochs."""


def default_first_rung(horizon: int) -> int:
    """Return the first rung of a spec that names none: about a twentieth of a full training."""
    return max(1, round(horizon / SHARE))


def rungs_of(rule: str, first: int, factor: int, horizon: int) -> tuple[int, ...]:
    """Return the epochs at which a rule compares trials: a factor apart, or closer for ``leaders``."""
    if rule == "leaders":
        return close_milestones(first, factor, horizon)
    return milestones(first, factor, horizon)


def milestones(first: int, factor: int, horizon: int) -> tuple[int, ...]:
    """Return the epochs first, first * factor, ... below the horizon."""
    rungs = []
    epoch = first
    while epoch < horizon:
        rungs.append(epoch)
        epoch *= factor
    return tuple(rungs)


def close_milestones(first: int, factor: float, horizon: int) -> tuple[int, ...]:
    """Return epochs at powers of a factor's square root, each at least that much below the horizon."""
    rungs: list[int] = []
    epoch = float(first)
    while epoch * math.sqrt(factor) <= horizon * (1 + 1e-9) and first < horizon:
        if not rungs or int(epoch + 1e-9) > rungs[-1]:
            rungs.append(int(epoch + 1e-9))
        epoch *= math.sqrt(factor)
    return tuple(rungs)
