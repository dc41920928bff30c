"""The process that keeps the parts of a service running, as one group that begins and ends together.

It reads what to run from its standard input, so that tokens are in no command line and in no file but the
service's own. A part that ends is started again, after a longer pause each time it ends soon.
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from hpo.core.private_files import open_log, replace_file
from hpo.core.service_state import RunningPart, ServicePart, ServiceState
from hpo.core.temporary_folders import temporary_folder
from hpo.running import reaper
from hpo.running.embedded_ray import LONGEST_FOLDER

STATE, LOCK = "state.json", "lock"
"""Files in the folder of a service."""

TEMPORARY = "{temporary}"
"""Stands in a command line for the private temporary folder of the service, whose path is short."""

POLL = 0.2
"""Seconds between two looks at the parts."""

LASTING = 60.0
"""Seconds after which a part that runs is no longer one that ends soon."""

LONGEST_PAUSE = 60.0
"""Seconds of the longest pause before a part is started again."""

GRACE = 20.0
"""Seconds that parts have to end by themselves."""

LOG_BYTES = 20 * 2**20
"""Size at which a part's log is emptied, so that logs do not fill the disk."""

IN_USE = 3
"""Exit status of a supervisor whose folder another one uses."""


class SupervisedPart:
    """One part, with its process.

    Args:
        plan: What to run.
        log: File that takes its output.
        marker: Mark in its environment; empty for none.
    """

    def __init__(self, plan: ServicePart, log: Path, marker: str):
        self._plan, self._log, self._marker = plan, log, marker
        self.process: subprocess.Popen[bytes] | None = None
        self._created = self._started = self._next = 0.0
        self._ends = self._soon = 0

    @property
    def state(self) -> RunningPart:
        """How it is now."""
        pid = self.process.pid if self.process else 0
        return RunningPart(self._plan.name, pid, self._created, self._plan.address, self._ends)

    def tend(self) -> bool:
        """Start it, or note that it has ended; return whether anything changed."""
        now = time.monotonic()
        if self.process is None:
            if now < self._next:
                return False
            self._start(now)
            return True
        if self.process.poll() is None:
            with suppress(OSError):
                if self._log.stat().st_size > LOG_BYTES:
                    os.truncate(self._log, 0)
            return False
        self.process, self._ends = None, self._ends + 1
        self._soon = 0 if now - self._started > LASTING else self._soon + 1
        self._next = now + min(LONGEST_PAUSE, 2.0**self._soon)
        return True

    def _start(self, now: float) -> None:
        inherited = {name: value for name, value in os.environ.items() if name not in self._plan.unset}
        mark = {reaper.MARKER: self._marker} if self._marker else {}
        with open_log(self._log, "a") as log:
            self.process = subprocess.Popen(
                self._plan.command,
                env={**inherited, **self._plan.environ, **mark},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._started, self._created = now, psutil.Process(self.process.pid).create_time()


class Supervisor:
    """Runs the parts of a service until it is asked to end.

    Args:
        folder: Folder of the service, which nobody else uses.
        state: The service without its parts.
        plans: What to run.
        unmarked: Names of parts whose children outlive the service.
    """

    def __init__(
        self, folder: Path, state: ServiceState, plans: Sequence[ServicePart], unmarked: Sequence[str]
    ):
        self._file, self._state = folder / STATE, state
        self._parts = [
            SupervisedPart(
                plan, folder / f"{plan.name.lower()}.log", "" if plan.name in unmarked else state.marker
            )
            for plan in plans
        ]

    def run(self, over: threading.Event) -> None:
        """Run the parts until the event is set, then end them."""
        try:
            while not over.wait(POLL):
                if any(part.tend() for part in self._parts):
                    self._write()
        finally:
            end_parts([part.process.pid for part in self._parts if part.process], self._state.marker)
            self._file.unlink(missing_ok=True)

    def _write(self) -> None:
        parts = tuple(part.state for part in self._parts)
        replace_file(self._file, dataclasses.replace(self._state, parts=parts).to_json())


def end_parts(pids: Sequence[int], marker: str) -> None:
    """Ask processes to end, then end them, with everything that carries the service's mark."""
    processes = []
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            process.terminate()
            processes.append(process)
    _, left = psutil.wait_procs(processes, timeout=GRACE)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    reaper.reap(marker, os.getpid())


def main() -> None:
    """Supervise what the standard input says, until SIGTERM or SIGINT."""
    plan = json.load(sys.stdin)
    folder, over = Path(plan["folder"]), threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with (folder / LOCK).open("w") as lock, temporary_folder(longest=LONGEST_FOLDER) as temporary:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            sys.exit(IN_USE)
        this, values = psutil.Process(), plan["state"]
        state = ServiceState(
            **{**values, "parts": ()}, pid=this.pid, created=this.create_time(), folder=str(temporary)
        )
        parts = [_part(values, str(temporary)) for values in plan["parts"]]
        Supervisor(folder, state, parts, plan["unmarked"]).run(over)


def _part(values: Mapping[str, object], temporary: str) -> ServicePart:
    """Return a part from what the standard input says of it."""
    words, environ, address = values["command"], values["environ"], values["address"]
    assert isinstance(words, list)
    assert isinstance(environ, dict)
    return ServicePart(
        str(values["name"]),
        tuple(str(word).replace(TEMPORARY, temporary) for word in words),
        environ,
        (str(address[0]), int(address[1])) if isinstance(address, list) else None,
        tuple(values["unset"]) if isinstance(values["unset"], list) else (),
    )


if __name__ == "__main__":
    main()
