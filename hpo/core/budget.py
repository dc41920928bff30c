"""What a search may spend, how much of it the finalists need, and what the rest buys.

Epochs for the finalists' trainings are reserved first, so that a search can always afford to name a
winner.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from hpo.core.simulated_search import SimulatedSearch
from hpo.core.stopping_rules import RuleName, stopping_rule

SIMULATED = 16
"""Searches simulated for a forecast."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of a search, of which the first to be reached ends it; None means unlimited.

    Attributes:
        trials: Trials started, without the finalists' trainings.
        epochs: Epochs trained, including the finalists'.
        hours: Wall time, including the finalists'.
        gpu_hours: Hours times GPUs held, including the finalists'.

    Raises:
        ValueError: If there is no limit, or a limit is not positive and finite.
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
                raise ValueError(f"{limit!r} is not a budget; legal: a positive number")

    @property
    def timed(self) -> bool:
        """Whether a limit is a time, so that a trial that takes longer costs more of it."""
        return self.hours is not None or self.gpu_hours is not None

    def search_epochs(self, reserve: int) -> int | None:
        """Return the epochs left for the search after reserving the finalists'; None if unlimited."""
        return None if self.epochs is None else max(0, self.epochs - reserve)

    def search_seconds(self, gpus_at_once: float = 0.0) -> float | None:
        """Return the wall seconds that hours and GPU-hours allow in total; None if unlimited.

        Args:
            gpus_at_once: Total GPUs held by all running trials.
        """
        limits = []
        if self.hours is not None:
            limits.append(self.hours * 3600)
        if self.gpu_hours is not None and gpus_at_once > 0:
            limits.append(self.gpu_hours * 3600 / gpus_at_once)
        return min(limits) if limits else None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a budget is estimated to buy.

    Attributes:
        trials: Trials the search can start.
        fully_trained: How many of them are expected to reach the last epoch.
        epochs: Epochs the search is expected to train.
        full_trainings: Number of full trainings that cost the same epochs.
        reserved: Epochs reserved for the finalists.
    """

    trials: int
    fully_trained: float
    epochs: float
    full_trainings: float
    reserved: int


def reserved_epochs(horizon: int, count: int, seeds: int, folds: int | None = None) -> int:
    """Return the epochs that training the finalists on fresh seeds takes.

    Args:
        horizon: Epochs of a full training.
        count: Number of finalists.
        seeds: Fresh seeds for each.
        folds: Cross-validation folds for each seed.
    """
    return horizon * count * seeds * (folds or 1)


def forecast(
    budget: Budget,
    rungs: Sequence[int],
    factor: float,
    horizon: int,
    reserve: int,
    rule: RuleName,
    finalists: int = 1,
    slow_starters: int = 0,
) -> Forecast:
    """Estimate what a budget of trials and epochs buys; a budget of time cannot be estimated.

    Searches are simulated with the rung rule itself, on values whose order is the same at every rung;
    real values change order, which stops a few more trials early.

    Args:
        budget: What may be spent.
        rungs: Epochs at which trials are compared; empty if no trial is stopped early.
        factor: One trial in this many continues.
        horizon: Epochs of a full training.
        reserve: Epochs reserved for the finalists.
        rule: The rule that decides at the rungs.
        finalists: Fully trained trials that the end of a search needs, if trials were only paused.
        slow_starters: One trial in this many passes the first rung of ``promote``; 0 for none.

    Raises:
        ValueError: If neither trials nor epochs are limited.
    """
    if budget.trials is None and budget.epochs is None:
        raise ValueError("only time is limited; what it buys becomes clear while the search runs")
    trials = math.inf if budget.trials is None else budget.trials
    epochs = math.inf if budget.epochs is None else max(0, budget.epochs - reserve)
    runs = []
    for seed in range(SIMULATED):
        decide = stopping_rule(rule, rungs, horizon, factor, "max", slow_starters=slow_starters)
        search = SimulatedSearch(decide, rungs, horizon, trials, epochs, finalists)
        runs.append(search.run(Random(seed)))
    started, full, spent = (sum(values) / SIMULATED for values in zip(*runs, strict=True))
    return Forecast(round(started), full, spent, spent / horizon, reserve)
