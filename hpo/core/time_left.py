"""How long a search still takes, from its record: its own pace, or before that an earlier search's time.

The pace is wall time per epoch since the first report of the session, so that it contains what lies
between epochs, and neither the start of the workers nor the time before an interruption. How many epochs
the search phase still needs has two estimates: the forecast of the budget, and the epochs so far scaled
up by the share of the budget that is spent. Where they differ, the time is a range.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hpo.core.budget import Budget, forecast
from hpo.core.history import History
from hpo.core.progress import final_epochs, horizon_of, progress_of, reserve_of, rungs_of_spec
from hpo.core.shipped_model import to_train
from hpo.core.spending import limits_of
from hpo.core.stopping_rules import rule_named

UNTESTED, TESTED = (0.08, 0.32), (0.35, 1.0)
"""Time from the last training to the end, as shares of the time to the first report of the session.

Both consist of starting processes and importing libraries. The ends contain four fifths of 60 small
searches, half of which opened their test part.
"""


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """A range of seconds; NaN while nothing is known.

    Attributes:
        low: Lower end.
        high: Upper end.
    """

    low: float = math.nan
    high: float = math.nan

    @property
    def known(self) -> bool:
        """Whether there is an estimate."""
        return math.isfinite(self.low)

    def after(self, seconds: float) -> TimeLeft:
        """Return what is left when some more time has passed."""
        if not self.known:
            return self
        return TimeLeft(max(0.0, self.low - seconds), max(0.0, self.high - seconds))


@dataclass(frozen=True, slots=True)
class Prospects:
    """What is known of a search besides its own record.

    Attributes:
        epochs: Epochs of the search phase, as `expected_epochs` returns them; NaN if only time is limited.
        earlier: Seconds that an earlier search of the same spec took; NaN if there is none.
        tested: Whether the test part is opened at the end; None if that is not known.
    """

    epochs: float = math.nan
    earlier: float = math.nan
    tested: bool | None = None


FEW = 2
"""Epochs of each worker after its first one from which a pace by the wall clock can be measured."""

DOUBT = 0.3
"""Relative error of a pace that is known from one training; it shrinks with the root of their number."""

NOTHING_KNOWN = Prospects()


def expected_epochs(history: History) -> float:
    """Return the epochs that the search phase is expected to train in all; NaN if only time is limited.

    It plays some searches and takes a moment, so it is not for every event.
    """
    spec = history.opened.spec if history.opened else {}
    budget, scheduler = limits_of(history), spec.get("scheduler") or {}
    trials, epochs, horizon = budget.get("trials"), budget.get("epochs"), horizon_of(spec)
    if not horizon or not (trials or epochs):
        return math.nan
    rule = rule_named(scheduler.get("name"))
    limits = Budget(round(trials) if trials else None, round(epochs) if epochs else None)
    factor, reserve = scheduler["reduction_factor"], reserve_of(spec)
    finalists = int((spec.get("finalists") or {}).get("count") or 1)
    rungs, slow = rungs_of_spec(spec)[:-1], scheduler.get("slow_starters") or 0
    return forecast(limits, rungs, factor, horizon, reserve, rule, finalists, slow).epochs


def time_left(history: History, prospects: Prospects = NOTHING_KNOWN) -> TimeLeft:
    """Estimate the seconds from the last event of a search to its end.

    Args:
        history: State of the search.
        prospects: What is known besides.
    """
    if history.ended:
        return TimeLeft(0.0, 0.0)
    quick, slow = _closing(history, prospects.tested)
    passed = history.active - history.trained_at
    if history.winner and not to_train(history):
        return TimeLeft(quick, slow).after(passed)
    if not (pace := _pace(history)):
        return TimeLeft(prospects.earlier, prospects.earlier).after(history.active)
    search = [count * pace for count in _search_epochs(history, prospects.epochs)] or [math.inf]
    finals, limit = _final_seconds(history, pace), _time_limit(history)
    ended = sum(training.end is not None for training in history.trainings.values())
    unsure = 1 + DOUBT / math.sqrt(1 + ended)
    high = min(max(search) * unsure, limit) + finals * unsure
    if not math.isfinite(high):
        return TimeLeft()
    return TimeLeft(min(min(search) / unsure, limit) + finals / unsure + quick, high + slow).after(passed)


def _pace(history: History) -> float:
    """Wall seconds of an epoch in this session; of the first ones by the trainings' own clocks; 0 before."""
    workers = max(1, history.workers)
    epochs = history.trained_epochs - history.paced_epochs
    seconds = history.trained_at - history.paced_at
    if math.isnan(seconds):
        return 0.0
    if epochs < FEW * workers or not seconds:
        return history.trained / history.trained_epochs / workers
    return seconds / epochs


def _search_epochs(history: History, expected: float) -> list[float]:
    """Estimates of the epochs that the search phase still needs."""
    if history.finalists:
        return [0.0]
    share = progress_of(history).share
    estimates = [history.epochs * (1 / share - 1)] if share > 0 else []
    if math.isfinite(expected) and expected > history.epochs:
        estimates.append(expected - history.epochs)
    return estimates


def _final_seconds(history: History, pace: float) -> float:
    """Seconds of the finalists' and the model's trainings, which may leave workers idle."""
    spec = history.opened.spec if history.opened else {}
    epochs, horizon = final_epochs(spec, history), horizon_of(spec)
    if not epochs or not horizon:
        return 0.0
    workers = max(1, history.workers)
    trainings = math.ceil(epochs / horizon)
    rounds = math.ceil(trainings / workers)
    return rounds * epochs / trainings * pace * workers


def _closing(history: History, tested: bool | None) -> tuple[float, float]:
    """Seconds of choosing, testing and exporting, from the least to the most."""
    started = max(0.0, history.paced_at - history.session_at)
    if history.opened is not None and history.opened.split.get("test") is None:
        tested = False
    low = TESTED[0] if tested else UNTESTED[0]
    high = UNTESTED[1] if tested is False else TESTED[1]
    return low * started, high * started


def _time_limit(history: History) -> float:
    """Seconds of the search phase that the budget still allows; infinite if it does not limit time."""
    budget, limits = limits_of(history), [math.inf]
    if budget.get("hours"):
        limits.append(budget["hours"] * 3600 - history.active)
    held = history.gpus_held
    if budget.get("gpu_hours") and held:
        limits.append((budget["gpu_hours"] * 3600 - history.gpu_seconds) / held)
    return max(0.0, min(limits))
