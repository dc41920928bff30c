"""What a search may spend, what its end needs of it, and what the rest can buy.

The finalists' trainings are reserved first, so that a search never ends without the means to
name a winner.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of a search, whichever ends first; None is no limit.

    Attributes:
        trials: Trials started; the finalists' trainings are none.
        epochs: Epochs trained, the finalists' included.
        hours: Wall time, the finalists' included.
        gpu_hours: Hours times GPUs held, the finalists' included.

    Raises:
        ValueError: If nothing is limited, or a limit is not positive and finite.
    """

    trials: int | None = None
    epochs: int | None = None
    hours: float | None = None
    gpu_hours: float | None = None

    def __post_init__(self) -> None:
        limits = (self.trials, self.epochs, self.hours, self.gpu_hours)
        if all(limit is None for limit in limits):
            raise ValueError("a budget limits at least one of trials, epochs, hours and gpu_hours")
        for limit in limits:
            if limit is not None and not 0 < limit < math.inf:
                raise ValueError(f"{limit!r} is no budget; legal: a positive number")

    def search_epochs(self, reserve: int) -> int | None:
        """Epochs left for the search once the finalists' are set aside; None if unlimited."""
        return None if self.epochs is None else max(0, self.epochs - reserve)

    def search_seconds(self, gpus_at_once: float = 0.0) -> float | None:
        """Wall seconds in all, from whichever of hours and GPU-hours ends first; None if unlimited.

        Args:
            gpus_at_once: GPUs that all running trials hold together.
        """
        limits = []
        if self.hours is not None:
            limits.append(self.hours * 3600)
        if self.gpu_hours is not None and gpus_at_once > 0:
            limits.append(self.gpu_hours * 3600 / gpus_at_once)
        return min(limits) if limits else None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a budget is expected to buy.

    Attributes:
        trials: Trials that the search can start.
        fully_trained: Of these, how many are expected to reach the last epoch.
        epochs: Epochs the search is expected to train.
        full_trainings: Full trainings that would cost as many epochs.
        reserved: Epochs set aside for the finalists.
    """

    trials: int
    fully_trained: float
    epochs: float
    full_trainings: float
    reserved: int


def reserved_epochs(horizon: int, count: int, seeds: int, folds: int | None = None) -> int:
    """Epochs that training the finalists again takes.

    Args:
        horizon: Epochs of a full training.
        count: Number of finalists.
        seeds: Fresh seeds for each.
        folds: Cross-validation folds for each seed.
    """
    return horizon * count * seeds * (folds or 1)


def arrivals(trials: int, rungs: Sequence[int], factor: float) -> list[float]:
    """Expected number of trials that go past each rung.

    The rule lets the first arrival on, and a later one if it is no worse than the
    ``1 - 1 / factor`` quantile, linearly interpolated, of those before it. If all orders are
    equally likely, the (m + 1)-th arrival goes on with probability (m - place) / (m + 1), where
    place = (1 - 1 / factor) (m - 1) is the quantile's place among the m before it.

    Args:
        trials: Trials that arrive at the first rung.
        rungs: Epochs at which trials are compared.
        factor: One trial in this many goes on.
    """
    passed = []
    coming = float(trials)
    for _ in rungs:
        coming = _promoted(coming, 1 - 1 / factor)
        passed.append(coming)
    return passed


def _promoted(coming: float, share: float) -> float:
    """One, and the sum of the later arrivals' probabilities, which has a closed form."""
    if coming <= 1:
        return coming
    return min(coming, 1 + (1 - share) * (coming - 1) + (2 * share - 1) * (_harmonic(coming) - 1))


def _harmonic(n: float) -> float:
    """1 + 1/2 + ... + 1/n, to four decimals or better."""
    euler = 0.5772156649015329
    return math.log(n) + euler + 1 / (2 * n) - 1 / (12 * n**2) + 1 / (120 * n**4)


def expected_epochs(trials: int, rungs: Sequence[int], factor: float, horizon: int) -> float:
    """Epochs that so many trials are expected to train under the rung rule.

    Args:
        trials: Number of trials.
        rungs: Epochs at which trials are compared; none if nothing is stopped.
        factor: One trial in this many goes on.
        horizon: Epochs of a full training.
    """
    going = [float(trials), *arrivals(trials, rungs, factor)]
    stops = [*rungs, horizon]
    lengths = [stop - start for start, stop in zip([0, *rungs], stops, strict=True)]
    return sum(count * length for count, length in zip(going, lengths, strict=True))


def forecast(budget: Budget, rungs: Sequence[int], factor: float, horizon: int, reserve: int) -> Forecast:
    """What a budget of trials and epochs is expected to buy; time buys what it turns out to.

    Args:
        budget: What may be spent.
        rungs: Epochs at which trials are compared; none if nothing is stopped.
        factor: One trial in this many goes on.
        horizon: Epochs of a full training.
        reserve: Epochs set aside for the finalists.

    Raises:
        ValueError: If neither trials nor epochs are limited.
    """
    epochs = budget.search_epochs(reserve)
    trials = budget.trials
    if epochs is not None:
        affordable = _trials_for(epochs, rungs, factor, horizon)
        trials = affordable if trials is None else min(trials, affordable)
    if trials is None:
        raise ValueError("only time is limited; how much it buys shows while the search runs")
    spent = expected_epochs(trials, rungs, factor, horizon)
    passed = arrivals(trials, rungs, factor)[-1] if rungs else float(trials)
    return Forecast(trials, passed, spent, spent / horizon, reserve)


def _trials_for(epochs: int, rungs: Sequence[int], factor: float, horizon: int) -> int:
    """Most trials whose expected epochs fit, by bisection: the cost grows with each trial."""
    low, high = 0, max(1, epochs)
    while low < high:
        middle = (low + high + 1) // 2
        if expected_epochs(middle, rungs, factor, horizon) <= epochs:
            low = middle
        else:
            high = middle - 1
    return low
