"""A running search as lines: for logs and pipes, and as JSON for programs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import IO, Any

from hpo.cli.formatting import choices, count, number, spread
from hpo.cli.session import dumps
from hpo.core import events
from hpo.core.events import End
from hpo.core.fresh_seeds import FreshSeeds, title_of
from hpo.core.history import History
from hpo.core.record import Recorded, fields_of


class _Lines:
    """Writes line by line; a reader that went away does not end the search."""

    def __init__(self, stream: IO[str]):
        self._stream = stream
        self._open = True

    def write(self, line: str) -> None:
        """Write one line at once, or nothing once the reader is gone."""
        if not self._open:
            return
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except OSError:
            self._open = False


class JsonLines:
    """One JSON object per event."""

    def __init__(self, stream: IO[str]):
        self._lines = _Lines(stream)
        self._search = ""

    def begin(self, search: str) -> None:
        """Name the search in every line."""
        self._search = search

    def event(self, recorded: Recorded, history: History) -> None:
        """Write the event with its search, sequence number, time and kind."""
        kind = type(recorded.event).__name__
        place = {"search": self._search, "seq": recorded.seq, "time": recorded.time, "event": kind}
        self._lines.write(dumps({**place, **fields_of(recorded.event)}))


class PlainLines:
    """One line for each thing a person would want to know of."""

    def __init__(self, stream: IO[str]):
        self._lines = _Lines(stream)
        self._best = math.nan

    def begin(self, search: str) -> None:
        """Write the search's name."""
        self._lines.write(f"search {search}")

    def event(self, recorded: Recorded, history: History) -> None:
        """Write a line if the event is worth one."""
        line = self._line(recorded.event, history)
        if line:
            self._lines.write(line)

    def _line(self, event: events.Event, history: History) -> str:
        match event:
            case events.SearchOpened(warmth=warmth):
                return "opened" + (f", {_begun(warmth)}" if warmth else "")
            case events.SearchExtended(trials=trials):
                return f"extended by {count(trials, 'trial')}"
            case events.SearchResumed():
                return "resumed"
            case events.TrialEnded():
                return self._ended(event, history)
            case events.WorkerLost(trial=trial, message=message):
                return f"trial {trial} lost its worker and goes on with another: {message}"
            case events.FinalistsNamed(trials=trials, reason=reason):
                line = f"finalists, now trained on fresh seeds: {', '.join(map(str, trials))}"
                return f"{line} ({reason})" if reason else line
            case events.WinnerNamed():
                score = spread(event.mean, event.std)
                return f"winner: trial {event.trial}, {history.objective.metric} {score}: {event.reason}"
            case events.ModelFixed():
                return f"the model is fixed: {event.reason}"
            case events.TestClaimed():
                return "the test part is opened"
            case events.TestRefused(message=message):
                return message
            case events.RecipeExported(path=path):
                return f"recipe written: {path}"
            case events.Warned(message=message):
                return f"warning: {message}"
        return ""

    def _ended(self, ended: events.TrialEnded, history: History) -> str:
        training = history.trainings[ended.trial, ended.replicate]
        metric = history.objective.metric
        which = title_of(training, FreshSeeds.of(history.opened.spec if history.opened else {}))
        why = f" ({ended.cause})" if ended.cause else ""
        line = f"{which} {ended.end}{why} at epoch {ended.epoch}: {metric} {number(ended.value)}"
        if ended.end is End.FAILED and ended.message:
            return f"{line}: {ended.message.strip().splitlines()[0]}"
        new = ended.end is End.FINISHED and not ended.replicate
        if new and history.objective.better(ended.value, self._best):
            self._best = ended.value
            return f"{line}, the best so far: {choices(training.point)}"
        return line


def _begun(warmth: Mapping[str, Any]) -> str:
    """What a search begins with because of earlier ones."""
    results = sum(len(lesson["scores"]) for lesson in warmth["lessons"])
    sources = ", ".join(lesson["source"] for lesson in warmth["lessons"])
    first = f"warm: {count(len(warmth['first']), 'point')} of earlier searches first"
    return first + (f", {count(results, 'result')} of {sources} known" if results else "")
