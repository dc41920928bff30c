"""What a search may spend, what its end needs of it, and what the rest can buy.

The finalists' trainings are reserved first, so that a search never ends without the means to
name a winner.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from hpo.core.stopping_rules import RuleName, stopping_rule

PLAYED = 16
LONG = 1_000
"""Searches that are played for a forecast, and the trials after which a search goes on as before."""


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


def forecast(
    budget: Budget,
    rungs: Sequence[int],
    factor: float,
    horizon: int,
    reserve: int,
    rule: RuleName = "asha",
) -> Forecast:
    """What a budget of trials and epochs is expected to buy; time buys what it turns out to.

    Searches are played with the rung rule itself, with values that keep their order from rung to
    rung; real ones change places, which stops a few more trials early.

    Args:
        budget: What may be spent.
        rungs: Epochs at which trials are compared; none if nothing is stopped.
        factor: One trial in this many goes on.
        horizon: Epochs of a full training.
        reserve: Epochs set aside for the finalists.
        rule: Which rule decides at the rungs.

    Raises:
        ValueError: If neither trials nor epochs are limited.
    """
    if budget.trials is None and budget.epochs is None:
        raise ValueError("only time is limited; how much it buys shows while the search runs")
    trials = math.inf if budget.trials is None else budget.trials
    epochs = math.inf if budget.epochs is None else max(0, budget.epochs - reserve)
    runs = [_play(trials, epochs, rungs, factor, horizon, Random(seed), rule) for seed in range(PLAYED)]
    started, full, spent = (sum(each) / PLAYED for each in zip(*runs, strict=True))
    return Forecast(round(started), full, spent, spent / horizon, reserve)


def _play(
    trials: float,
    epochs: float,
    rungs: Sequence[int],
    factor: float,
    horizon: int,
    random: Random,
    name: RuleName,
) -> tuple[float, float, float]:
    """Trials, full trainings and epochs of one search; a long one goes on as its second half did."""
    rule = stopping_rule(name, rungs, horizon, factor)
    costs: list[int] = []
    spent = full = 0.0
    while len(costs) < min(trials, LONG) and spent < epochs:
        value = random.random()
        trial = len(costs)
        stopped = next((rung for rung in rungs if not rule.report(rung, value, trial)), horizon)
        if stopped == horizon:
            rule.report(horizon, value, trial)
        costs.append(stopped)
        spent += stopped
        full += stopped == horizon
    if len(costs) == LONG and trials > LONG and spent < epochs:
        late = costs[LONG // 2 :]
        cost, share = sum(late) / len(late), sum(each == horizon for each in late) / len(late)
        more = min(trials - LONG, (epochs - spent) / cost)
        return LONG + more, full + share * more, spent + cost * more
    return len(costs), full, min(spent, epochs)
