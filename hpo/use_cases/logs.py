"""What trials printed, and why they failed."""

from __future__ import annotations

import time
from collections.abc import Iterator

from hpo.core.errors import UserError
from hpo.core.formatting import STATES
from hpo.core.fresh_seeds import FreshSeeds, title_of
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.training_state import Training
from hpo.ledger.searches import open_ledger, read_history
from hpo.use_cases.follow import POLL_SECONDS
from hpo.use_cases.search.holding import is_running
from hpo.use_cases.search.stored_home import stored_logs_of
from hpo.use_cases.search.training_logs import TrainingLogs


def trial_output(name: str, home: Home, trial: int | None = None) -> Iterator[str]:
    """Yield what trials printed and why they failed, trial by trial.

    Args:
        name: Name of the search.
        home: Home of the search.
        trial: Number of one trial; None for all that printed something or failed.

    Raises:
        UserError: If there is no such search or trial.
    """
    ledger = open_ledger(name, home)
    history = read_history(ledger)
    logs = TrainingLogs(home.search(name), stored_logs_of(home, ledger, history))
    fresh = _fresh(history)
    for training in _chosen(name, history, trial):
        log = logs.text(training)
        failure = "" if training.message in log else training.message  # a failure ends the log as well
        text = "\n".join(filter(None, (log, failure)))
        if text or trial is not None:
            title = title_of(training, fresh)
            state = STATES.get(training.end, training.end.value) if training.end else "running"
            yield f"== {title}: {state}\n{text}".rstrip()


def follow_output(name: str, home: Home, trial: int | None = None) -> Iterator[str]:
    """Yield each new line that trials print, and why they fail, until the search ends.

    Args:
        name: Name of the search.
        home: Home of the search.
        trial: Number of one trial, whether it has started or not; None for all.

    Raises:
        UserError: If there is no such search, or if it ends without such a trial.
    """
    ledger = open_ledger(name, home)
    logs = TrainingLogs(home.search(name), stored_logs_of(home, ledger, read_history(ledger)))
    read: dict[tuple[int, int], int] = {}
    failed: set[tuple[int, int]] = set()
    while True:
        running = is_running(home, name)  # asked first, so that the last round reads to the end
        history = read_history(ledger)
        fresh = _fresh(history)
        logs.refresh()
        for training in history.trainings.values():
            if trial not in (None, training.trial):
                continue
            title = title_of(training, fresh)
            whole = not running or training.end is not None  # nothing follows an unfinished last line
            text, read[training.key] = logs.new_lines(training, read.get(training.key, 0), whole)
            yield from (f"{title} | {line}" for line in text.splitlines())
            if training.message and training.key not in failed:
                failed.add(training.key)
                if training.message not in logs.text(training):
                    yield from (f"{title} | {line}" for line in training.message.splitlines())
        if history.ended or not running:
            _chosen(name, history, trial)  # a trial that has not started by now never will
            return
        time.sleep(POLL_SECONDS)


def no_such_trial(name: str, history: History, trial: int) -> UserError:
    """Return the error for a trial that a search does not have."""
    if not history.trials:
        return UserError(f"{name} has no trial {trial}; none has started")
    return UserError(f"{name} has no trial {trial}; it has {len(history.trials)}, numbered from 0")


def _chosen(name: str, history: History, trial: int | None) -> list[Training]:
    chosen = [t for t in history.trainings.values() if trial in (None, t.trial)]
    if not chosen and trial is not None:
        raise no_such_trial(name, history, trial)
    return chosen


def _fresh(history: History) -> FreshSeeds:
    return FreshSeeds.of(history.opened.spec if history.opened else {})
