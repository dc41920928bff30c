"""The learning rate as a function of the training's progress.

Schedules have no state: the learning rate follows from the step, and for ``plateau`` from the
validation losses so far, so that a resumed training continues with the same learning rates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from hpo.core.grammar import Group
from trainables.parts.schedule import BATCH_SCALING, SCHEDULE, WARMUP


@dataclass(frozen=True)
class Schedule:
    """Learning rate at every step of a training.

    Attributes:
        base: Learning rate after batch scaling, before warm-up and schedule.
        steps_per_epoch: Optimizer steps of an epoch.
        warm: Steps of the warm-up.
        start: Factor at the first of them.
        schedule: Factor at (epochs since the warm-up, epochs after it in total, validation losses or
            errors).
        horizon: Epochs of the whole training.
        late: Step from which the learning rate is constant, for weight averaging, and its factor.
    """

    base: float
    steps_per_epoch: int
    warm: int
    start: float
    schedule: Callable[[float, float, Sequence[float]], float]
    horizon: int
    late: tuple[float, float] = (math.inf, 1.0)

    def at(self, step: int, losses: Sequence[float] = ()) -> float:
        """Return the learning rate of a step.

        The schedule starts where the warm-up ends and covers the rest of the training.

        Args:
            step: Counted from 0 over the whole training.
            losses: Validation losses or errors of the epochs so far, for ``plateau``; those of the
                warm-up do not count.
        """
        if step < self.warm:
            return self.base * (self.start + (1 - self.start) * step / self.warm)
        if step >= self.late[0]:
            return self.base * self.late[1]
        epoch = (step - self.warm) / self.steps_per_epoch
        total = max(self.horizon - self.warm / self.steps_per_epoch, 1 / self.steps_per_epoch)
        watched = losses[math.ceil(self.warm / self.steps_per_epoch) :] if self.warm else losses
        return self.base * self.schedule(epoch, total, watched)


def build(recipe: Mapping[str, Any], base: float, steps_per_epoch: int, horizon: int) -> Schedule:
    """Return the learning rate schedule of a recipe in normal form.

    Args:
        recipe: Its ``schedule``, ``warmup``, ``batch_scaling`` and ``averaging`` are read.
        base: Learning rate before all of them.
        steps_per_epoch: Optimizer steps of an epoch.
        horizon: Epochs of the whole training.
    """
    scale = _part(recipe, BATCH_SCALING)(recipe["batch_size"])
    warm = _part(recipe, WARMUP)(steps_per_epoch, horizon)
    start = recipe["warmup"].get("start", 1.0)
    late = (math.inf, 1.0)
    if recipe["averaging"]["name"] == "swa" and recipe["averaging"]["rate"] is not None:
        late = (recipe["averaging"]["start"] * horizon * steps_per_epoch, recipe["averaging"]["rate"])
    return Schedule(base * scale, steps_per_epoch, warm, start, _part(recipe, SCHEDULE), horizon, late)


def _part(recipe: Mapping[str, Any], group: Group) -> Callable[..., Any]:
    options = {
        key: value for key, value in recipe[group.name].items() if key not in ("name", "start", "metric")
    }
    return partial(group.part(recipe[group.name]["name"]).load(), **options)


def constant(epoch: float, total: float, losses: Sequence[float]) -> float:
    """Always 1."""
    return 1.0


def step(epoch: float, total: float, losses: Sequence[float], factor: float, every: float) -> float:
    """Times ``factor`` after each ``every`` epochs."""
    return float(factor ** math.floor(epoch / every + 1e-9))


def cosine(epoch: float, total: float, losses: Sequence[float], floor: float) -> float:
    """Half a cosine from 1 down to ``floor``."""
    return floor + (1 - floor) * (1 + math.cos(math.pi * epoch / total)) / 2


def exponential(epoch: float, total: float, losses: Sequence[float], final: float) -> float:
    """Falls by the same factor in each epoch, to ``final``."""
    return float(final ** (epoch / total))


def linear(epoch: float, total: float, losses: Sequence[float], floor: float) -> float:
    """A straight line from 1 down to ``floor``."""
    return 1 - (1 - floor) * epoch / total


def inverse_sqrt(epoch: float, total: float, losses: Sequence[float]) -> float:
    """1 / sqrt(t + 1), t in epochs."""
    return 1 / math.sqrt(epoch + 1)


def plateau(
    epoch: float,
    total: float,
    losses: Sequence[float],
    divisor: float,
    patience: int,
    threshold: float,
) -> float:
    """Divided each time the validation loss or error has not improved for more than ``patience`` epochs."""
    best, bad, drops = math.inf, 0, 0
    for loss in losses:
        if loss < best * (1 - threshold):
            best, bad = loss, 0
        else:
            bad += 1
        if bad > patience:
            drops, bad = drops + 1, 0
    return float(divisor**-drops)


def no_warmup(steps_per_epoch: int, horizon: int) -> int:
    """Return no steps."""
    return 0


def warmup_epochs(steps_per_epoch: int, horizon: int, length: float) -> int:
    """Return the steps of a warm-up given in epochs."""
    return round(length * steps_per_epoch)


def warmup_steps(steps_per_epoch: int, horizon: int, length: int) -> int:
    """Return the steps of a warm-up given in steps."""
    return length


def warmup_percent(steps_per_epoch: int, horizon: int, length: float) -> int:
    """Return the steps of a warm-up given as a percentage of the training."""
    return round(length / 100 * horizon * steps_per_epoch)


def no_scaling(batch_size: int) -> float:
    """The learning rate does not depend on the batch size."""
    return 1.0


def linear_scaling(batch_size: int, reference: int) -> float:
    """Twice the batch, twice the learning rate."""
    return batch_size / reference


def square_root_scaling(batch_size: int, reference: int) -> float:
    """Four times the batch, twice the learning rate."""
    return math.sqrt(batch_size / reference)
