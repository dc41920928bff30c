"""The other processes of trainings that have several, as the first one sees them.

A worker is rank 0 of its trainings. It starts the other ranks on its own node, so that they hold what Ray
has reserved for it, and keeps them from training to training. They follow its verdicts: each of their reports
waits until that of rank 0 has been taken. A worker with one process has no ranks and does nothing here.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection

from hpo.core.distributed import Distributed
from hpo.core.errors import ChangedCode
from hpo.core.ports import TrainingTask
from hpo.running.environment import TrainingEnvironment
from hpo.running.failures import RankFailed, RankLost
from hpo.running.process_state import environment as variables_set
from hpo.running.rank_messages import Ended, Opened, seconds_of

STARTING = 900.0
"""Seconds within which a rank must have opened trainable and data; a busy machine can take minutes."""

SETTLING = 10.0
"""Seconds within which a rank must have ended its training after rank 0 has."""

FATE_SECONDS = 5.0
"""Seconds for which rank 0, whose group broke, waits for the reason: the end of another process."""

PAUSE = 0.05
"""Seconds between two looks for it."""

COMMUNICATION = ("gloo", "nccl", "tcpstore", "distnetworkerror", "diststoreerror", "distbackenderror")
"""Words in the errors that torch raises where another process of the group has gone."""


class RankProcess:
    """Another process of a worker's trainings.

    Args:
        rank: Its number, from 1.
        environment: Of the trainings.
    """

    def __init__(self, rank: int, environment: TrainingEnvironment):
        self.rank = rank
        own, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "hpo.running.rank_process", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env={**os.environ, "OMP_NUM_THREADS": str(environment.threads)},
            )
        self._connection = Connection(own.detach())
        self._changed = threading.Condition()
        self._ended: Ended | None = None
        self.opened = False
        self.fate: RankFailed | RankLost | ChangedCode | None = None
        self.send(list(sys.path))
        self.send((environment, Distributed.on_one_node(rank, environment.processes, environment.device)))
        threading.Thread(target=self._receive, daemon=True).start()

    def send(self, message: object) -> None:
        """Send a message; one that has ended gets none."""
        with contextlib.suppress(OSError):
            self._connection.send(message)

    def begin(self, task: TrainingTask, port: int) -> None:
        """Begin a training, for which the processes meet at a port."""
        with self._changed:
            self._ended = None
        self.send((task, port))

    def wait_opened(self, seconds: float) -> None:
        """Wait until trainable and data are open.

        Raises:
            RankLost: If the process has died, or takes too long.
            RankFailed: If it failed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self.opened or self.fate, seconds)
            if self.fate:
                raise self.fate
            if not self.opened:
                raise RankLost(f"process {self.rank} did not start within {seconds:g} s")

    def wait_ended(self, seconds: float) -> bool:
        """Return whether its training ends, or has ended, within some seconds, without an error."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self.fate, max(0.0, seconds))
            return self._ended is not None and self.fate is None

    def close(self) -> None:
        """Kill the process."""
        self._process.kill()
        self._process.wait()
        self._connection.close()

    def _receive(self) -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                self._take(self._connection.recv())
        code = self._process.wait()
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        with self._changed:
            self.fate = self.fate or RankLost(f"process {self.rank} of the training {how}")
            self._changed.notify_all()

    def _take(self, message: Opened | Ended) -> None:
        with self._changed:
            if isinstance(message, Opened):
                self.opened = True
            else:
                self._ended, self.fate = message, message.error(self.rank)
            self._changed.notify_all()


class Ranks:
    """The other processes of a worker's trainings.

    Args:
        environment: Of the trainings.
    """

    def __init__(self, environment: TrainingEnvironment):
        self._environment = environment
        self._processes: list[RankProcess] = []
        self._failed_at: float | None = None

    def start(self) -> None:
        """Start the processes, unless they run."""
        if self.fate:  # one died while it was idle
            self.close()
        for rank in range(1 + len(self._processes), self._environment.processes):
            self._processes.append(RankProcess(rank, self._environment))

    @contextlib.contextmanager
    def training(self, task: TrainingTask) -> Iterator[Distributed | None]:
        """Train a task together inside; yields the place of this process, None if it is the only one.

        Raises:
            RankFailed: If a process failed with an error.
            RankLost: If one died.
        """
        if not self._processes:
            yield None
            return
        from trainables.process_group import joined, listening, variables

        environment = self._environment
        place = Distributed.on_one_node(0, environment.processes, environment.device)
        stopped = False
        try:
            for process in self._processes:
                process.wait_opened(STARTING)
            listener = listening()
            port = listener.getsockname()[1]
            for process in self._processes:
                process.begin(task, port)
            with (
                variables_set(variables(place, port)),
                joined(place, port, seconds_of(environment), listener),
            ):
                yield place
            stopped = True
        except Exception as error:
            reason = self._reason(error)
            if reason is error:
                raise
            raise reason from error
        except BaseException:  # the training was stopped
            stopped = True
            raise
        finally:
            self._settle(stopped)

    def go_on(self) -> None:
        """Have the other processes go on after a report."""
        for process in self._processes:
            process.send(True)

    @property
    def fate(self) -> Exception | None:
        """How a process died or failed, rather one that did so by itself; None if all is well."""
        fates = [process.fate for process in self._processes if process.fate]
        return min(fates, key=lambda fate: (not isinstance(fate, RankLost), _follows(fate)), default=None)

    @property
    def overdue(self) -> Exception | None:
        """The same if it has been so for a while, and rank 0 has not noticed it."""
        fate, now = self.fate, time.monotonic()
        self._failed_at = None if fate is None else self._failed_at or now
        return fate if self._failed_at is not None and now - self._failed_at > SETTLING else None

    def close(self) -> None:
        """Kill the processes."""
        processes, self._processes = self._processes, []
        for process in processes:
            process.close()

    def _reason(self, error: Exception) -> Exception:
        """Return why rank 0 failed: the end of another process if its own error follows from one."""
        if isinstance(error, RankFailed | RankLost | ChangedCode) or not _follows(error):
            return error
        until = time.monotonic() + FATE_SECONDS
        while time.monotonic() < until:
            if self.fate is not None and not _follows(self.fate):
                return self.fate
            time.sleep(PAUSE)
        return error

    def _settle(self, stopped: bool) -> None:
        """Have the processes end their training; kill them all if one does not, or something went wrong."""
        for process in self._processes:
            process.send(False)
        until = time.monotonic() + SETTLING
        well = stopped and all(p.wait_ended(until - time.monotonic()) for p in self._processes)
        if not well:
            self.close()


def _follows(error: BaseException) -> bool:
    """Return whether an error can come from a group that another process has left."""
    chain = [error]
    while following := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(following)
    texts = [f"{type(each).__name__} {each}".lower() for each in chain]
    return any(word in text for word in COMMUNICATION for text in texts)
