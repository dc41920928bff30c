"""A search in a process of its own, which goes on after the terminal that started it is closed."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from hpo.core.errors import HpoError, Refused
from hpo.core.events import SearchResumed
from hpo.core.home import Home
from hpo.core.private_files import open_log
from hpo.ledger.searches import open_ledger, read_history
from hpo.use_cases.search.holding import await_expiry, is_running
from hpo.use_cases.search.run_options import DEFAULTS, RunOptions

PATIENCE = 120.0
"""Seconds until a process that has not taken its search up counts as stuck: it imports, and reads data."""

POLL = 0.1
"""Seconds between two looks at the record."""


@dataclass(frozen=True, slots=True)
class DetachedRun:
    """A process that runs a search.

    Attributes:
        search: Name of the search.
        pid: Number of the process.
        log: File that takes what it prints.
    """

    search: str
    pid: int
    log: Path


def start_detached(
    home: Home,
    name: str,
    options: RunOptions = DEFAULTS,
    *,
    more_trials: int = 0,
) -> DetachedRun:
    """Continue a search in a process and a session of its own, which no signal of this terminal reaches.

    A lease that a killed process has left is waited for.

    Args:
        home: Home of the search.
        name: Name of the search, which is on record.
        options: Choices about this run.
        more_trials: Trials to add.

    Returns:
        The process, after it has taken the search up.

    Raises:
        UserError: If there is no such search.
        Refused: If another process runs it.
        HpoError: If the process ends before it has taken the search up, or does not do so in time.
    """
    ledger, folder = open_ledger(name, home), home.search(name)
    if home.database:
        await_expiry(ledger)  # a killed process leaves its lease, but no lock
    elif is_running(home, name):
        raise Refused(f"{name} is running; `hpo watch {name}` follows it")
    seq = read_history(ledger).seq
    words = [sys.executable, "-P", "-m", "hpo.cli.main", "--home", str(home.root), "resume", name]
    words += options.to_command_line()
    words += [f"--trials=+{more_trials}"] if more_trials else []
    folder.root.mkdir(parents=True, exist_ok=True)
    path = folder.root / "run.log"
    with open_log(path, "a") as log:
        begin = log.tell()
        child = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    deadline = time.monotonic() + PATIENCE
    while not any(ledger.read(after=seq, kinds=[SearchResumed])):
        if child.poll() is not None:
            raise HpoError(f"the process of {name} ended at once: {_last_line(path, begin)}").of_search(name)
        if time.monotonic() > deadline:
            child.kill()
            child.wait()
            raise HpoError(
                f"the process of {name} did not begin within {PATIENCE:.0f} s; see {path}"
            ).of_search(name)
        time.sleep(POLL)
    return DetachedRun(name, child.pid, path)


def _last_line(log: Path, begin: int) -> str:
    with log.open(encoding="utf-8", errors="replace") as file:
        file.seek(begin)
        lines = [line.strip() for line in file if line.strip()]
    return lines[-1] if lines else f"see {log}"
