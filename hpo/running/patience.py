"""When a search ends because it no longer improves, and what that saves."""

from __future__ import annotations

import math

from hpo.core.history import History
from hpo.running.limits import epochs_limit, gpu_seconds_limit, seconds_limit
from hpo.running.plan import Plan


class PatienceCounter:
    """Counts the trials in a row that did not improve the best value.

    Args:
        plan: Plan of the search; without ``patience`` it is never exhausted.
    """

    def __init__(self, plan: Plan):
        self._plan = plan
        self._leading = math.nan
        self._without_gain = 0
        self._counted: set[int] = set()

    @property
    def exhausted(self) -> bool:
        """Whether too many trials in a row did not improve the search."""
        return self._plan.patience is not None and self._without_gain >= self._plan.patience

    def add(self, trial: int, value: float) -> None:
        """Count a trial that ended or was paused with this value; NaN if it never had a finite one.

        A trial counts once as one without a gain, however often it is paused.
        """
        objective = self._plan.objective
        gain = objective.rising(value) - objective.rising(self._leading)
        if math.isfinite(value) and not gain <= self._plan.least_gain:
            self._leading, self._without_gain = value, 0
        elif trial not in self._counted:
            self._without_gain += 1
        self._counted.add(trial)


def saved(plan: Plan, history: History) -> str:
    """Return why the search phase ended before its budget was spent, and what is left of the budget.

    If epochs are not limited, the epochs saved are estimated from the trials so far.

    Args:
        plan: A plan with patience.
        history: State of the search.
    """
    gain = f" by more than {plan.least_gain:g}" if plan.least_gain else ""
    trials, epochs, most = len(history.trials), history.epochs, epochs_limit(plan, history)
    left = []
    if plan.trials is not None:
        spare = max(0, plan.trials + history.extended - trials)
        unknown = most is None and trials
        about = f" (about {round(spare * epochs / trials):,} epochs)" if unknown else ""
        left.append(f"{spare:,} trials{about}")
    if most is not None:
        left.append(f"{max(0, most - epochs):,} epochs")
    if (seconds := seconds_limit(plan, history)) is not None:
        left.append(f"{max(0.0, seconds - history.active) / 3600:.3g} hours")
    if (gpu_seconds := gpu_seconds_limit(plan, history)) is not None:
        left.append(f"{max(0.0, gpu_seconds - history.gpu_seconds) / 3600:.3g} GPU-hours")
    return (
        f"patience: {plan.patience} trials in a row did not improve the best value{gain}; "
        f"not spent on the search: {', '.join(left) or 'nothing that is limited'}"
    )
