"""What a notebook shows of a search: its progress while it runs, and the search itself as a card."""

from __future__ import annotations

import importlib
import math
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from markupsafe import Markup, escape

from hpo.core.formatting import choices, duration, score, spent, spread, states, with_interval
from hpo.core.history import History
from hpo.core.outcome import Outcome, Watcher
from hpo.core.progress import SearchProgress, progress_of
from hpo.core.record import Recorded

SECONDS = 0.5
"""Seconds between two updates."""

MOST_CHOICES = 6

Row = tuple[str, str]


def watcher_here(intention: Callable[[], str]) -> Watcher | None:
    """Return a watcher that shows progress below the running cell; None outside a notebook.

    Args:
        intention: Says what the search is going to do at the end; called in a notebook alone.
    """
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module else None
    if getattr(shell, "kernel", None) is None:
        return None
    return NotebookProgress(_display(), intention=intention())


def _display() -> Callable[[str], None]:
    """Return what shows HTML below the running cell, each time instead of the last."""
    shown: Any = importlib.import_module("IPython.display")  # installed wherever a notebook runs
    handle = shown.display(shown.HTML(""), display_id=True)
    return lambda html: handle.update(shown.HTML(html))


class NotebookProgress:
    """Shows the progress of a search, as a `hpo.core.outcome.Watcher`.

    Args:
        show: Shows HTML instead of what it showed before.
        clock: Returns seconds.
        intention: What the search is going to do at the end; may be empty.
    """

    def __init__(
        self, show: Callable[[str], None], clock: Callable[[], float] = time.monotonic, intention: str = ""
    ):
        self._show, self._clock = show, clock
        self._intention = [("at the end", intention.removeprefix("at the end "))] if intention else []
        self._search, self._shown = "", -math.inf

    def begin(self, search: str) -> None:
        """Show the search's name."""
        self._search = search
        self._show(table([("search", search), ("state", "starting"), *self._intention]))

    def event(self, recorded: Recorded, history: History) -> None:
        """Show how far the search is, not more often than it can be read."""
        now = self._clock()
        if now - self._shown < SECONDS and history.ended is None:
            return
        self._shown = now
        elapsed = recorded.time - history.opened_at
        rows = _progress_rows(self._search, progress_of(history), history, elapsed)
        self._show(table([*rows, *([] if history.ended else self._intention)]))


def _progress_rows(search: str, progress: SearchProgress, history: History, elapsed: float) -> Iterable[Row]:
    yield "search", search
    left = f", about {duration(progress.remaining)} to go" if progress.remaining > 0 else ""
    yield "state", f"{progress.phase.replace('_', ' ')}, {duration(elapsed)}{left}"
    if progress.budget:
        yield "budget", spent(progress.budget, shares=True)
    yield "trials", states(progress.states) or "none"
    if progress.best:
        trial, value = progress.best
        point = choices(history.trainings[trial, 0].point, most=MOST_CHOICES)
        yield "best so far", f"trial {trial}, {progress.metric} {score(value)}: {point}"
    for warning in progress.warnings[:1]:
        yield "warning", warning


def card(outcome: Outcome) -> str:
    """Return a search as HTML: how it stands, its winner, its scores."""
    return table(_card_rows(outcome))


def _card_rows(outcome: Outcome) -> Iterable[Row]:
    metric = outcome.metric
    yield "search", outcome.search
    yield "state", outcome.status.replace("_", " ")
    yield "trials", states(outcome.trials) or "none"
    winner, numbers = outcome.best, outcome.numbers
    if winner is None:
        return
    yield "winner", f"trial {winner.trial}: {choices(winner.point, most=MOST_CHOICES)}"
    shown = (numbers.corrected or numbers.winner) if numbers else None
    yield f"validation {metric}", with_interval(shown) if shown else spread(winner.mean, winner.std)
    if outcome.has_test:
        test = (outcome.test or {}).get(metric)
        yield f"test {metric}", with_interval(test) if test else "the test part is still sealed"


def table(rows: Iterable[tuple[str, Any]]) -> str:
    """Return names and texts as an HTML table; every text is escaped."""
    cells = Markup().join(
        Markup('<tr><th style="text-align:left">{}</th><td style="text-align:left">{}</td></tr>').format(
            escape(name), escape(text)
        )
        for name, text in rows
    )
    return str(Markup("<table>{}</table>").format(cells))
