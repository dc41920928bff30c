"""A search as lines of text, one for each event that is of interest to a user."""

from __future__ import annotations

import math
from typing import IO

from hpo.core import events
from hpo.core.events import End, PauseCause
from hpo.core.formatting import LOSSES, STATES, TAKEN_UP, choices, count, score, spread
from hpo.core.fresh_seeds import FreshSeeds, title_of
from hpo.core.history import History
from hpo.core.json_values import JsonFields
from hpo.core.record import Recorded
from hpo.core.visible_text import one_line


class LineStream:
    """Writes line by line; a closed pipe does not end the search."""

    def __init__(self, stream: IO[str]):
        self._stream = stream
        self._open = True

    def write(self, line: str) -> None:
        """Write one line and flush it; write nothing after the pipe was closed."""
        if not self._open:
            return
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except OSError:
            self._open = False


class PlainLines:
    """One line for each event that is of interest to a user."""

    def __init__(self, stream: IO[str], intention: str = ""):
        self._lines = LineStream(stream)
        self._intention = intention
        self._best = math.nan

    def begin(self, search: str) -> None:
        """Write the search's name, and what it is going to do at the end."""
        self._lines.write(one_line(f"search {search}"))
        if self._intention:
            self._lines.write(self._intention)

    def event(self, recorded: Recorded, history: History) -> None:
        """Write a line, unless the event is a detail."""
        line = self._line(recorded.event, history)
        if line:
            self._lines.write(one_line(line))

    def waiting(self, what: str) -> None:
        """Write a line if something is waited for."""
        if what:
            self._lines.write(f"waiting for {what}")

    def _line(self, event: events.Event, history: History) -> str:
        match event:
            case events.SearchOpened(warmth=warmth):
                return "opened" + (f", {_warm_start(warmth)}" if warmth else "")
            case events.SearchExtended(trials=trials):
                return f"extended by {count(trials, 'trial')}"
            case events.TrialsRetried(trials=trials):
                return f"trying failed trials again: {', '.join(map(str, trials))}"
            case events.SearchResumed():
                return "resumed"
            case events.JobSubmitted(job=job, server=server):
                return f"left to the job {job} of {server}"
            case events.ValidationRowsUsed(searches=searches, trials=trials):
                others = f"{searches:,} other search{'' if searches == 1 else 'es'}"
                return f"these validation rows were used before by {others} with {count(trials, 'trial')}"
            case events.SettingChanged(field=field, value=setting, user=user):
                return f"{field} set to {setting:g} by {user}"
            case events.TrialPaused(trial=trial, replicate=replicate, cause=cause):
                training = history.trainings[trial, replicate]
                if cause is PauseCause.SHARE:
                    return f"trial {trial} paused at epoch {training.epoch}: other searches use its worker"
                value = f"{history.objective.metric} {score(training.value)}"
                return f"trial {trial} paused at epoch {training.epoch}: {value}"
            case events.TrialTakenUp(trial=trial, replicate=replicate, cause=cause):
                epoch = history.trainings[trial, replicate].epoch
                return f"trial {trial} continues from epoch {epoch}: {TAKEN_UP[cause]}"
            case events.TrialEnded():
                return self._ended(event, history)
            case events.WorkerLost(trial=trial, message=message, whole_gpu=True):
                return f"trial {trial} runs again, on a whole GPU, because memory ran out: {message}"
            case events.WorkerLost(trial=trial, message=message, cause=cause):
                return f"trial {trial} {LOSSES[cause]} and continues on another: {message}"
            case events.FinalistsNamed(trials=trials, reason=reason):
                named = f"finalists, now trained on fresh seeds: {', '.join(map(str, trials))}"
                line = named if trials else "no trial is left that could win"
                return f"{line} ({reason})" if reason else line
            case events.WinnerNamed():
                value = spread(event.mean, event.std)
                return f"winner: trial {event.trial}, {history.objective.metric} {value}: {event.reason}"
            case events.ModelFixed():
                return f"model chosen: {event.reason}"
            case events.TestClaimed():
                return "opening the test part"
            case events.TestPredicted(rows=rows):
                return f"{count(rows, 'row')} of the test part predicted with `hpo predict`"
            case events.TestRefused(message=message):
                return message
            case events.SoupMade(path=path):
                return f"soup written: {path}"
            case events.RecipeExported(path=path):
                return f"recipe written: {path}"
            case events.Warned(message=message):
                return f"warning: {message}"
        return ""

    def _ended(self, ended: events.TrialEnded, history: History) -> str:
        training = history.trainings[ended.trial, ended.replicate]
        metric = history.objective.metric
        which = title_of(training, FreshSeeds.of(history.opened.spec if history.opened else {}))
        why = f" ({ended.cause.replace('_', ' ')})" if ended.cause else ""
        state = STATES.get(ended.end, ended.end)
        line = f"{which} {state}{why} at epoch {ended.epoch}: {metric} {score(ended.value)}"
        if ended.end is End.FAILED and ended.message:
            return f"{line}: {ended.message.strip().splitlines()[0]}"
        new = ended.end is End.FINISHED and not ended.replicate
        if new and history.objective.better(ended.value, self._best):
            self._best = ended.value
            return f"{line}, the best so far: {choices(training.point)}"
        return line


def _warm_start(warmth: JsonFields) -> str:
    """Return what a search starts with from earlier ones."""
    results = sum(len(earlier["scores"]) for earlier in warmth["lessons"])
    sources = ", ".join(earlier["source"] for earlier in warmth["lessons"])
    first = f"warm start: {count(len(warmth['first']), 'point')} of earlier searches first"
    return first + (f", {count(results, 'result')} of {sources} known" if results else "")
