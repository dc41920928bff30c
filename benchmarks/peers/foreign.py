"""How another system is driven: its interface, and the clock it runs under.

One protocol serves both kinds of systems. Some look at every epoch and stop trials; they request the
whole training. Others request a training up to an epoch and may later request more of the same one;
they ignore the reports in between. A training requested again continues from its last epoch, as from a
checkpoint: only additional epochs are charged and take time.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from benchmarks.comparison import Outcome
from benchmarks.curve_tasks import Replay, Task
from hpo.core.rungs import default_first_rung
from hpo.core.space import Choice, Integer, Space


@dataclass(frozen=True)
class Job:
    """A training that a peer asks for.

    Attributes:
        trial: Number of the configuration, the same whenever it is asked for again.
        point: The configuration.
        until: Epoch up to which it is trained.
    """

    trial: int
    point: Mapping[str, Any]
    until: int


class Peer(Protocol):
    """Another system, driven job by job; lower values are better.

    Attributes:
        settings: Its settings, read from its own objects where possible.
    """

    settings: str

    def ask(self) -> Job:
        """Return what a free worker trains next."""
        ...

    def report(self, trial: int, epoch: int, value: float) -> bool:
        """Take a finite value and return whether the trial continues."""
        ...

    def tell(self, trial: int, end: str, value: float) -> None:
        """Note that a job ``finished``, was ``stopped`` or ``failed`` (its value is not finite)."""
        ...


@dataclass
class _Training:
    """A configuration's curve, up to the epoch requested and up to the epoch trained."""

    curve: Any
    until: int = 0
    epoch: int = 0

    def seconds(self) -> float:
        """Duration of the next epoch."""
        return float(self.curve.seconds[self.epoch])

    def value(self) -> float:
        """The last value."""
        return float(self.curve.valid[self.epoch - 1])

    def counted(self, horizon: int) -> tuple[float, int]:
        """The best value and its epoch; infinite as long as the training is not complete."""
        if self.epoch < horizon:
            return math.inf, self.epoch
        values = [value if math.isfinite(value) else math.inf for value in self.curve.valid[:horizon]]
        return float(min(values)), values.index(min(values)) + 1

    def end(self, goes_on: Callable[[], bool]) -> str:
        """How the job has ended; empty if it has not."""
        if not math.isfinite(self.value()):
            return "failed"
        stopped = not goes_on()
        return "finished" if self.epoch == self.until else "stopped" if stopped else ""


@dataclass(frozen=True)
class Foreign:
    """A peer, replayed under the same virtual clock.

    Attributes:
        make: Makes the peer of (task, first rung, seed, epochs after which the search is given up).
        first: First rung; None for the product's default.
    """

    make: Callable[[Task, int, int, int], Peer]
    first: int | None = 3

    def settings(self, task: Task, most: int) -> str:
        """Return the settings of the peer.

        Raises:
            ImportError: If its packages are not installed.
        """
        return self.make(task, self._rung(task), 0, most).settings

    def _rung(self, task: Task) -> int:
        return self.first or default_first_rung(task.horizon)

    def run(
        self, task: Task, seed: int, workers: int, target: float, most: int, shipped: bool = False
    ) -> Outcome:
        """Run one search until it reaches the target or has spent ``most`` epochs.

        The arguments are those of `benchmarks.search_methods.Product.run`.
        """
        peer, replay, outcome = self.make(task, self._rung(task), seed, most), Replay(task), Outcome()
        trainings: dict[int, _Training] = {}
        arrivals: list[tuple[float, int]] = []

        def start(now: float) -> None:
            trial = _next_job(peer, replay, trainings)
            heapq.heappush(arrivals, (now + trainings[trial].seconds(), trial))

        for _ in range(workers):
            start(0.0)
        while True:
            now, trial = heapq.heappop(arrivals)
            training = trainings[trial]
            seconds = training.seconds()
            training.epoch += 1
            value = training.value()
            counted, epoch = training.counted(task.horizon) if shipped else (value, training.epoch)
            outcome.trials = len(trainings)
            if outcome.take(counted, float(training.curve.test[epoch - 1]), seconds, target, most):
                return outcome
            if end := training.end(lambda t=trial, e=training.epoch, v=value: peer.report(t, e, v)):
                peer.tell(trial, end, value)
                start(now)
            else:
                heapq.heappush(arrivals, (now + training.seconds(), trial))


def _next_job(peer: Peer, replay: Replay, trainings: dict[int, _Training]) -> int:
    """Return the trial of the next job that needs an epoch; known values are answered at once."""
    while True:
        job = peer.ask()
        training = trainings.get(job.trial)
        if training is None:
            training = trainings[job.trial] = _Training(replay.curve(job.trial, job.point))
        training.until = max(training.until, job.until)
        if training.epoch < job.until:
            return job.trial
        value = float(training.curve.valid[job.until - 1])
        peer.tell(job.trial, "finished" if math.isfinite(value) else "failed", value)


class Worst:
    """Return a bad finite value for systems that accept no other: the worst so far, at least 1."""

    def __init__(self) -> None:
        self._worst = 1.0

    def instead_of(self, value: float) -> float:
        """Return the value, or the worst one if it is not finite."""
        if math.isfinite(value):
            self._worst = max(self._worst, value)
            return value
        return self._worst


def plain(space: Space, found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a peer's configuration as plain numbers, clipped to bounds that rounding can exceed."""
    return {p.name: _plain(p.domain, found[p.name]) for p in space.parameters}


def _plain(domain: Any, value: Any) -> Any:
    if isinstance(domain, Choice):
        return domain.values[domain.index(value)]
    number = int(value) if isinstance(domain, Integer) else float(value)
    return min(max(number, domain.low), domain.high)


def described(setting: Any, *names: str) -> str:
    """Describe an object of a peer by its type and these attributes."""
    held = ", ".join(f"{name.strip('_')}={getattr(setting, name)}" for name in names)
    return f"{type(setting).__name__}({held})"


def release(package: str) -> str:
    """Return a package and its version."""
    from importlib.metadata import version

    return f"{package} {version(package)}"
