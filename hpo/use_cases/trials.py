"""The trials of a search as a table that can be sorted and filtered."""

from __future__ import annotations

import csv
import io
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hpo.core.errors import UserError
from hpo.core.events import End
from hpo.core.formatting import interruptions, plain
from hpo.core.fresh_seeds import FreshSeeds
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.json_values import JsonObject
from hpo.core.objective import Objective
from hpo.core.space import Point
from hpo.core.training_state import Training
from hpo.use_cases.inspect import Search, load_search

RANKS = {End.FINISHED: 0, None: 1, End.STOPPED: 1, End.INTERRUPTED: 1, End.FAILED: 2}
"""Fully trained trials come first and failed ones last, since their values cannot be compared."""

CONDITION = re.compile(r"\s*([^\s=!<>]+)\s*(=|!=|<=|>=|<|>)\s*(.*?)\s*")

COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One trial of a search.

    Attributes:
        trial: Its number.
        state: ``running``, ``paused``, ``unfinished`` (no process trains it), ``finished``, ``stopped``,
            ``failed`` or ``interrupted``.
        cause: Why it failed, was interrupted or is paused; empty otherwise.
        value: The objective that it counts by so far; NaN before the first report.
        epochs: Epochs trained.
        seconds: Wall time of these epochs.
        origin: What proposed it.
        fresh: Mean of the objective over fresh seeds; NaN unless it is a finalist.
        seeds: Number of those seeds.
        losses: Why it had to leave a worker, each time, such as ``preempted, 2 x worker lost``.
        point: The searched choices.
    """

    trial: int
    state: str
    cause: str
    value: float
    epochs: int
    seconds: float
    origin: str
    fresh: float
    seeds: int
    losses: str
    point: Point


@dataclass(frozen=True)
class TrialTable:
    """The trials of a search, best first.

    Attributes:
        search: Name of the search.
        objective: The objective that the trials count by.
        names: Names of the searched parameters, in the order of the spec.
        rows: The trials.
    """

    search: str
    objective: Objective
    names: tuple[str, ...]
    rows: tuple[TrialRow, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns: those of every trial, then the parameters'."""
        general = ("trial", "state", "cause", self.objective.metric, "epochs", "seconds", "origin")
        return (*general, "fresh", "seeds", "losses", *(name for name in self.names if name not in general))

    def value(self, row: TrialRow, column: str) -> Any:
        """Return the value of a trial in a column; None if the trial has no such parameter."""
        if column == self.objective.metric:
            return row.value
        if column in TrialRow.__dataclass_fields__ and column not in ("value", "point"):
            return getattr(row, column)
        return row.point.get(column)

    def where(self, conditions: Sequence[str]) -> TrialTable:
        """Keep the trials that meet all conditions, such as ``state=finished`` or ``depth>=3``.

        Raises:
            UserError: If a condition cannot be read or names no column.
        """
        rows = self.rows
        for condition in conditions:
            match = CONDITION.fullmatch(condition)
            if match is None:
                raise UserError(f"--where {condition}: write NAME=VALUE; operators: {', '.join(COMPARE)}")
            column, sign, text = match.groups()
            self.require([column], "--where")
            rows = tuple(row for row in rows if _meets(self.value(row, column), sign, text))
        return replace(self, rows=rows)

    def sorted_by(self, column: str, *, reverse: bool = False) -> TrialTable:
        """Sort by a column, the objective best first; trials without a value come last.

        Raises:
            UserError: If there is no such column.
        """
        self.require([column], "--sort")
        rising = -1 if column == self.objective.metric and self.objective.mode == "max" else 1
        present = [row for row in self.rows if not _missing(self.value(row, column))]
        absent = [row for row in self.rows if _missing(self.value(row, column))]
        present.sort(key=lambda row: _order(self.value(row, column), rising), reverse=reverse)
        return replace(self, rows=(*present, *absent))

    def limited_to(self, rows: int | None) -> TrialTable:
        """Keep the first rows; all of them if no number is given."""
        return replace(self, rows=self.rows[:rows])

    def require(self, columns: Sequence[str], option: str) -> None:
        """Check that columns exist.

        Raises:
            UserError: If one does not; the message lists the legal ones.
        """
        for column in columns:
            if column not in self.columns:
                legal = ", ".join(self.columns)
                raise UserError(f"{option} {column}: {self.search} has no such column; legal: {legal}")

    def to_json(self) -> list[JsonObject]:
        """Return all rows as JSON objects."""
        return [
            {column: self.value(row, column) for column in self.columns if column not in self.names}
            | {"point": dict(row.point)}
            for row in self.rows
        ]

    def to_csv(self, columns: Sequence[str] = ()) -> str:
        """Return all rows as CSV with full precision; values that do not exist are empty."""
        chosen = columns or self.columns
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(chosen)
        writer.writerows([_csv_cell(self.value(row, column)) for column in chosen] for row in self.rows)
        return stream.getvalue()


def trial_table(name: str, *, home: Home) -> TrialTable:
    """Return the trials of a search, best first.

    Raises:
        UserError: If there is no such search.
    """
    return table_of(load_search(name, home))


def table_of(search: Search) -> TrialTable:
    """Return the trials of a search that is already read, best first."""
    history = search.history
    objective, alive = history.objective, search.status == "running"
    names = tuple(parameter.name for parameter in search.spec.space.parameters)
    order = sorted(history.trials, key=lambda trial: _rank(trial, objective))
    return TrialTable(search.name, objective, names, tuple(row_of(history, t, alive) for t in order))


def row_of(history: History, trial: Training, alive: bool) -> TrialRow:
    """Return one trial as a row.

    Args:
        history: The search.
        trial: The trial's own training.
        alive: Whether a process runs the search.
    """
    fresh = FreshSeeds.of(history.opened.spec if history.opened else {})
    by_seed = fresh.by_seed(history.replicates(trial.trial))
    values = [value for value in by_seed.values() if math.isfinite(value)]
    unended = "running" if alive and not history.ended else "unfinished"
    return TrialRow(
        trial=trial.trial,
        state=trial.end.value if trial.end else "paused" if trial.paused else unended,
        cause=trial.cause.value if trial.cause else trial.paused.value if trial.paused else "",
        value=trial.value,
        epochs=trial.epoch,
        seconds=trial.seconds,
        origin=trial.origin,
        fresh=math.fsum(values) / len(values) if values else math.nan,
        seeds=len(values),
        losses=interruptions(trial.losses),
        point=trial.point,
    )


def _rank(trial: Training, objective: Objective) -> tuple[int, float, int]:
    value = -objective.rising(trial.value) if math.isfinite(trial.value) else math.inf
    return RANKS[trial.end], value, trial.trial


def _missing(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _order(value: Any, rising: int) -> tuple[int, float, str]:
    """Numbers in order, then texts in order."""
    if isinstance(value, int | float):
        return 0, rising * value, ""
    return 1, 0.0, plain(value)


def _meets(value: Any, sign: str, text: str) -> bool:
    if _missing(value):
        return False
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return COMPARE[sign](value, float(text))
        except ValueError:
            return sign == "!="
    return COMPARE[sign](plain(value), text)


def _csv_cell(value: Any) -> str:
    if _missing(value):
        return ""
    return repr(value) if isinstance(value, float) else plain(value)
