"""The verdict on a report: the training continues, or how it ends."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from hpo.core.constraints import complaints
from hpo.core.events import Cause, End, PauseCause, Reported, TrialEnded, TrialPaused
from hpo.core.history import History
from hpo.core.ports import TrainingTask
from hpo.core.shipped_model import SEEN
from hpo.core.stopping_rules import PAUSING, PausingRule, stopping_rule
from hpo.core.training_state import RETRAINED, Training
from hpo.running.limits import epochs_limit
from hpo.running.plan import Plan

TRAINED_ON = "trained_on"
"""Origin of a stopped trial that is trained to the end because no trial was fully trained."""


def in_search_phase(training: Training) -> bool:
    """Return whether a training competes at the rungs and informs the sampler."""
    return training.replicate == 0 and training.origin != TRAINED_ON


def task_of(plan: Plan, training: Training, fresh: bool = False) -> TrainingTask:
    """Return the task by which a worker runs a training.

    Args:
        plan: Plan of the search.
        training: Its current state.
        fresh: Whether it starts from the beginning even if there are checkpoints.
    """
    return TrainingTask(
        *training.key,
        recipe=training.recipe,
        seed=training.seed,
        horizon=plan.horizon,
        pauses=plan.rungs if in_search_phase(training) else (),
        saves_at_pauses=plan.rule in PAUSING,
        checkpoints=() if fresh else training.checkpoints[::-1],
        keep_weights=training.replicate > 0,
        split=training.split,
        until=training.until,
        averages=plan.averages if training.replicate else 0,
        whole_gpu=training.whole_gpu,
    )


def ended(training: Training, end: End, cause: Cause | None = None, message: str = "") -> TrialEnded:
    """Return an end of a training in its current state."""
    return TrialEnded(*training.key, end, training.epoch, training.value, cause, message)


def fresh_end(
    plan: Plan,
    training: Training,
    reports: Sequence[Reported],
    weights: tuple[str, str],
    scores: Mapping[str, float],
    examples: tuple[str, str] = ("", ""),
    finished: str = "",
) -> TrialEnded:
    """Return the end of a fresh seed whose weights were kept.

    Its value is their score on the final part, or on the search's validation part if there is none.

    Args:
        plan: The rules of the search.
        training: Its state on record.
        reports: Its last epochs, some of which may not be on record yet.
        weights: File name and SHA-256 of the kept weights.
        scores: Their scores on the final part; empty without such a part.
        examples: File name and SHA-256 of each example's contribution; empty if not kept.
        finished: What the record says if its own rule ended it before its last epoch.
    """
    objective, value, metrics = plan.objective, training.value, training.at_counted
    for report in reports:
        if report.epoch > training.epoch:
            before, value = value, objective.standing(value, report.metrics.get(objective.key, math.nan))
            metrics = report.metrics if value != before or objective.at == "last" else metrics
    end, cause, message = End.FINISHED, None, finished
    if training.origin != RETRAINED and (
        violated := complaints(objective.constraints, metrics, trained=True)
    ):
        end, cause, message = End.FAILED, Cause.CONSTRAINT, "; ".join(violated)
    if any(name.startswith("final/") for name in scores):
        value = scores.get(objective.final_key, math.nan)
        if not math.isfinite(value):
            end, cause, message = End.FAILED, Cause.DIVERGED, f"{objective.final_key} is {value}"
    epochs = training.until or plan.horizon
    if finished:
        epochs = max([training.epoch, *(report.epoch for report in reports)])
    return TrialEnded(*training.key, end, epochs, value, cause, message, *weights, dict(scores), *examples)


class Judge:
    """Applies the rules of a plan to reports, in the order of the ledger.

    Attributes:
        pausing: The rung rule, if it pauses trials instead of stopping them.
    """

    def __init__(self, plan: Plan):
        self._plan = plan
        self._rule = stopping_rule(
            plan.rule,
            plan.rungs,
            plan.horizon,
            plan.reduction_factor,
            plan.objective.mode,
            plan.most_paused,
            plan.slow_starters,
        )
        self.pausing = self._rule if isinstance(self._rule, PausingRule) else None

    def verdict(self, report: Reported, history: History) -> TrialEnded | TrialPaused | None:
        """Return how a training ends or is paused with a report; None if it continues.

        Args:
            report: The report, already applied to the history.
            history: State of the search after the report.
        """
        training = history.trainings[report.trial, report.replicate]
        metric = self._plan.objective.key
        if training.origin == RETRAINED:
            metric = f"{SEEN}/{self._plan.objective.metric}"
        limited = [] if training.origin == RETRAINED else self._plan.objective.constraints
        lacking = [name for name in (metric, *(c.metric for c in limited)) if name not in report.metrics]
        if lacking:
            names = ", ".join(report.metrics) or "nothing"
            message = f"epoch {report.epoch} did not report {lacking[0]!r}; it reported {names}"
            return ended(training, End.FAILED, Cause.METRIC_MISSING, message)
        if not math.isfinite(report.metrics[metric]):
            self._rule.forget(report.trial)
            message = f"{metric} is {report.metrics[metric]} after epoch {report.epoch}"
            return ended(training, End.FAILED, Cause.DIVERGED, message)
        if training.replicate:
            return None  # its end is committed together with its weights
        if not in_search_phase(training):
            return ended(training, End.FINISHED) if report.epoch >= self._plan.horizon else None
        violated = complaints(limited, report.metrics, trained=False)
        if violated:
            self._rule.forget(report.trial)
            return ended(training, End.STOPPED, Cause.CONSTRAINT, "; ".join(violated))
        goes_on = self._rule.report(report.epoch, training.value, report.trial)
        if report.epoch >= self._plan.horizon:
            return ended(training, End.FINISHED)
        if not goes_on and not self.pausing:
            return ended(training, End.STOPPED)
        most = epochs_limit(self._plan, history)
        if most is not None and history.epochs >= most:
            return ended(training, End.INTERRUPTED, Cause.BUDGET, "the epoch budget is spent")
        if not goes_on:
            return TrialPaused(*training.key, PauseCause.RUNG)
        return None
