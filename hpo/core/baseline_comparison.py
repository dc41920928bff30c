"""What simple models score on the rows that the winner is scored on, and by how much it beats them.

A score says little by itself: 0.97 is poor where always answering one class gives 0.98 (TRIPOD+AI, item
12; REFORMS, section 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hpo.core.detail_events import TEST, VALIDATION, BaselinesScored
from hpo.core.estimates import ScoreInterval, intervals_of
from hpo.core.history import History
from hpo.core.objective import Objective


@dataclass(frozen=True, slots=True)
class BaselineScore:
    """One baseline beside the model.

    Attributes:
        name: Such as ``linear model``.
        scores: Every metric that is known of it.
        difference: The model's score less the baseline's on the same rows; None if it is unknown.
        beaten: Whether the model is better by more than the interval; None if that is open.
    """

    name: str
    scores: Mapping[str, ScoreInterval]
    difference: ScoreInterval | None
    beaten: bool | None


@dataclass(frozen=True, slots=True)
class Baselines:
    """The baselines of one part.

    Attributes:
        part: ``validation`` or ``test``.
        n: Number of rows they were scored on.
        trained: Number of rows they were fitted to.
        metric: The metric of the differences.
        rows: The baselines, the simplest first.
        constant: The class that the model answers for every row; empty if it answers several.
        notes: What was left out and why, each a sentence.
    """

    part: str
    n: int
    trained: int
    metric: str
    rows: tuple[BaselineScore, ...]
    constant: str
    notes: tuple[str, ...]

    @classmethod
    def of(cls, event: BaselinesScored, objective: Objective) -> Baselines:
        """Return the baselines that are on record."""
        rows = []
        for name, scores in event.scores.items():
            ends = event.differences.get(name)
            difference = ScoreInterval.of_json(ends) if ends else None
            intervals = intervals_of(scores, event.methods.get(name, {}))
            rows.append(BaselineScore(name, intervals, difference, _beaten(difference, objective)))
        return cls(
            event.part, event.n, event.trained, event.metric, tuple(rows), event.constant, tuple(event.notes)
        )


def baselines_in(history: History) -> tuple[Baselines, ...]:
    """Return the baselines on record, those of the validation rows first."""
    parts = (VALIDATION, TEST)
    on_record = (history.baselines[part] for part in parts if part in history.baselines)
    return tuple(Baselines.of(event, history.objective) for event in on_record)


def _beaten(difference: ScoreInterval | None, objective: Objective) -> bool | None:
    if difference is None or not difference.bounded:
        return None
    low, high = sorted((objective.rising(difference.low), objective.rising(difference.high)))
    return True if low > 0 else False if high < 0 else None
