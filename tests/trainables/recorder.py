"""A context that records what a training reports, and how to compare two trainings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hpo.core.recipe import Recipe
from hpo.core.trainable import Arrays, Examples, Model
from trainables.registry import SHIPPED


class Interrupted(Exception):
    """Raised in place of the death of a worker."""


class Recorder:
    """A context that keeps every report, and can break off after an epoch."""

    def __init__(
        self,
        horizon: int,
        seed: int = 7,
        threads: int = 1,
        device: str = "cpu",
        checkpoint: tuple[int, Arrays] | None = None,
        interrupt_after: int | None = None,
    ):
        self.horizon, self.seed, self.threads, self.device = horizon, seed, threads, device
        self._checkpoint, self._interrupt_after = checkpoint, interrupt_after
        self.epoch = 0
        self.reports: list[dict[str, float]] = []
        self.weights: list[Arrays] = []
        self.model: Model | None = None
        self.state: Arrays | None = None

    def epochs(self) -> Iterator[int]:
        for epoch in range(self._checkpoint[0] + 1 if self._checkpoint else 1, self.horizon + 1):
            self.epoch = epoch
            yield epoch

    def restored(self) -> Arrays | None:
        return self._checkpoint[1] if self._checkpoint else None

    def report(
        self, metrics: Mapping[str, float], model: Model, state: Callable[[], Arrays] | None = None
    ) -> None:
        self.reports.append(dict(metrics))
        self.model, self.state = model, state() if state else None
        self.weights.append(dict(model.weights()))
        if self.epoch == self._interrupt_after:
            raise Interrupted


TIMED = ("images_per_second", "examples_per_second", "seconds_per_example", "peak_memory")
"""Metrics that differ from run to run."""


def numbers(reports: list[dict[str, float]]) -> list[dict[str, float]]:
    """Return what must be bitwise equal in two trainings."""
    return [{name: value for name, value in report.items() if name not in TIMED} for report in reports]


def recipe(choices: Mapping[str, Any], trainable: str = "image_classifier") -> Recipe:
    """A short recipe in normal form."""
    return Recipe(SHIPPED[trainable].grammar.resolve(choices))


def train(
    choices: Mapping[str, Any],
    parts: tuple[Examples, Examples],
    epochs: int = 2,
    trainable: str = "image_classifier",
    **context: Any,
) -> Recorder:
    """Train to the end and return the reports."""
    recorder = Recorder(epochs, **context)
    SHIPPED[trainable].load().train(recipe(choices, trainable), *parts, recorder)
    return recorder
