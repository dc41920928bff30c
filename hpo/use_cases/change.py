"""Change a search while it runs: stop a trial, retry failed ones, set a limit or its share of the workers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from hpo.core.errors import UserError
from hpo.core.formatting import count
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.sharing import MOST_WEIGHT
from hpo.core.users import user_name
from hpo.ledger.requests import RETRY_TRIAL, STOP_TRIAL, Requests
from hpo.ledger.searches import open_ledger, read_history
from hpo.ledger.store import SearchLedger
from hpo.use_cases.failed_trials import failed_trials
from hpo.use_cases.search.holding import require_running
from hpo.use_cases.search.request_inbox import AT_ONCE, BUDGETS, IN_SECONDS, TRIALS
from hpo.use_cases.search.search_share import PRIORITY, WEIGHT

SETTABLE: Mapping[str, str] = {
    "trials_at_once": AT_ONCE,
    AT_ONCE: AT_ONCE,
    TRIALS: TRIALS,
    **{field: field for field in (*BUDGETS, PRIORITY, WEIGHT)},
}
"""What can be set, and what it is called in a request."""

MOST = 10**9
MOST_HOURS = 10**5
RANGES: Mapping[str, tuple[int, int]] = {PRIORITY: (-1000, 1000), WEIGHT: (1, MOST_WEIGHT)}
"""Legal numbers, where they are not those from 1."""


def stop_trial(name: str, trial: int, *, home: Home) -> None:
    """Ask the process that runs a search to end a trial; it does so within a second or two.

    Raises:
        UserError: If there is no such search, it is not running, or the trial cannot be stopped.
    """
    ledger = _running(name, home)
    training = read_history(ledger).trainings.get((trial, 0))
    if training is None:
        raise UserError(f"{name} has no trial {trial}; `hpo trials {name}` lists them")
    if training.end is not None:
        raise UserError(f"trial {trial} of {name} has already ended: {training.end.value}")
    Requests(ledger).leave(user_name(), STOP_TRIAL, trial)


def retry_trials(name: str, trials: Sequence[int], *, home: Home) -> tuple[int, ...]:
    """Ask the process that runs a search to try failed trials again, with the code that it runs.

    Args:
        name: Name of the search.
        trials: Numbers of failed trials; empty for all that were not made good since.
        home: Home of the search.

    Returns:
        The trials that will be tried again.

    Raises:
        UserError: If there is no such search, it is not running, has chosen its finalists, or a trial has not
            failed.
        Refused: If the test part was opened.
    """
    ledger = _running(name, home)
    history = read_history(ledger)
    wanted = failed_trials(name, history, trials)
    if history.finalists is not None:
        raise UserError(f"{name} has chosen its finalists; try its failed trials again when it has ended")
    requests = Requests(ledger)
    for trial in wanted:
        requests.leave(user_name(), RETRY_TRIAL, trial)
    return wanted


def set_limits(name: str, limits: Mapping[str, str], *, home: Home) -> None:
    """Ask the process that runs a search to change its limits; it does so within a second or two.

    Args:
        name: Name of the search.
        limits: New values, as typed, by name.
        home: Home of the search.

    Raises:
        UserError: If there is no such search, it is not running, or a name or value is wrong; nothing is
            changed then.
    """
    ledger = _running(name, home)
    history = read_history(ledger)
    changes = {_field(key): _number(key, text) for key, text in limits.items()}
    for field in changes.keys() & {TRIALS, *BUDGETS}:
        _check_limited(name, field, history)
    if TRIALS in changes:
        _check_trials(name, changes[TRIALS], history)
    requests = Requests(ledger)
    for field, value in changes.items():
        requests.leave(user_name(), field, value)


def _running(name: str, home: Home) -> SearchLedger:
    ledger = open_ledger(name, home)
    require_running(home, name)
    return ledger


def _field(key: str) -> str:
    if key not in SETTABLE:
        legal = ", ".join(("trials_at_once", TRIALS, *BUDGETS, PRIORITY, WEIGHT))
        raise UserError(f"{key}: cannot be set while a search runs; legal: {legal}")
    return SETTABLE[key]


def _number(key: str, text: str) -> int:
    if key in IN_SECONDS:
        return _seconds(key, text)
    least, most = RANGES.get(key, (1, MOST))
    if not text.removeprefix("-").isdecimal() or not least <= int(text[:12]) <= most:
        raise UserError(f"{key}={text[:40]}: legal: a whole number from {least} to {most:,}")
    return int(text)


def _seconds(key: str, text: str) -> int:
    """Return hours, as they are typed, in seconds."""
    try:
        hours = float(text)
    except ValueError:
        hours = math.nan
    if not 1 / 3600 <= hours <= MOST_HOURS:
        raise UserError(f"{key}={text[:40]}: legal: hours up to {MOST_HOURS:,}, such as 1.5")
    return round(hours * 3600)


def _check_limited(name: str, field: str, history: History) -> None:
    """Refuse to change a limit that the search does not have, or that matters no more."""
    assert history.opened is not None
    unit = field.partition(".")[2]
    if history.opened.spec["budget"].get(unit) is None:
        raise UserError(f"{field}: the budget of {name} does not limit {unit.replace('gpu_', 'GPU-')}")
    if history.finalists is not None:
        raise UserError(
            f"{field}: {name} has chosen its finalists; `hpo resume --trials +N` adds trials later"
        )


def _check_trials(name: str, trials: int, history: History) -> None:
    started = len(history.trials)
    if trials < started:
        raise UserError(f"{TRIALS}={trials}: {name} has started {count(started, 'trial')} already")
