"""A running search on a terminal: one table, redrawn twice a second."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hpo.cli.event_lines import JsonLines, PlainLines
from hpo.cli.formatting import choices, duration, number
from hpo.cli.session import Session, console, dumps, own_stdout, say
from hpo.cli.tables import pairs, summary
from hpo.core.errors import HpoError
from hpo.core.history import History
from hpo.core.outcome import Outcome, Watcher
from hpo.core.progress import RemainingTime, SearchProgress, progress_of
from hpo.core.record import Recorded
from hpo.core.spending import BudgetUse

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

PERIOD = 0.5
"""Seconds between two readings of the history."""

SHARE = 50
"""A reading may take one part in this many of the time."""


class LiveTable:
    """A table that follows a search.

    The drawing thread never sees the history: the search's own thread takes a `SearchProgress` of it
    now and then, so seldom that the search does not notice.
    """

    def __init__(self, on: Console, clock: Callable[[], float] = time.monotonic):
        self._console = on
        self._clock = clock
        self._began = clock()
        self._due = 0.0
        self._history: History | None = None
        self._progress: SearchProgress | None = None
        self._pace = RemainingTime()
        self._left = math.nan
        self._point = ""
        self._search = ""

    def begin(self, search: str) -> None:
        """Show the search's name."""
        self._search = search

    def event(self, recorded: Recorded, history: History) -> None:
        """Take note; read the history only if the last reading is some time ago."""
        self._history = history
        now = self._clock()
        if now >= self._due:
            self._read()
            self._due = now + max(PERIOD, SHARE * (self._clock() - now))

    def _read(self) -> None:
        if self._history is not None:
            best = self._history.best
            self._point = choices(best.point) if best else ""
            self._progress = progress_of(self._history)
            self._left = self._pace.remaining(self._progress, self._clock())

    def render(self) -> Table:
        """The table as it stands now."""
        elapsed = self._clock() - self._began
        if self._progress is None:
            return pairs([("search", f"{self._search or 'data and workers'}: starting, {duration(elapsed)}")])
        phase = ("search", f"{self._search}: {self._progress.phase}")
        left = ("time", f"{duration(elapsed)} elapsed, about {duration(self._left)} to go")
        return pairs([phase, *rows(self._progress, self._point), left])

    @contextmanager
    def shown(self) -> Iterator[LiveTable]:
        """Keep the table on the screen, and leave its last state there."""
        from rich.live import Live

        with Live(console=self._console, get_renderable=self.render, refresh_per_second=1 / PERIOD):
            self._console.show_cursor()  # a second Ctrl-C ends the process with the table still up
            try:
                yield self
            finally:
                self._read()


def rows(progress: SearchProgress, point: str) -> Iterator[tuple[str, str]]:
    """The lines that the live table and ``hpo status`` share."""
    yield "trials", ", ".join(f"{n} {state}" for state, n in progress.states.items() if n) or "none yet"
    if progress.best:
        trial, value = progress.best
        yield "best so far", f"trial {trial}, {progress.metric} {number(value)}: {point}"
    if progress.rungs:
        yield "reached", ", ".join(f"epoch {epoch}: {n}" for epoch, n in progress.rungs)
    for trial, seeds, mean in progress.finalists:
        yield f"finalist {trial}", f"{progress.metric} {number(mean)} over {seeds} fresh seeds"
    if progress.budget:
        yield "budget", ", ".join(map(_used, progress.budget))
    for warning in progress.warnings:
        yield "warning", warning


def _used(used: BudgetUse) -> str:
    unit = used.unit.replace("gpu_hours", "GPU-hours")
    share = f" of {number(used.limit)} {unit} ({100 * used.spent / used.limit:.0f} %)" if used.limit else ""
    return number(used.spent) + (share or f" {unit}")


def show(session: Session, search: Callable[[Watcher], Outcome]) -> Outcome:
    """Run a search while showing it as the session asks, and say how it ended.

    JSON events where JSON is wanted, otherwise a live table on a terminal and plain lines elsewhere.
    """
    try:
        return _shown(session, search)
    except HpoError as error:
        if error.search:
            error.hint = f"`{session.command(f'resume {error.search}')}` goes on with it"
        raise


def _shown(session: Session, search: Callable[[Watcher], Outcome]) -> Outcome:
    if session.as_json:
        with own_stdout() as stream:
            outcome = search(JsonLines(stream))
            print(dumps(outcome.to_json()), file=stream)
        return outcome
    screen = console()
    if screen.is_terminal:
        with LiveTable(screen).shown() as table:
            outcome = search(table)
    else:
        outcome = search(PlainLines(screen.file))
    say(pairs(summary(outcome, session.command("ui"))))
    return outcome
