"""Run a command, and end it when the process that started this one asks for that or dies.

Started as ``python -I -S supervisor.py GRACE PROGRAM ARGUMENT ...`` with a pipe as standard input. When
the pipe is closed, by request or because its owner was killed, the command and everything that it started
get SIGTERM, a grace period and SIGKILL. The bytes ``s`` and ``c`` hold the command and let it continue.
It imports nothing of the service, so that it starts at once.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time

POLL_SECONDS = 0.05

HOLD = {b"s": signal.SIGSTOP, b"c": signal.SIGCONT}


def main() -> int:
    """Return the exit code of the command; 128 and the number of the signal that killed it."""
    grace, command = float(sys.argv[1]), sys.argv[2:]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True) as child:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # after the start, for the command would inherit it
        while child.poll() is None:
            if not select.select([0], [], [], POLL_SECONDS)[0]:
                continue
            request = os.read(0, 1)
            if request in HOLD:
                _kill(child, HOLD[request])
            else:
                _stop(child, grace)
        _kill(child, signal.SIGKILL)  # whatever it left running
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _stop(child: subprocess.Popen[bytes], grace: float) -> None:
    _kill(child, signal.SIGTERM)
    _kill(child, signal.SIGCONT)
    end = time.monotonic() + grace
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(max(0.0, end - time.monotonic()))
    _kill(child, signal.SIGKILL)
    child.wait()


def _kill(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


if __name__ == "__main__":
    sys.exit(main())
