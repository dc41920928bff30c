"""A training of a few epochs in this process, with all its reports and its last model."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hpo.core.distributed import Distributed
from hpo.core.errors import HpoError
from hpo.core.logging_handlers import handlers_removed
from hpo.core.recipe import Recipe
from hpo.core.trainable import Arrays, Examples, Model, Trainable
from hpo.running.channel import TrainingStopped
from hpo.running.thread_limits import limited_threads

Metrics = Mapping[str, float]


@dataclass
class ShortTraining:
    """What a short training showed.

    Attributes:
        reports: Metrics of each epoch.
        seconds: Wall time of each epoch.
        model: The model after the last one; None if it reported none.
        error: Why its code failed; None if it did not.
    """

    reports: list[Metrics] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    model: Model | None = None
    error: Exception | None = None

    @property
    def last(self) -> Metrics:
        """Metrics of the last epoch; empty without one."""
        return self.reports[-1] if self.reports else {}


@dataclass(frozen=True)
class Setting:
    """What all short trainings of a recipe have in common.

    Attributes:
        trainable: The training code.
        seed: Source of randomness.
        device: ``cpu`` or ``cuda``.
        threads: Threads of a training.
        folder: For files of the training.
    """

    trainable: Trainable
    seed: int
    device: str
    threads: int
    folder: Path

    def train(
        self,
        recipe: Recipe,
        train: Examples,
        validation: Examples,
        epochs: int,
        *,
        until: int | None = None,
        seconds: float = float("inf"),
        enough: Callable[[Metrics], bool] = lambda metrics: False,
    ) -> ShortTraining:
        """Train a recipe.

        Args:
            recipe: Complete.
            train: Rows to train on.
            validation: Rows to validate on.
            epochs: Length that schedules stretch to.
            until: Epochs after which it is stopped; None for all.
            seconds: Wall time after which it is stopped.
            enough: Returns whether the metrics of an epoch end it.
        """
        result = ShortTraining()
        context = _ShortContext(self, result, epochs, until or epochs, time.monotonic() + seconds, enough)
        try:
            with limited_threads(self.threads), handlers_removed():
                self.trainable.train(recipe, train, validation, context)
        except TrainingStopped:
            pass
        except Exception as error:
            result.error = error
        return result


class _ShortContext:
    """The `hpo.core.trainable.Context` of a short training."""

    def __init__(
        self,
        setting: Setting,
        result: ShortTraining,
        epochs: int,
        until: int,
        deadline: float,
        enough: Callable[[Metrics], bool],
    ):
        self.seed, self.device, self.threads = setting.seed, setting.device, setting.threads
        self.horizon, self.trial, self.replicate, self.folder = epochs, 0, 0, setting.folder
        self.distributed: Distributed | None = None
        self._result, self._until, self._deadline, self._enough = result, until, deadline, enough
        self._began = time.monotonic()

    def epochs(self) -> Iterator[int]:
        """Yield the epochs to train."""
        self._began = time.monotonic()
        yield from range(1, self.horizon + 1)

    def restored(self) -> Arrays | None:
        """Return None: it starts again."""
        return None

    def report(self, metrics: Metrics, model: Model, state: Callable[[], Arrays] | None = None) -> None:
        """Keep metrics and model, and stop where it is enough."""
        now, result = time.monotonic(), self._result
        result.reports.append({name: float(value) for name, value in metrics.items()})
        result.seconds.append(now - self._began)
        result.model, self._began = model, now
        if len(result.reports) >= self._until or now > self._deadline or self._enough(result.last):
            raise TrainingStopped


def line_of(error: Exception | None) -> str:
    """Return an error in one line."""
    if isinstance(error, HpoError):
        return str(error)
    return f"{type(error).__name__}: {error}"[:200] if error else ""
