"""A running search on a terminal: one table, redrawn twice a second, that fits a window of 80 by 24."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hpo.cli.event_lines import JsonLines
from hpo.cli.progress_rows import MOST_CHOICES, progress_rows, time_text
from hpo.cli.session import Session, console, dumps, own_stdout, say, stderr_lines
from hpo.cli.summaries import summary, where_to_look
from hpo.cli.tables import Pairs, pairs
from hpo.core.errors import HpoError
from hpo.core.formatting import choices
from hpo.core.history import History
from hpo.core.outcome import Outcome, Watcher
from hpo.core.progress import SearchProgress, progress_of
from hpo.core.record import Recorded
from hpo.core.time_left import Prospects, TimeLeft, time_left
from hpo.core.visible_text import one_line
from hpo.reports.plain_lines import PlainLines

if TYPE_CHECKING:
    from rich.console import Console

PERIOD = 0.5
"""Least seconds between two readings of the history."""

SHARE = 50
"""Readings take at most one part in this many of the time."""

ProspectsOf = Callable[[History, str], Prospects]
"""What is known of a search of this state and name besides its record."""


class LiveTable:
    """A table that follows a search.

    The drawing thread never sees the history: the search's own thread takes a `SearchProgress` of it
    from time to time, rarely enough not to slow the search down.
    """

    def __init__(
        self,
        on: Console,
        prospects_of: ProspectsOf,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        intention: str = "",
    ):
        self._console = on
        self._intention = intention
        self._prospects_of = prospects_of
        self._clock, self._now = clock, now
        self._began = self._read_at = clock()
        self._due = 0.0
        self._history: History | None = None
        self._progress: SearchProgress | None = None
        self._prospects: Prospects | None = None
        self._active = 0.0
        self._left = TimeLeft()
        self._point = ""
        self._search = ""
        self._waits_for = ""

    def begin(self, search: str) -> None:
        """Show the search's name, and what it is going to do at the end."""
        self._search = search
        if self._intention:
            self._print(self._intention)

    def event(self, recorded: Recorded, history: History) -> None:
        """Read the history, if the last reading is long enough ago."""
        self._history = history
        if self._clock() >= self._due:
            self.read()

    def waiting(self, what: str) -> None:
        """Show what is waited for."""
        self._waits_for = what

    def read(self) -> None:
        """Read the history now; not while another thread changes it."""
        history = self._history
        if history is None or history.opened is None:
            return
        if self._prospects is None:
            self._prospects = self._prospects_of(history, self._search)
        began = self._clock()
        best = history.best
        self._point = choices(best.point, MOST_CHOICES) if best else ""
        self._progress = progress_of(history)
        # a search that is watched may have recorded its last event long ago
        waited = 0.0 if history.ended else max(0.0, self._now() - history.last_at)
        left = TimeLeft() if history.ended else time_left(history, self._prospects)
        self._left = left.after(waited)
        self._active, self._read_at = history.active + waited, self._clock()
        self._due = began + max(PERIOD, SHARE * (self._read_at - began))

    def render(self) -> Pairs:
        """Return the table as it is now."""
        now = self._clock()
        progress = self._progress
        if progress is None:
            return pairs([("search", "reading the data"), ("time", time_text(now - self._began, TimeLeft()))])
        since = now - self._read_at
        phase = progress.phase if progress.begun else "starting the workers"
        if self._waits_for:
            phase = f"waiting for {self._waits_for}"
        return pairs(
            [
                ("search", f"{self._search}: {phase}"),
                ("time", time_text(self._active + since, self._left.after(since))),
                *progress_rows(progress, self._point, brief=True),
            ]
        )

    @contextmanager
    def shown(self) -> Iterator[LiveTable]:
        """Keep the table on the screen while the context lasts; what comes after takes its place."""
        from rich.live import Live

        with (
            Live(
                console=self._console,
                get_renderable=self.render,
                refresh_per_second=1 / PERIOD,
                transient=True,
            ),
            stderr_lines(self._print),
        ):
            self._console.show_cursor()  # a second Ctrl-C ends the process with the table still up
            yield self

    def _print(self, line: str) -> None:
        """Print a line above the table."""
        self._console.print(one_line(line), soft_wrap=True)


def show(session: Session, search: Callable[[Watcher], Outcome], intention: str = "") -> Outcome:
    """Run a search and show it: JSON events with ``--json``, a live table on a terminal, else plain lines.

    Args:
        session: How to print.
        search: What to run.
        intention: What the search is going to do at the end; printed when it begins, except with ``--json``.

    Returns:
        How the search ended.
    """
    try:
        return _shown(session, search, intention)
    except HpoError as error:
        if error.search:
            error.hint = f"`{session.command(f'resume {error.search}')}` continues it"
        raise


def _shown(session: Session, search: Callable[[Watcher], Outcome], intention: str) -> Outcome:
    if session.as_json:
        with own_stdout() as stream:
            outcome = search(JsonLines(stream))
            print(dumps(outcome.to_json()), file=stream)
        return outcome
    screen = console()
    if screen.is_terminal:
        with LiveTable(screen, _prospects(session), intention=intention).shown() as table:
            outcome = search(table)
    else:
        outcome = search(PlainLines(screen.file, intention))
    say(pairs(summary(outcome, where_to_look(session, outcome.search))))
    return outcome


def _prospects(session: Session) -> ProspectsOf:
    def prospects(history: History, search: str) -> Prospects:
        from hpo.use_cases.forecast import prospects_of

        return prospects_of(history, session.home, search)

    return prospects
