"""What a search tells its caller: every event while it runs, and an outcome when it ends."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from hpo.core import events
from hpo.core.events import End
from hpo.core.history import History
from hpo.core.record import Recorded, fields_of
from hpo.core.spending import BudgetUse, budget_use


class Watcher(Protocol):
    """Receives the events of a running search."""

    def begin(self, search: str) -> None:
        """Receive the search's name, before its events."""
        ...

    def event(self, recorded: Recorded, history: History) -> None:
        """Receive an event that was committed and applied to the history.

        This is called in the process that runs the search, between two decisions: it must return
        immediately, must not raise, and must not pass the history to another thread.
        """
        ...


@dataclass(frozen=True, slots=True)
class WinnerSummary:
    """The winning recipe of a search.

    Attributes:
        trial: Number of the trial.
        recipe: The complete recipe.
        mean: Mean validation value over the fresh seeds.
        std: Standard deviation over the fresh seeds (n - 1); NaN for one.
        n: Number of fresh seeds.
        reason: Why this trial won, in a sentence.
        point: The values chosen from the space.
        tied: Finalists that a race could not tell apart, including the winner; else empty.
        saved: Trainings that the race did not need.
    """

    trial: int
    recipe: Mapping[str, Any]
    mean: float
    std: float
    n: int
    reason: str
    point: Mapping[str, Any] = field(default_factory=dict)
    tied: tuple[int, ...] = ()
    saved: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a search ended.

    Attributes:
        search: Name of the search.
        status: ``done``, ``stopped``, ``failed`` or ``no_trial_succeeded``.
        reason: Why it ended with this status, in a sentence; may be empty.
        metric: The objective's name.
        trials: Counts of trials that ended as ``finished``, ``stopped`` and ``failed``.
        best: The winner, if one was named.
        test: Metric to ``{"value", "low", "high"}``; None while the test part is sealed.
        claimed: Whether it was claimed; if there is no score, the evaluator died before it had one.
        test_examples: Number of examples behind the test score.
        practice: Whether the test score is on shipped practice data.
        recipe_path: Path of the recipe; empty if it was not written.
        test_refused: Why a request to open the test part was refused: ``message``, ``first`` (the
            first look at the same data) and ``looks``.
        look: How often this test data has been opened, including this time.
        look_reason: Why it was opened again; empty for the first look.
        model: The fixed model that is tested, exported and used: ``kind``, ``reason``, ``digest``.
        overlap: Number of training rows that are also in the test part, if the spec accepts overlap.
        spent: Use of each kind of budget.
        saved: Why the search phase ended before its budget was spent and what is left; else empty.
        numbers: The best single score, the same corrected for selection, and the winner's mean, as in
            the account; None before the account is written.
    """

    search: str
    status: str
    reason: str
    metric: str
    trials: Mapping[str, int]
    best: WinnerSummary | None
    test: Mapping[str, Mapping[str, float]] | None
    test_examples: int
    practice: bool
    recipe_path: str
    claimed: bool = False
    test_refused: Mapping[str, Any] | None = None
    look: int = 1
    look_reason: str = ""
    overlap: int = 0
    model: Mapping[str, str] | None = None
    spent: tuple[BudgetUse, ...] = ()
    saved: str = ""
    numbers: Mapping[str, Any] | None = None

    @property
    def exit_code(self) -> int:
        """0 for a search that is done, 4 if no trial succeeded, otherwise 1."""
        return {"done": 0, "no_trial_succeeded": 4}.get(self.status, 1)

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as a JSON value, the last line of ``hpo submit --json``.

        ``saved`` is present only if the search phase ended early, ``test_refused`` only if opening the
        test part was refused, ``numbers`` only if the account was written, ``model`` only if it is not
        the winner's best checkpoint.
        """
        model = {"model": dict(self.model)} if self.model and self.model["kind"] != "best" else {}
        refused = {"test_refused": dict(self.test_refused)} if self.test_refused else {}
        return {
            "search": self.search,
            "status": self.status,
            "trials": dict(self.trials),
            **({"saved": self.saved} if self.saved else {}),
            "best": _best(self.best) if self.best else None,
            "test": {name: dict(score) for name, score in self.test.items()} if self.test else None,
            "recipe_path": self.recipe_path or None,
            **refused,
            **model,
            **({"numbers": dict(self.numbers)} if self.numbers else {}),
        }


def _best(winner: WinnerSummary) -> dict[str, Any]:
    spread = winner.std if math.isfinite(winner.std) else None
    return {
        "trial": winner.trial,
        "recipe": dict(winner.recipe),
        "validation": {"mean": winner.mean, "std": spread, "n": winner.n},
        **({"tied": list(winner.tied)} if len(winner.tied) > 1 else {}),
        **({"trainings_saved": winner.saved} if winner.saved else {}),
    }


def outcome_of(
    name: str, history: History, recipe_path: str = "", numbers: Mapping[str, Any] | None = None
) -> Outcome:
    """Return the outcome of a search from its record.

    Args:
        name: The search's name.
        history: Its state.
        recipe_path: Path of the winner's recipe; empty if it was not written.
        numbers: Numbers of its account, if there is one.
    """
    score, refused = history.score, history.refused
    return Outcome(
        search=name,
        status=history.status,
        reason=history.ended.reason if history.ended else "",
        metric=history.objective.metric,
        trials={end.value: history.count(end) for end in (End.FINISHED, End.STOPPED, End.FAILED)},
        best=winner_of(history),
        test=score.scores if score else None,
        claimed=history.claim is not None,
        test_examples=score.n if score else 0,
        practice=bool(score and score.practice),
        recipe_path=recipe_path,
        test_refused=fields_of(refused) if refused else None,
        look=score.look if score else 1,
        look_reason=score.reason if score else "",
        model=_model(history.model) if history.model else None,
        overlap=int(history.opened.split.get("overlap", 0)) if history.opened else 0,
        spent=budget_use(history),
        saved=history.finalists.reason if history.finalists else "",
        numbers=numbers if history.winner else None,
    )


def _model(fixed: events.ModelFixed) -> dict[str, str]:
    return {"kind": fixed.kind, "reason": fixed.reason, "digest": fixed.digest}


def winner_of(history: History) -> WinnerSummary | None:
    """Return the winner, if there is one."""
    named = history.winner
    if named is None:
        return None
    training = history.trainings[named.trial, 0]
    return WinnerSummary(
        named.trial,
        training.recipe,
        named.mean,
        named.std,
        named.n,
        named.reason,
        training.point,
        named.tied,
        named.saved,
    )
