"""Runs a search in this process on recorded or computed curves, under a virtual clock.

It drives the very conductor that Ray Tune drives, in the order in which a given number of workers
would have reported. Benchmarks replay real learning curves with it, and tests compare the two.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from hpo.core.events import Cause, Reported
from hpo.core.history import Key
from hpo.core.ports import TrainingTask
from hpo.running.conductor import Conductor

Epochs = Iterator[tuple[Mapping[str, float], float]]
"""What each epoch reports, and the seconds it takes."""


@dataclass
class VirtualClock:
    """Seconds that pass only when work is done."""

    now: float = 0.0

    def __call__(self) -> float:
        """The time now."""
        return self.now


@dataclass(order=True)
class _Arrival:
    """The next thing a worker will say; ties go to the order that was given out first."""

    time: float
    place: int
    key: Key = field(compare=False)
    report: Reported | None = field(compare=False)


class InlineRunner:
    """Trains orders in virtual time.

    Args:
        train: Gives the epochs of an order, from the first; they may end early or raise.
        workers: How many orders are trained at once.
        clock: Advanced to the time of each arrival; give the conductor the same.
    """

    def __init__(self, train: Callable[[TrainingTask], Epochs], workers: int, clock: VirtualClock):
        self._train = train
        self._workers = workers
        self._clock = clock
        self._arrivals: list[_Arrival] = []
        self._running: dict[Key, tuple[int, int, Epochs]] = {}
        self._lasts: dict[Key, int] = {}
        self._given = 0

    def run(self, conductor: Conductor) -> None:
        """Train until the conductor is done."""
        while not conductor.done:
            while len(self._running) < self._workers and (order := conductor.next()):
                self._start(order)
            if not self._arrivals:
                return
            arrival = heapq.heappop(self._arrivals)
            self._clock.now = arrival.time
            self._hand_in(conductor, arrival)

    def _start(self, order: TrainingTask) -> None:
        self._running[order.key] = (self._given, 0, iter(self._train(order)))
        self._lasts[order.key] = order.epochs
        self._given += 1
        self._schedule(order.key)

    def _schedule(self, key: Key) -> None:
        place, epoch, epochs = self._running[key]
        step = next(epochs, None)
        if step is None:
            heapq.heappush(self._arrivals, _Arrival(self._clock.now, place, key, None))
            return
        metrics, seconds = step
        self._running[key] = (place, epoch + 1, epochs)
        report = Reported(*key, epoch + 1, metrics, seconds)
        heapq.heappush(self._arrivals, _Arrival(self._clock.now + seconds, place, key, report))

    def _hand_in(self, conductor: Conductor, arrival: _Arrival) -> None:
        key, report = arrival.key, arrival.report
        if report is None:
            conductor.failed(key, Cause.NEVER_REPORTED, "the training ended before its last epoch")
            del self._running[key]
            return
        weights = ("inline", "") if key[1] and report.epoch >= self._lasts[key] else ("", "")
        if conductor.reported(key, [report], weights=weights):
            self._schedule(key)
        else:
            del self._running[key]
