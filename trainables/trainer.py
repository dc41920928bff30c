"""Optimizer steps and what surrounds them: what a training does with a batch, whatever the data.

The training loop passes `Trainer` one batch after the other and asks it, after each epoch, which
network counts; everything that must survive an interruption is in its arrays.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hpo.core.errors import UserError
from hpo.core.trainable import Arrays
from trainables import state_arrays
from trainables.augmentation.mimo import over_heads
from trainables.data_parallel import OneProcess, Processes
from trainables.networks.frozen_layers import training_mode
from trainables.optimization import optimizers, penalties, schedules, weight_averages
from trainables.optimization.early_stopping import EarlyStopping
from trainables.optimization.losses import Loss, mass


class Trainer:
    """Takes optimizer steps as a recipe says.

    Args:
        recipe: In normal form.
        network: On its device, with its first weights.
        loss: Of outputs and targets.
        steps: Optimizer steps of an epoch.
        horizon: Epochs of the whole training.
        lr_multipliers: Factors on the learning rate by parameter name.
        processes: Those that train on the same batches.

    Attributes:
        losses: Validation loss after each epoch.
        watched: What ``plateau`` watches after each epoch: the losses, or validation errors.
        metrics: Learning rate, gradient norm and update ratio at one step of the epoch; measuring
            all of them would cost several passes over the weights at each step.
    """

    def __init__(
        self,
        recipe: Mapping[str, Any],
        network: nn.Module,
        loss: Loss,
        steps: int,
        horizon: int,
        lr_multipliers: Mapping[str, float] | None = None,
        processes: Processes | None = None,
    ):
        self.network, self.loss, self.steps = network, loss, steps
        self._processes = processes or OneProcess()
        device = next(network.parameters()).device
        forward = torch.compile(network) if recipe["compile"] else network
        regularize = recipe["regularize"]
        self.objective = penalties.PenalizedLoss(regularize, network, forward, over_heads(loss))
        self.optimizer = optimizers.build(recipe, network, lr_multipliers)
        self.schedule = schedules.build(recipe, optimizers.base_learning_rate(recipe), steps, horizon)
        self.clip = penalties.clipping(recipe["gradient_clipping"])
        self.max_norm = regularize.get("max_norm", {}).get("limit")
        self.average = weight_averages.build(recipe["averaging"], network, horizon)
        self.best = (
            BestWeights(network, **regularize["early_stopping"]) if "early_stopping" in regularize else None
        )
        self.autocast: AbstractContextManager[Any] = nullcontext()
        if recipe["precision"] == "bfloat16":
            self.autocast = torch.autocast(device.type, torch.bfloat16, cache_enabled=False)
        self.trained = [p for p in network.parameters() if p.requires_grad]
        self.losses: list[float] = []
        self.watched_metric = recipe["schedule"].get("metric", "loss")
        self.watched: list[float] = [] if self.watched_metric != "loss" else self.losses
        self.accumulation = recipe.get("accumulation", 1)
        self.metrics: dict[str, float] = {}

    def begin(self) -> None:
        """Put the network into training mode; layers that are frozen keep their statistics."""
        training_mode(self.network)

    def share(self, part: Tensor, whole: Tensor) -> float:
        """Return the share of a batch that some of its targets are, as its loss counts them."""
        return 1.0 if len(part) == len(whole) else float(mass(self.loss, part) / mass(self.loss, whole))

    def step(
        self, inputs: Tensor, targets: Tensor, step: int, share: float = 1.0, count: int | None = None
    ) -> tuple[Tensor, Tensor]:
        """Take one step.

        Args:
            inputs: A batch as the network takes it, or this process's part of it, which can be empty.
            targets: As the loss takes them.
            step: Counted from 0 over the whole training.
            share: Share of the batch that these inputs are; see `share`.
            count: Examples of the whole batch; those that are given by default.

        Returns:
            The loss and the network's outputs, both detached; of an empty part, they mean nothing.
        """
        learning_rate = self.schedule.at(step, self.watched)
        optimizers.set_learning_rate(self.optimizer, learning_rate)
        for parameter in self.trained:
            parameter.grad = None
        loss, outputs = inputs.new_zeros(()), inputs
        if len(inputs):
            loss, outputs = self._backward(inputs, targets, share * (count or len(inputs)))
        self._processes.add_up(self.trained, share)
        measured = step % self.steps == self.steps // 2
        if measured:
            before = self._measure_gradient(learning_rate)
        self.clip(self.trained)
        self.optimizer.step()
        if self.max_norm is not None:
            penalties.max_norm(self.objective.weights.lengths, self.max_norm)
        if measured:
            self._measure_update(before)
        if self.average is not None:
            self.average.after_step(self.network)
        # The first of several heads stands for all.
        return loss, outputs[:, 0] if outputs.ndim == 3 else outputs

    def _backward(self, inputs: Tensor, targets: Tensor, examples: float) -> tuple[Tensor, Tensor]:
        """Add up the gradients of a batch, in several passes if the recipe says so.

        Each pass counts by its share of the batch, so that the sum is the gradient of a loss that is a mean
        over the examples, or one by the weights of their classes.
        """
        passes = 1 if self.accumulation == 1 else min(self.accumulation, max(1, len(inputs) // 2))
        if passes == 1:
            with self.autocast:
                loss, outputs = self.objective(inputs, targets, examples)
            loss.backward()  # type: ignore[no-untyped-call]
            return loss.detach(), outputs.detach()
        losses, every_output, whole = [], [], mass(self.loss, targets)
        for chunk, labels in zip(inputs.tensor_split(passes), targets.tensor_split(passes), strict=True):
            with self.autocast:
                share = float(mass(self.loss, labels) / whole)
                loss, outputs = self.objective(chunk, labels, examples * share)
                loss = loss * share
            loss.backward()  # type: ignore[no-untyped-call]
            losses.append(loss.detach())
            every_output.append(outputs.detach())
        return torch.stack(losses).sum(), torch.cat(every_output)

    @property
    def stopped(self) -> bool:
        """Whether early stopping has ended the training."""
        return self.best is not None and self.best.stopping.over(self.losses)

    def judged(self, epoch: int, batches: Callable[[], Iterable[Tensor]]) -> nn.Module:
        """Return the network that counts after an epoch: the average, or the trained one itself.

        Args:
            epoch: Epochs trained so far.
            batches: Gives the training inputs, which an average has to see again.
        """
        if self.average is None:
            return self.network
        return self.average.after_epoch(epoch, self.network, batches)

    def keep(
        self, judged: nn.Module, metrics: dict[str, float], scores: Mapping[str, float]
    ) -> tuple[nn.Module, dict[str, float]]:
        """Record the validation scores of an epoch.

        Args:
            judged: The network that counts.
            metrics: All metrics of the epoch.
            scores: Those of ``judged`` on the validation part; ``loss`` is one of them.

        Returns:
            The network and metrics to report: the best epoch's if the recipe stops early.

        Raises:
            UserError: If the schedule watches an error and the data has no classes.
        """
        self.losses.append(scores["loss"])
        if self.watched is not self.losses:
            if self.watched_metric not in scores:
                raise UserError(
                    "schedule.metric: error needs classes, and this data is for regression; legal: loss"
                )
            self.watched.append(scores[self.watched_metric])
        if self.best is None:
            return judged, metrics
        self.best.offer(judged, metrics, self.losses)
        return self.best.network, self.best.metrics

    def stand_still(self) -> BestWeights:
        """Skip an epoch after early stopping and return the best weights."""
        assert self.best is not None
        self.losses.append(math.inf)
        if self.watched is not self.losses:
            self.watched.append(math.inf)
        return self.best

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything that `restore` needs to continue as if nothing had happened."""
        arrays = state_arrays.under("network", state_arrays.network_arrays(self.network))
        arrays |= state_arrays.under("optimizer", state_arrays.optimizer_arrays(self.optimizer))
        arrays["losses"] = np.array(self.losses)
        if self.watched is not self.losses:
            arrays["watched"] = np.array(self.watched)
        if self.average is not None:
            arrays |= state_arrays.under("average", state_arrays.network_arrays(self.average.model))
        if self.best is not None:
            arrays |= state_arrays.under("best", self.best.arrays())
        return arrays

    def restore(self, arrays: Arrays) -> None:
        """Restore what `arrays` returned."""
        state_arrays.load_network(self.network, state_arrays.below(arrays, "network"))
        state_arrays.load_optimizer(self.optimizer, state_arrays.below(arrays, "optimizer"))
        self.losses[:] = [float(loss) for loss in arrays["losses"]]
        if self.watched is not self.losses:
            self.watched[:] = [float(value) for value in arrays["watched"]]
        if self.average is not None:
            state_arrays.load_network(self.average.model, state_arrays.below(arrays, "average"))
        if self.best is not None:
            self.best.restore(state_arrays.below(arrays, "best"))

    def _measure_gradient(self, learning_rate: float) -> list[Tensor]:
        gradients = [p.grad for p in self.trained if p.grad is not None]
        norm = float(nn.utils.get_total_norm(gradients))
        self.metrics = {"learning_rate": learning_rate, "gradient_norm": norm}
        return [p.detach().clone() for p in self.trained]

    def _measure_update(self, before: list[Tensor]) -> None:
        moved = [p.detach() - b for p, b in zip(self.trained, before, strict=True)]
        length = float(nn.utils.get_total_norm(before))
        ratio = float(nn.utils.get_total_norm(moved)) / length if length else 0.0
        self.metrics["update_ratio"] = ratio


class BestWeights:
    """The network of the best epoch so far, where a recipe stops early.

    Args:
        network: Of the same build; a copy is held.
        patience: Epochs without a better validation loss after which training ends.
    """

    def __init__(self, network: nn.Module, patience: int):
        self.network = copy.deepcopy(network)
        self.stopping = EarlyStopping(patience)
        self.metrics: dict[str, float] = {}

    def offer(self, network: nn.Module, metrics: Mapping[str, float], losses: list[float]) -> None:
        """Keep a network with its metrics if the last loss is the best one."""
        if self.stopping.best(losses) == len(losses):
            self.network.load_state_dict(network.state_dict())
            self.metrics = dict(metrics)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what `restore` needs."""
        network = state_arrays.under("network", state_arrays.network_arrays(self.network))
        return network | state_arrays.under("metrics", state_arrays.floats(self.metrics))

    def restore(self, arrays: Arrays) -> None:
        """Restore what `arrays` returned."""
        state_arrays.load_network(self.network, state_arrays.below(arrays, "network"))
        self.metrics = {name: float(value) for name, value in state_arrays.below(arrays, "metrics").items()}
