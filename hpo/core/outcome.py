"""What a search tells its caller: every event while it runs, and an outcome when it ends."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from hpo.core import events
from hpo.core.attention import attention
from hpo.core.baseline_comparison import Baselines, baselines_in
from hpo.core.constraints_kept import ConstraintsKept, constraints_kept
from hpo.core.estimates import ScoreEstimates, ScoreInterval, intervals_of
from hpo.core.events import End
from hpo.core.history import History
from hpo.core.json_values import JsonObject, RecipeFields, fields_of, jsonable
from hpo.core.record import Recorded
from hpo.core.search_shortfall import GAVE_UP, UNSATISFIED
from hpo.core.spending import BudgetUse, budget_use
from hpo.core.unread_claims import is_unread


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


@runtime_checkable
class WaitingWatcher(Watcher, Protocol):
    """Receives what a running search waits for as well, which is not on record."""

    def waiting(self, what: str) -> None:
        """Receive what the search waits for, such as ``Ray to start``; empty if it waits no longer.

        This may be called in another thread than `Watcher.event`, but never at the same time.
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
    recipe: RecipeFields
    mean: float
    std: float
    n: int
    reason: str
    point: RecipeFields = field(default_factory=dict)
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
        test: Test scores by metric; None while the test part is sealed.
        claimed: Whether it was claimed, and may have been read; without a score, the evaluator died before
            it had one.
        test_examples: Number of examples behind the test score.
        practice: Whether the test score is on shipped practice data.
        recipe_path: Where the recipe was written; empty if it was not.
        test_refused: Why the test part stayed closed; None if no opening was refused.
        look: How often this test data has been opened, this time included.
        look_reason: Why it was opened again; empty for the first look.
        model: What is tested, exported and used; None until it is fixed.
        overlap: Number of training rows that are also in the test part, as the spec accepts.
        spent: What was used of each kind of budget.
        saved: Why the search phase ended before its budget and what that left; empty if it did not.
        numbers: The best single score, estimates of it without its luck, and the winner's mean, from
            the account; None until that is written.
        has_test: Whether the data has a test part.
        baselines: Simple models beside the model, those of the test part last.
        constraints: How it stands to its constraints; None if it has none.
    """

    search: str
    status: str
    reason: str
    metric: str
    trials: Mapping[str, int]
    best: WinnerSummary | None
    test: Mapping[str, ScoreInterval] | None
    test_examples: int
    practice: bool
    recipe_path: str
    claimed: bool = False
    test_refused: events.TestRefused | None = None
    look: int = 1
    look_reason: str = ""
    overlap: int = 0
    model: events.ModelFixed | None = None
    spent: tuple[BudgetUse, ...] = ()
    saved: str = ""
    numbers: ScoreEstimates | None = None
    has_test: bool = True
    baselines: tuple[Baselines, ...] = ()
    constraints: ConstraintsKept | None = None

    @property
    def attention(self) -> tuple[str, ...]:
        """What must be known before the scores, a sentence each."""
        return attention(self.numbers, self.metric, self.baselines)

    @property
    def exit_code(self) -> int:
        """0 for a search that is done, 4 if no trial succeeded, otherwise 1."""
        return {"done": 0, "no_trial_succeeded": 4}.get(self.status, 1)

    def to_json(self) -> JsonObject:
        """Return the outcome as a JSON value, the last line of ``hpo submit --json``.

        ``attention`` is present only if something must be known before the scores, ``saved`` only if
        the search phase ended early, ``test_refused`` only if opening the test part was refused,
        ``numbers`` only if the account was written, ``model`` only if it is not the winner's best
        checkpoint, ``baselines`` only if some were scored, ``constraints`` only if the spec has some.
        """
        model = {"model": _model(self.model)} if self.model and self.model.kind != "best" else {}
        refused = {"test_refused": fields_of(self.test_refused)} if self.test_refused else {}
        shown: JsonObject = {
            "search": self.search,
            "status": self.status,
            **({"attention": list(self.attention)} if self.attention else {}),
            "trials": dict(self.trials),
            **({"saved": self.saved} if self.saved else {}),
            "best": _best(self.best) if self.best else None,
            "test": jsonable(self.test) if self.test else None,
            "recipe_path": self.recipe_path or None,
            **refused,
            **model,
            **({"numbers": jsonable(self.numbers)} if self.numbers else {}),
            **({"baselines": jsonable(self.baselines)} if self.baselines else {}),
            **({"constraints": jsonable(self.constraints)} if self.constraints else {}),
        }
        return shown


def _best(winner: WinnerSummary) -> JsonObject:
    spread = winner.std if math.isfinite(winner.std) else None
    return {
        "trial": winner.trial,
        "recipe": dict(winner.recipe),
        "validation": {"mean": winner.mean, "std": spread, "n": winner.n},
        **({"tied": list(winner.tied)} if len(winner.tied) > 1 else {}),
        **({"trainings_saved": winner.saved} if winner.saved else {}),
    }


def outcome_of(
    name: str, history: History, recipe_path: str = "", numbers: ScoreEstimates | None = None
) -> Outcome:
    """Return the outcome of a search from its record.

    Args:
        name: The search's name.
        history: Its state.
        recipe_path: Path of the winner's recipe; empty if it was not written.
        numbers: Numbers of its account, if there is one.
    """
    score = history.score
    return Outcome(
        search=name,
        status=history.status,
        reason=history.ended.reason if history.ended else "",
        metric=history.objective.metric,
        trials={end.value: history.count(end) for end in (End.FINISHED, End.STOPPED, End.FAILED)},
        best=winner_of(history),
        test=intervals_of(score.scores) if score else None,
        claimed=history.claim is not None and not is_unread(history),
        test_examples=score.n if score else 0,
        practice=bool(score and score.practice),
        recipe_path=recipe_path,
        test_refused=history.refused,
        look=score.look if score else 1,
        look_reason=score.reason if score else "",
        model=history.model,
        overlap=int(history.opened.split.get("overlap", 0)) if history.opened else 0,
        spent=budget_use(history),
        saved=_saved(history),
        numbers=numbers if history.winner else None,
        has_test=history.opened is None or history.opened.split.get("test", {}) is not None,
        baselines=baselines_in(history) if history.winner else (),
        constraints=constraints_kept(history),
    )


def _saved(history: History) -> str:
    reason = history.finalists.reason if history.finalists else ""
    return "" if reason.startswith((GAVE_UP, UNSATISFIED)) else reason


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
