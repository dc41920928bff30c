"""A running search on a terminal: one table, redrawn twice a second."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hpo.cli.event_lines import JsonLines, PlainLines
from hpo.cli.session import Session, console, dumps, own_stdout, say
from hpo.cli.summaries import summary
from hpo.cli.tables import Pairs, pairs
from hpo.core.errors import HpoError
from hpo.core.formatting import choices, count, duration, score, spent, states
from hpo.core.history import History
from hpo.core.outcome import Outcome, Watcher
from hpo.core.progress import RemainingTime, SearchProgress, progress_of
from hpo.core.record import Recorded

if TYPE_CHECKING:
    from rich.console import Console

PERIOD = 0.5
"""Least seconds between two readings of the history."""

SHARE = 50
"""Readings take at most one part in this many of the time."""


class LiveTable:
    """A table that follows a search.

    The drawing thread never sees the history: the search's own thread takes a `SearchProgress` of it
    from time to time, rarely enough not to slow the search down.
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
        """Read the history, if the last reading is long enough ago."""
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

    def render(self) -> Pairs:
        """Return the table as it is now."""
        elapsed = self._clock() - self._began
        if self._progress is None:
            return pairs([("search", f"{self._search or 'data and workers'}: starting, {duration(elapsed)}")])
        phase = ("search", f"{self._search}: {self._progress.phase}")
        left = ("time", f"{duration(elapsed)} elapsed, about {duration(self._left)} to go")
        return pairs([phase, *rows(self._progress, self._point), left])

    @contextmanager
    def shown(self) -> Iterator[LiveTable]:
        """Keep the table on the screen while the context lasts, and leave its last state there."""
        from rich.live import Live

        with Live(console=self._console, get_renderable=self.render, refresh_per_second=1 / PERIOD):
            self._console.show_cursor()  # a second Ctrl-C ends the process with the table still up
            try:
                yield self
            finally:
                self._read()


def rows(progress: SearchProgress, point: str) -> Iterator[tuple[str, str]]:
    """Yield the lines that the live table and ``hpo status`` share."""
    yield "trials", states(progress.states) or "none yet"
    if progress.best:
        trial, value = progress.best
        yield "best so far", f"trial {trial}, {progress.metric} {score(value)}: {point}"
    if progress.rungs:
        yield "reached", ", ".join(f"epoch {epoch}: {n}" for epoch, n in progress.rungs)
    for trial, seeds, mean in progress.finalists:
        yield f"finalist {trial}", f"{progress.metric} {score(mean)} on {count(seeds, 'fresh seed')}"
    if progress.budget:
        yield "budget", spent(progress.budget, shares=True)
    for warning in progress.warnings:
        yield "warning", warning


def show(session: Session, search: Callable[[Watcher], Outcome]) -> Outcome:
    """Run a search and show it: JSON events with ``--json``, a live table on a terminal, else plain lines.

    Returns:
        How the search ended.
    """
    try:
        return _shown(session, search)
    except HpoError as error:
        if error.search:
            error.hint = f"`{session.command(f'resume {error.search}')}` continues it"
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
