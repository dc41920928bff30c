"""A command that runs, its output and its reports."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo.core.command import PREFIX
from hpo.core.errors import UserError
from hpo.core.script_report import ANSWER, REPORT
from trainables.commands import supervisor

POLL_SECONDS = 0.2
LAST_LINES = 15

SHOWN = 300
"""Characters of a command, and of the last line that it printed, in a message."""

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")

PYTHON = ("python", "python3")
"""Programs that mean the interpreter of this service, whatever is first in PATH."""


class RunningCommand:
    """A command from its start to its end; a context manager that leaves nothing running.

    Args:
        arguments: The program and its arguments.
        folder: Where it runs.
        metrics: Names of the metrics that make a report.
        pattern: Regular expression of lines that report; empty for none.
        grace_seconds: Time between the request to stop and the kill.
        threads: Threads of the libraries that it uses.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        folder: Path,
        metrics: Sequence[str],
        pattern: str,
        grace_seconds: float,
        threads: int,
    ):
        self._arguments, self._folder, self._metrics = list(arguments), folder, list(metrics)
        self._pattern = re.compile(pattern) if pattern else None
        self._grace, self._threads = grace_seconds, threads
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._line = ""
        self._json = b""
        self._printed: dict[str, float] = {}
        self._reports: deque[dict[str, Any]] = deque()

    def __enter__(self) -> RunningCommand:
        """Start the command."""
        self._scratch = Path(tempfile.mkdtemp(prefix="hpo-command-"))
        paths = {name: self._scratch / name.lower() for name in (REPORT, ANSWER)}
        for path in paths.values():
            os.mkfifo(path, 0o600)
        self._from, self._to = (os.open(path, os.O_RDWR | os.O_NONBLOCK) for path in paths.values())
        variables = {name: str(self._threads) for name in THREADS}
        variables |= {name: str(path) for name, path in paths.items()}
        program, *others = self._arguments
        program = sys.executable if program in PYTHON else program
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", supervisor.__file__, str(self._grace), program, *others],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self._folder,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **variables},
            start_new_session=True,
        )
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        return self

    def __exit__(self, *exception: object) -> None:
        """Ask it to stop, kill it after the grace period, and pass on the rest of its output."""
        process = self._process
        assert process.stdin is not None and process.stdout is not None  # noqa: PT018
        process.stdin.close()
        process.wait()
        self._collect()
        process.stdout.close()
        os.close(self._from)
        os.close(self._to)
        shutil.rmtree(self._scratch, ignore_errors=True)

    def reports(self, stopping: Callable[[], bool] = lambda: False) -> Iterator[Mapping[str, Any]]:
        """Yield its reports; the command is held until the next one is asked for.

        Args:
            stopping: Asked while the command runs; the reports end if it returns true.

        Raises:
            UserError: If it ends with another exit code than 0, or reports what is not a number.
        """
        while True:
            ended = self._process.poll() is not None
            self._collect()
            while self._reports:
                self._ask(b"s")
                yield self._reports.popleft()
                self.answer()
            if ended:
                return self._require_success()
            if stopping():
                return None
            self._wait(POLL_SECONDS)

    def answer(self) -> None:
        """Tell the script that its report is on record."""
        with contextlib.suppress(BlockingIOError):  # it does not read answers
            os.write(self._to, b"\n")
        self._ask(b"c")

    def finish(self) -> None:
        """Let the command end by itself within the grace period; what it still reports is ignored.

        Raises:
            UserError: If it ends with another exit code than 0.
        """
        end = time.monotonic() + self._grace
        while time.monotonic() < end:
            if self._process.poll() is not None:
                self._collect()
                return self._require_success()
            self._wait(min(POLL_SECONDS, end - time.monotonic()))
            self._collect()
            while self._reports:
                self._reports.popleft()
                self.answer()

    def _ask(self, request: bytes) -> None:
        """Have the supervisor hold the command, or let it continue."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended
            os.write(self._process.stdin.fileno(), request)

    def _require_success(self) -> None:
        code = self._process.returncode
        if code == 0:
            return
        name = signal.Signals(code - 128).name if code > 128 and code - 128 in _SIGNALS else ""
        cause = f"was killed by {name}" if name else f"ended with exit code {code}"
        last = next((line.strip() for line in reversed(self._last) if line.strip()), "it printed nothing")
        raise UserError(f"{PREFIX}{' '.join(self._arguments)[:SHOWN]} {cause}: {last[:SHOWN]}")

    def _wait(self, seconds: float) -> None:
        assert self._process.stdout is not None
        output = self._process.stdout.fileno()
        ready, _, _ = select.select([self._from, output], [], [], max(0.0, seconds))
        if output in ready and self._process.poll() is None and not self._pass_on():
            select.select([self._from], [], [], max(0.0, seconds))  # its output is closed, and it still runs

    def _collect(self) -> None:
        """Read what has been printed and reported so far."""
        while self._pass_on():
            pass
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._from, 1 << 16):
                self._json += chunk
        *lines, self._json = self._json.split(b"\n")
        self._reports.extend(_values(line) for line in lines if line.strip())

    def _pass_on(self) -> bool:
        """Copy printed text to this process's output, and look for reports; return whether there was any."""
        assert self._process.stdout is not None
        try:
            chunk = os.read(self._process.stdout.fileno(), 1 << 16)
        except BlockingIOError:
            return False
        text = chunk.decode(errors="replace")
        sys.stdout.write(text)
        *lines, self._line = re.split(r"[\r\n]", self._line + text)
        if not chunk and self._line:
            lines, self._line = [self._line], ""
        for line in lines:
            self._last.append(line)
            self._find(line)
        return bool(chunk)

    def _find(self, line: str) -> None:
        """Add a line's metrics; a report is complete when all declared ones were printed."""
        if self._pattern is None:
            return
        for match in self._pattern.finditer(line):
            groups = match.groupdict()
            named = {groups["name"]: groups["value"]} if {"name", "value"} <= set(groups) else groups
            for name, text in named.items():
                with contextlib.suppress(ValueError, TypeError):
                    self._printed[name] = float(text)
        if all(name in self._printed for name in self._metrics):
            self._reports.append(dict(self._printed))
            self._printed = {}


_SIGNALS = {number.value for number in signal.Signals}


def _values(line: bytes) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except ValueError:
        values = None
    numbers = isinstance(values, dict) and all(_is_number(value) for value in values.values())
    if not numbers:
        text = line.decode(errors="replace")[:200]
        raise UserError(f"the command reported {text!r}; legal: one line of JSON such as {{'loss': 0.3}}")
    return dict(values)


def _is_number(value: Any) -> bool:
    items = value if isinstance(value, list) else [value]
    return all(isinstance(item, int | float) and not isinstance(item, bool) for item in items)
