"""The lines of an account that compare the model with simple ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hpo.core.baseline_comparison import Baselines, BaselineScore
from hpo.core.detail_events import TEST
from hpo.core.estimates import ScoreInterval
from hpo.core.formatting import count, score, with_interval

BEATEN = {True: "the model is better", False: "the model is worse", None: "which is better is open"}


def baseline_rows(baselines: Sequence[Baselines]) -> Iterator[tuple[str, str]]:
    """Yield what simple models score on each part, the test part last."""
    for number, table in enumerate(baselines):
        rows = "the same rows" if table.part == TEST else "the rows of the validation score"
        fitted = f"fitted to {count(table.trained, 'training row')}, " if table.rows else ""
        name = "baselines" if not number else ""
        yield name, f"{table.part}: {fitted}scored on {rows} ({table.n:,})"
        for row in table.rows:
            yield "", f"{row.name}: {_beside(row, table.metric)}"
        for note in table.notes:
            yield "", f"note: {note}"


def beside(table: Baselines) -> str:
    """Return the baselines of a part on one line, for the end of a search."""
    return "; ".join(f"{row.name} {_beside(row, table.metric)}" for row in table.rows)


def _beside(row: BaselineScore, metric: str) -> str:
    shown = row.scores.get(metric)
    if shown is None:
        some = list(row.scores.items())[:2]
        return ", ".join(f"{name} {score(of.value)}" for name, of in some) or "no score"
    return f"{metric} {with_interval(shown)}{_apart(row)}"


def _apart(row: BaselineScore) -> str:
    apart = row.difference
    if apart is None:
        return ""
    if not apart.bounded:
        equal = apart.value == 0
        return "; the model scores the same" if equal else f"; model less baseline {_signed(apart.value)}"
    ends = ScoreInterval(apart.value, apart.low, apart.high)
    return f"; model less baseline {with_interval(ends)}: {BEATEN[row.beaten]}"


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{score(value)}"
