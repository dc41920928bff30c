"""Averages of weights over a training, based on torch's AveragedModel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import AveragedModel

from trainables import isolation
from trainables.networks.frozen_layers import training_mode
from trainables.networks.normalizations import DecorrelatedBatchNorm
from trainables.parts.averaging import AVERAGING


class Average:
    """An average of the weights during a training.

    Args:
        model: torch's, which holds the average.
        first_epoch: Weights are averaged after epochs later than this.
        every_step: Whether to average after each step rather than after each epoch.
    """

    def __init__(self, model: AveragedModel, first_epoch: float, every_step: bool):
        self.model, self.first_epoch, self.every_step = model, first_epoch, every_step

    def after_step(self, network: nn.Module) -> None:
        """Update the average after a step."""
        if self.every_step:
            self.model.update_parameters(network)

    def after_epoch(
        self, epoch: int, network: nn.Module, batches: Callable[[], Iterable[Tensor]]
    ) -> nn.Module:
        """Update the average after an epoch and return the network that counts.

        Args:
            epoch: Epochs trained so far.
            network: As trained.
            batches: Gives the training inputs, from which batch norms compute their statistics again,
                as averaged weights do not have averaged statistics.
        """
        if self.every_step:
            return self.averaged
        if epoch <= self.first_epoch:
            return network
        self.model.update_parameters(network)
        reset_statistics(self.averaged, batches())
        return self.averaged

    @property
    def averaged(self) -> nn.Module:
        """The network with averaged weights."""
        inner: nn.Module = self.model.module
        return inner


def update_normalization(network: nn.Module, batches: Callable[[], Iterable[Tensor]], seed: int) -> None:
    """Compute the statistics of batch norms again for averaged weights.

    Args:
        network: With the averaged weights; its statistics are updated.
        batches: Gives the training inputs.
        seed: Of random layers, such as dropout.
    """
    with isolation.seeded(seed, "average", device=next(network.parameters()).device):
        reset_statistics(network, batches())
    network.eval()


@torch.no_grad()
def reset_statistics(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Compute the statistics of batch norms, including the whitening one, as means over batches.

    torch's ``update_bn`` only knows its own batch norms, and fails for a batch of one example, which has
    no variance; here it is left out as in training.

    Args:
        network: Only the statistics of its norms are replaced, except those of frozen layers.
        batches: The training inputs, in random order: the classes of a batch decide its variance.
    """
    training = network.training
    training_mode(network)
    norms: list[Any] = [
        module
        for module in network.modules()
        if isinstance(module, _BatchNorm | DecorrelatedBatchNorm) and module.training
    ]
    if not norms:
        network.train(training)
        return
    momenta = [norm.momentum for norm in norms]
    seen = 0
    for inputs in batches:
        if len(inputs) == 1 and seen:
            continue
        seen += 1
        for norm in norms:
            norm.momentum = 1 / seen  # the first batch replaces the former statistics
        network(inputs)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.train(training)


def build(choice: Mapping[str, Any], network: nn.Module, horizon: int) -> Average | None:
    """Return the average of a recipe's ``averaging``, in normal form; None for ``none``."""
    options = dict(choice)
    average: Average | None = AVERAGING.part(options.pop("name")).load()(network, horizon, **options)
    return average


def none(network: nn.Module, horizon: int) -> None:
    """No average."""


def ema(network: nn.Module, horizon: int, decay: float) -> Average:
    """Exponential moving average over the steps, of weights and of norms' statistics."""

    def share(count: int) -> float:
        return 1 - min(decay, (1 + count) / (10 + count))

    return Average(_averaged(network, share), 0, every_step=True)


def swa(network: nn.Module, horizon: int, start: float, rate: float | None) -> Average:
    """Mean of the weights after each epoch past ``start`` of the training; at least of the last."""
    first = min(start * horizon, horizon - 1)
    return Average(_averaged(network, lambda count: 1 / (count + 1)), first, every_step=False)


def _averaged(network: nn.Module, share: Callable[[int], float]) -> AveragedModel:
    """Return torch's averaged model, to which the newest network contributes a share of the count so far."""

    @torch.no_grad()
    def blend(averaged: Any, current: Any, count: Any) -> None:
        if torch.is_floating_point(averaged[0]):
            torch._foreach_lerp_(averaged, current, share(int(count)))
        else:
            torch._foreach_copy_(averaged, current)  # a norm's count of batches

    model = AveragedModel(network, multi_avg_fn=blend, use_buffers=True)
    model.n_averaged = model.n_averaged.cpu()  # read at each step; on a GPU that would wait for the device
    return model
