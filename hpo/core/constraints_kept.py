"""How a search stands to its constraints: what the winner has of each, and how many trials violate one."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hpo.core.constraints import Constraint, shown
from hpo.core.events import Cause, End
from hpo.core.history import History
from hpo.core.training_state import Training


@dataclass(frozen=True, slots=True)
class ConstraintKept:
    """A constraint, and the value of the model that should satisfy it; NaN if there is no model yet."""

    constraint: Constraint
    value: float

    @property
    def text(self) -> str:
        """The constraint in words, with the value if there is one."""
        if not math.isfinite(self.value):
            return self.constraint.text
        return f"{self.constraint.metric} {shown(self.value)} ({self.constraint.limits})"


@dataclass(frozen=True, slots=True)
class ConstraintsKept:
    """All constraints of a search.

    Attributes:
        constraints: The constraints, as the winner satisfies them, or before that the best trial.
        violating: Number of trials that violate one: those that ended for it, and fully trained ones.
        trials: Number of trials.
    """

    constraints: tuple[ConstraintKept, ...]
    violating: int
    trials: int

    @property
    def text(self) -> str:
        """The constraints in words."""
        which = "one" if len(self.constraints) > 1 else "it"
        many = f"{self.violating:,} of {self.trials:,} trials violate {which}"
        return "; ".join((*(constraint.text for constraint in self.constraints), many))


def constraints_kept(history: History) -> ConstraintsKept | None:
    """Return how a search stands to its constraints; None if it has none."""
    constraints = history.objective.constraints
    if not constraints:
        return None
    model = _model(history)
    values = model.at_counted if model else {}
    kept = tuple(
        ConstraintKept(constraint, values.get(constraint.metric, math.nan)) for constraint in constraints
    )
    violating = sum(
        t.cause is Cause.CONSTRAINT or (t.end is End.FINISHED and not history.feasible(t))
        for t in history.trials
    )
    return ConstraintsKept(kept, violating, len(history.trials))


def _model(history: History) -> Training | None:
    """Return the training whose weights are the model, or the best trial so far."""
    if history.winner:
        return history.trainings[history.winner.trial, history.winner.replicate]
    return history.best
