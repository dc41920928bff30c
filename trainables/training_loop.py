"""The training loop of the shipped trainables: it reads from top to bottom, whatever the data.

What differs between images and tables is a `Task`: its network, its batches and its scores.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hpo.core.recipe import Recipe
from hpo.core.trainable import Context, Examples, Model
from trainables import batch_of_one, isolation, scores
from trainables.batches import Batches
from trainables.data_parallel import processes_of
from trainables.epoch_metrics import EpochMetrics
from trainables.freed_memory import keep_freed_memory
from trainables.inference_pace import InferencePace
from trainables.optimization.losses import Loss
from trainables.trainer import Trainer


class Batch(NamedTuple):
    """One optimizer step's examples.

    Attributes:
        inputs: As the network takes them.
        targets: As the loss takes them.
        truth: What the outcomes are compared with after the epoch, [b].
    """

    inputs: Tensor
    targets: Tensor
    truth: Tensor

    def part(self, rows: slice) -> Batch:
        """Return some of the examples."""
        return Batch(self.inputs[rows], self.targets[rows], self.truth[rows])


class Task(Protocol):
    """One kind of data, ready to be trained on.

    Attributes:
        network: On its device, with its first weights.
        loss: Of outputs and targets.
        batches: How an epoch is cut.
        lr_multipliers: Factors on the learning rate by parameter name.
        example: A batch of one as the network takes it; its values do not matter.
        pace: How fast the network answers, by the validations so far.
    """

    network: nn.Module
    loss: Loss
    batches: Batches
    lr_multipliers: Mapping[str, float]
    example: Tensor
    pace: InferencePace

    def epoch(self, indices: Iterable[Tensor], generator: torch.Generator) -> Iterator[Batch]:
        """Yield the batches with these indices, augmented if the recipe says so."""
        ...

    def inputs(self) -> Iterable[Tensor]:
        """Yield all training inputs, not augmented, for what an average of weights has to see again."""
        ...

    def outcomes(self, outputs: Tensor) -> Tensor:
        """Return what is kept of a training batch's outputs until the epoch ends."""
        ...

    def train_scores(self, outcomes: NDArray[Any], truth: NDArray[Any]) -> Mapping[str, float]:
        """Return the scores of an epoch's outcomes."""
        ...

    def validation_scores(self, network: nn.Module) -> Mapping[str, float]:
        """Return the scores on the validation part; ``loss`` is one of them."""
        ...

    def model(self, network: nn.Module) -> Model:
        """Return the model that a network of this build makes."""
        ...


@runtime_checkable
class OpensTask(Protocol):
    """A trainable that this loop trains, and that can be looked at before its first step."""

    def open_task(
        self, recipe: Recipe, train: Examples, validation: Examples, seed: int, device: torch.device
    ) -> Task:
        """Prepare the data of a training and build its network on a device."""
        ...


def run(recipe: Recipe, context: Context, open_task: Callable[[torch.device], Task]) -> None:
    """Train epoch by epoch and report after each.

    Several processes draw the same batches, each trains on its part of them, and the first one validates.

    Args:
        recipe: In normal form.
        context: Of the training.
        open_task: Prepares the data and builds the network on a device.

    Raises:
        UserError: If the recipe cannot be trained on this data or this machine.
    """
    device = isolation.device(context.device)
    processes = processes_of(getattr(context, "distributed", None), recipe["batch_size"])
    keep_freed_memory()
    with isolation.alone(context.threads, device):
        task = open_task(device)
        steps = len(task.batches)
        trainer = Trainer(
            recipe, task.network, task.loss, steps, context.horizon, task.lr_multipliers, processes
        )
        parameters = float(sum(weights.numel() for weights in task.network.parameters()))
        batch_of_one.check(recipe, trainer, task.example)
        checkpoint = context.restored()
        if checkpoint is not None:
            trainer.restore(checkpoint)

        for epoch in context.epochs():
            if trainer.stopped:
                best = trainer.stand_still()
                context.report(best.metrics, task.model(best.network), trainer.arrays)
                continue

            measured = EpochMetrics(device)
            trainer.begin()
            with isolation.seeded(context.seed, "epoch", epoch, device=device) as generator:
                processes.seed(context.seed, "epoch", epoch)
                indices = task.batches.shuffled(generator)
                for step, batch in enumerate(task.epoch(indices, generator), (epoch - 1) * steps):
                    part = batch.part(processes.part(len(batch.truth)))
                    share = trainer.share(part.targets, batch.targets)
                    whole = len(batch.targets)
                    loss, outputs = trainer.step(part.inputs, part.targets, step, share, whole)
                    if share:
                        measured.add(loss, task.outcomes(outputs), part.truth, share * len(batch.truth))
                network = trainer.judged(epoch, task.inputs)
            measured.merge(processes)
            metrics = trainer.metrics | (measured.metrics() if processes.first else {})
            judged = processes.of_first(functools.partial(task.validation_scores, network))
            if processes.first:
                trained = dict(task.train_scores(*measured.outcomes())) | {"loss": metrics["train/loss"]}
                metrics |= scores.named("train", trained) | scores.named("validation", judged)
                metrics |= {"parameters": parameters, "seconds_per_example": task.pace.seconds_per_example}
            shown, metrics = trainer.keep(network, metrics, judged)
            context.report(metrics, task.model(shown), trainer.arrays)
