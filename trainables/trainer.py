"""A network on its way down: what every training loop does with a batch, whatever the data.

A loop hands `Trainer` one batch after the other and asks it, after each epoch, which network is to
be judged; everything that must survive an interruption is in its arrays.
"""

from __future__ import annotations

import copy
import math
import resource
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hpo.core.trainable import Arrays
from trainables import state
from trainables.augmentation.mimo import over_heads
from trainables.optimization import optimizers, penalties, schedules, weight_averages
from trainables.optimization.early_stopping import EarlyStopping
from trainables.optimization.losses import Loss


class Trainer:
    """Takes optimizer steps as a recipe says.

    Args:
        recipe: In normal form.
        network: On its device, with its first weights.
        loss: Of outputs and targets.
        steps: Optimizer steps of an epoch.
        horizon: Epochs of the whole training.
        rates: Factors on the learning rate by parameter name.

    Attributes:
        losses: Validation loss after each epoch.
        metrics: Sizes of gradient and update at one step of the epoch, which stands for all, as
            measuring costs several passes over the weights.
    """

    def __init__(
        self,
        recipe: Mapping[str, Any],
        network: nn.Module,
        loss: Loss,
        steps: int,
        horizon: int,
        rates: Mapping[str, float] | None = None,
    ):
        self.network, self.steps = network, steps
        device = next(network.parameters()).device
        forward = torch.compile(network) if recipe["compile"] else network
        regularize = recipe["regularize"]
        self.objective = penalties.PenalizedLoss(regularize, network, forward, over_heads(loss))
        self.optimizer = optimizers.build(recipe, network, rates)
        self.rate = schedules.build(recipe, optimizers.base_rate(recipe), steps, horizon)
        self.clip = penalties.clipping(recipe["gradient_clipping"])
        self.longest = regularize.get("max_norm", {}).get("limit")
        self.average = weight_averages.build(recipe["averaging"], network, horizon)
        self.best = (
            BestWeights(network, **regularize["early_stopping"]) if "early_stopping" in regularize else None
        )
        self.autocast: AbstractContextManager[Any] = nullcontext()
        if recipe["precision"] == "bfloat16":
            self.autocast = torch.autocast(device.type, torch.bfloat16, cache_enabled=False)
        self.trained = [p for p in network.parameters() if p.requires_grad]
        self.losses: list[float] = []
        self.metrics: dict[str, float] = {}

    def begin(self) -> None:
        """Put the network into training mode; layers that are frozen keep their statistics."""
        self.network.train()
        for module in self.network.modules():
            own = list(module.parameters(recurse=False))
            if own and not any(parameter.requires_grad for parameter in own):
                module.eval()

    def step(self, inputs: Tensor, targets: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """Take one step.

        Args:
            inputs: A batch as the network takes it.
            targets: As the loss takes them.
            step: Counted from 0 over the whole training.

        Returns:
            The loss, and the network's outputs, both cut off from the graph.
        """
        rate = self.rate.at(step, self.losses)
        optimizers.set_rate(self.optimizer, rate)
        for parameter in self.trained:
            parameter.grad = None
        with self.autocast:
            loss, outputs = self.objective(inputs, targets)
        loss.backward()  # type: ignore[no-untyped-call]
        watched = step % self.steps == self.steps // 2
        if watched:
            before = self._measure_gradient(rate)
        self.clip(self.trained)
        self.optimizer.step()
        if self.longest is not None:
            penalties.max_norm(self.objective.weights.lengths, self.longest)
        if watched:
            self._measure_update(before)
        if self.average is not None:
            self.average.after_step(self.network)
        # Of several heads the first stands for all.
        return loss.detach(), (outputs[:, 0] if outputs.ndim == 3 else outputs).detach()

    @property
    def stopped(self) -> bool:
        """Whether early stopping has ended the training."""
        return self.best is not None and self.best.stopping.over(self.losses)

    def judged(self, epoch: int, batches: Callable[[], Iterable[Tensor]]) -> nn.Module:
        """The network that counts after an epoch: the average, or the trained one itself.

        Args:
            epoch: Epochs trained so far.
            batches: Gives the training inputs, for what an average has to see anew.
        """
        if self.average is None:
            return self.network
        return self.average.after_epoch(epoch, self.network, batches)

    def keep(
        self, judged: nn.Module, metrics: dict[str, float], loss: float
    ) -> tuple[nn.Module, dict[str, float]]:
        """Note the validation loss of an epoch.

        Returns:
            The network and metrics to be reported: the best epoch's if a recipe stops early.
        """
        self.losses.append(loss)
        if self.best is None:
            return judged, metrics
        self.best.offer(judged, metrics, self.losses)
        return self.best.network, self.best.metrics

    def stand_still(self) -> BestWeights:
        """Pass an epoch after early stopping: nothing changes, the best stays."""
        assert self.best is not None
        self.losses.append(math.inf)
        return self.best

    def arrays(self) -> dict[str, Any]:
        """Everything that `restore` needs to go on as if nothing had happened."""
        arrays = state.under("network", state.network_arrays(self.network))
        arrays |= state.under("optimizer", state.optimizer_arrays(self.optimizer))
        arrays["losses"] = np.array(self.losses)
        if self.average is not None:
            arrays |= state.under("average", state.network_arrays(self.average.model))
        if self.best is not None:
            arrays |= state.under("best", self.best.arrays())
        return arrays

    def restore(self, arrays: Arrays) -> None:
        """Go back to what `arrays` gave."""
        state.load_network(self.network, state.below(arrays, "network"))
        state.load_optimizer(self.optimizer, state.below(arrays, "optimizer"))
        self.losses = [float(loss) for loss in arrays["losses"]]
        if self.average is not None:
            state.load_network(self.average.model, state.below(arrays, "average"))
        if self.best is not None:
            self.best.restore(state.below(arrays, "best"))

    def _measure_gradient(self, rate: float) -> list[Tensor]:
        gradients = [p.grad for p in self.trained if p.grad is not None]
        norm = float(nn.utils.get_total_norm(gradients))
        self.metrics = {"learning_rate": rate, "gradient_norm": norm}
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
        """Keep a network with its metrics if the last of the losses is the best."""
        if self.stopping.best(losses) == len(losses):
            self.network.load_state_dict(network.state_dict())
            self.metrics = dict(metrics)

    def arrays(self) -> dict[str, Any]:
        """What `restore` needs."""
        own = state.under("network", state.network_arrays(self.network))
        return own | state.under("metrics", state.floats(self.metrics))

    def restore(self, arrays: Arrays) -> None:
        """Go back to what `arrays` gave."""
        state.load_network(self.network, state.below(arrays, "network"))
        self.metrics = {name: float(value) for name, value in state.below(arrays, "metrics").items()}


class EpochMetrics:
    """What an epoch's batches come to, added up without waiting for the device.

    Args:
        device: Where batches are.
    """

    def __init__(self, device: torch.device):
        self._device = device
        self._began = time.perf_counter()
        self._losses: list[Tensor] = []
        self._outputs: list[Tensor] = []
        self._targets: list[Tensor] = []

    def add(self, loss: Tensor, outputs: Tensor, targets: Tensor) -> None:
        """Add a batch: its mean loss, what it was predicted to be, and what it is."""
        self._losses.append(loss)
        self._outputs.append(outputs)
        self._targets.append(targets)

    def metrics(self) -> dict[str, float]:
        """Mean loss and speed of the epoch so far, in examples per second."""
        sizes = torch.tensor([len(targets) for targets in self._targets], dtype=torch.float64)
        count = float(sizes.sum())
        # Waits for the device, so before the clock.
        loss = float(torch.stack(self._losses).double().cpu() @ sizes) / count
        return {
            "train/loss": loss,
            "images_per_second": count / (time.perf_counter() - self._began),
            "peak_memory": float(peak_memory(self._device)),
        }

    def outcomes(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Predictions and targets of all batches."""
        return torch.cat(self._outputs).cpu().numpy(), torch.cat(self._targets).cpu().numpy()


def peak_memory(device: torch.device) -> int:
    """Bytes of memory held at most so far: by the process, or on the GPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
