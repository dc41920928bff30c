"""Runs a search in this process on recorded or computed curves, under a virtual clock.

It drives the same conductor as Ray Tune does, in the order in which a given number of workers would
report. Benchmarks replay real learning curves with it, and tests compare the two runners.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from hpo.core.events import Cause, Reported
from hpo.core.ports import TrainingTask
from hpo.core.training_state import Key
from hpo.running.conductor import Conductor

Epochs = Iterator[tuple[Mapping[str, float], float]]
"""The metrics of each epoch, and the seconds it takes."""


@dataclass
class VirtualClock:
    """A clock that advances only with simulated work."""

    now: float = 0.0

    def __call__(self) -> float:
        """Return the current time."""
        return self.now


@dataclass(order=True)
class _Arrival:
    """The next message of a worker; ties go to the task that was given out first."""

    time: float
    number: int
    key: Key = field(compare=False)
    report: Reported | None = field(compare=False)


class InlineRunner:
    """Trains tasks in virtual time.

    Args:
        train: Returns the epochs of a task, from the first; they may end early or raise.
        workers: Number of tasks trained at once.
        clock: Advanced to the time of each arrival; the conductor must use the same clock.
    """

    def __init__(self, train: Callable[[TrainingTask], Epochs], workers: int, clock: VirtualClock):
        self._train = train
        self._workers = workers
        self._clock = clock
        self._arrivals: list[_Arrival] = []
        self._running: dict[Key, tuple[int, int, Epochs]] = {}
        self._paused: dict[Key, tuple[int, Epochs]] = {}
        self._lasts: dict[Key, int] = {}
        self._given = 0

    def run(self, conductor: Conductor) -> None:
        """Train until the conductor is done."""
        while not conductor.done:
            while len(self._running) < self._workers and (task := conductor.next()):
                self._start(task)
            if not self._arrivals:
                return
            arrival = heapq.heappop(self._arrivals)
            self._clock.now = arrival.time
            self._deliver(conductor, arrival)

    def _start(self, task: TrainingTask) -> None:
        paused = self._paused.pop(task.key) if task.key in self._paused else None
        epoch, epochs = paused or (0, iter(self._train(task)))
        self._running[task.key] = (self._given, epoch, epochs)
        self._lasts[task.key] = task.epochs
        self._given += 1
        self._schedule(task.key)

    def _schedule(self, key: Key) -> None:
        number, epoch, epochs = self._running[key]
        step = next(epochs, None)
        if step is None:
            heapq.heappush(self._arrivals, _Arrival(self._clock.now, number, key, None))
            return
        metrics, seconds = step
        self._running[key] = (number, epoch + 1, epochs)
        report = Reported(*key, epoch + 1, metrics, seconds)
        heapq.heappush(self._arrivals, _Arrival(self._clock.now + seconds, number, key, report))

    def _deliver(self, conductor: Conductor, arrival: _Arrival) -> None:
        key, report = arrival.key, arrival.report
        if report is None:
            conductor.failed(key, Cause.NEVER_REPORTED, "the training ended before its last epoch")
            del self._running[key]
            return
        weights = ("inline", "") if key[1] and report.epoch >= self._lasts[key] else ("", "")
        if conductor.reported(key, [report], weights=weights):
            self._schedule(key)
        else:
            _, epoch, epochs = self._running.pop(key)
            if conductor.history.trainings[key].end is None:
                self._paused[key] = epoch, epochs
