"""The rows that the live table and ``hpo status`` share: how far a search is."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import shorten

from hpo.core.formatting import count, duration, pauses, reasons, score, spent, states, time_left
from hpo.core.progress import SearchProgress
from hpo.core.time_left import TimeLeft

MOST_CHOICES = 6
"""Choices of the best trial that are shown; a point can have forty."""

MOST_FINALISTS = 5
"""Finalists that have a row each."""

BRIEF = 64
"""Characters of a shortened warning, which takes one line of a narrow terminal."""


def time_text(elapsed: float, left: TimeLeft) -> str:
    """Return how long a search has taken, and how long it still takes if that is known."""
    ahead = time_left(left.low, left.high)
    return f"{duration(elapsed)} elapsed" + (f", {ahead}" if ahead else "")


def progress_rows(
    progress: SearchProgress, point: str, *, winner: bool = False, brief: bool = False
) -> Iterator[tuple[str, str]]:
    """Yield how far a search is, line by line.

    Args:
        progress: Its progress.
        point: Choices of the best trial so far.
        winner: Whether there is a winner, which is then shown instead of the best trial so far.
        brief: Whether it has to fit a window of 24 lines: warnings are shortened and come before what can
            be long, and the finalists take the place of the search phase.
    """
    warnings = [
        ("warning", shorten(text, BRIEF, placeholder=" ...") if brief else text) for text in progress.warnings
    ]
    if not progress.begun:
        yield from warnings
        return
    if progress.budget:
        yield "budget", spent(progress.budget, shares=True)
    if brief:
        yield from warnings
    yield "trials", states(progress.states) or "none"
    searching = not (brief and progress.finalists)
    if searching:
        yield from _proposals(progress)
    yield from _best(progress, point, winner)
    if progress.rungs and searching:
        yield "reached", ", ".join(f"epoch {epoch}: {n}" for epoch, n in progress.rungs)
    yield from _finalists(progress)
    if not brief:
        yield from warnings


def _proposals(progress: SearchProgress) -> Iterator[tuple[str, str]]:
    if progress.proposed:
        yield "proposed", reasons(progress.proposed)
    if progress.pauses:
        yield "at rungs", pauses(progress.pauses)


def _best(progress: SearchProgress, point: str, winner: bool) -> Iterator[tuple[str, str]]:
    if progress.best and not winner:
        trial, value = progress.best
        yield "best so far", f"trial {trial}, {progress.metric} {score(value)}\n{point}"
    if progress.constraints and not winner:
        yield "constraints", progress.constraints.text


def _finalists(progress: SearchProgress) -> Iterator[tuple[str, str]]:
    for trial, seeds, mean in progress.finalists[:MOST_FINALISTS]:
        trained = f"{progress.metric} {score(mean)} on {count(seeds, 'fresh seed')}"
        yield f"finalist {trial}", trained if seeds else "being trained on fresh seeds"
    hidden = len(progress.finalists) - MOST_FINALISTS
    if hidden > 0:
        yield "", f"and {count(hidden, 'more finalist')}"
