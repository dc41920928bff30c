"""What a training is made of before its first step, as the probes look at it.

The shipped trainables give it by `open_task`, with exactly the objects that their training loop uses. A
user's own trainable gives it by a method `parts`; without one, only its trainings can be looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from hpo.core.recipe import Recipe
from hpo.core.trainable import Examples
from trainables import isolation
from trainables.optimization.optimizers import base_learning_rate, set_learning_rate
from trainables.trainer import Trainer
from trainables.training_loop import OpensTask

ROWS = 256
"""Examples that layers are looked at with."""


@dataclass
class TrainingParts:
    """A network with what its training needs for one step.

    Attributes:
        network: With its first weights.
        loss: Of outputs and targets, a mean over the batch.
        inputs: A batch as the network takes it.
        targets: As the loss takes them.
        optimizer: Over the network's parameters, at the learning rate of the recipe; None if unknown.
        frozen: Whether the recipe itself freezes layers.
        plain: Whether the loss is a cross-entropy or a mean squared error, whose first value is known.
    """

    network: nn.Module
    loss: Callable[[Tensor, Tensor], Tensor]
    inputs: Tensor
    targets: Tensor
    optimizer: torch.optim.Optimizer | None = None
    frozen: bool = False
    plain: bool = True


@runtime_checkable
class OffersParts(Protocol):
    """A user's trainable that shows its network."""

    def parts(self, recipe: Recipe, train: Examples, seed: int) -> TrainingParts | None:
        """Return the parts of a training of a recipe, before its first step; None to show none."""
        ...


Opener = Callable[[], TrainingParts]
"""Opens the parts anew: each probe changes them."""


def opener_of(
    trainable: Any, recipe: Recipe, train: Examples, validation: Examples, seed: int
) -> Opener | None:
    """Return what opens the parts of a recipe's training on the CPU; None if the trainable shows none."""
    if isinstance(trainable, OpensTask):
        task_of: OpensTask = trainable
        return lambda: _of_task(task_of, recipe, train, validation, seed)
    if isinstance(trainable, OffersParts) and trainable.parts(recipe, train, seed) is not None:
        return lambda: _offered(trainable, recipe, train, seed)
    return None


def _offered(trainable: OffersParts, recipe: Recipe, train: Examples, seed: int) -> TrainingParts:
    parts = trainable.parts(recipe, train, seed)
    assert parts is not None
    parts.network.train()
    return parts


def _of_task(
    trainable: OpensTask, recipe: Recipe, train: Examples, validation: Examples, seed: int
) -> TrainingParts:
    device = torch.device("cpu")
    task = trainable.open_task(recipe, train, validation, seed, device)
    trainer = Trainer(recipe, task.network, task.loss, len(task.batches), 1, task.lr_multipliers)
    set_learning_rate(trainer.optimizer, base_learning_rate(recipe))
    with isolation.seeded(seed, "epoch", 1, device=device) as generator:
        batches = task.epoch(task.batches.shuffled(generator), generator)
        inputs, targets = [], []
        for batch in batches:
            inputs.append(batch.inputs)
            targets.append(batch.targets)
            if sum(map(len, inputs)) >= ROWS:
                break
    trainer.begin()
    return TrainingParts(
        task.network,
        trainer.objective.loss,
        torch.cat(inputs)[:ROWS],
        torch.cat(targets)[:ROWS],
        trainer.optimizer,
        frozen=recipe.get("transfer", {"name": "none"})["name"] != "none",
        plain=_is_plain(recipe, targets[0]),
    )


def _is_plain(recipe: Recipe, targets: Tensor) -> bool:
    chosen = recipe["loss"] if not targets.is_floating_point() else recipe.get("regression_loss", {})
    name = chosen.get("name")
    return name == "cross_entropy" or (targets.ndim == 2 and name == "mean_squared_error")


@contextmanager
def seeded(seed: int, threads: int) -> Iterator[None]:
    """Seed torch and limit its threads inside, then restore both."""
    cpu = torch.device("cpu")
    with isolation.alone(threads, cpu), isolation.seeded(seed, "preflight", device=cpu):
        yield
