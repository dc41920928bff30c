"""Averages of weights along the way, on torch's AveragedModel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import AveragedModel

from trainables import isolation
from trainables.networks.normalizations import DecorrelatedBatchNorm
from trainables.parts.averaging import AVERAGING


class Average:
    """An average that grows with a training.

    Args:
        model: torch's, holding the average.
        first_epoch: Epoch from whose end on weights count, from 1.
        every_step: Whether each step counts, or each epoch.
    """

    def __init__(self, model: AveragedModel, first_epoch: float, every_step: bool):
        self.model, self.first_epoch, self.every_step = model, first_epoch, every_step

    def after_step(self, network: nn.Module) -> None:
        """Take in the weights after a step."""
        if self.every_step:
            self.model.update_parameters(network)

    def after_epoch(
        self, epoch: int, network: nn.Module, batches: Callable[[], Iterable[Tensor]]
    ) -> nn.Module:
        """Take in the weights after an epoch, and give the network to be judged.

        Args:
            epoch: Epochs trained so far.
            network: As trained.
            batches: Gives the training inputs, from which batch norms take their statistics anew,
                as those of an average of weights are no average of theirs.
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
    """Let batch norms see the training inputs with weights that were averaged apart from them.

    Args:
        network: With the averaged weights; on return it has their statistics.
        batches: Gives the training inputs.
        seed: Of what is random in the network, such as dropout.
    """
    with isolation.seeded(seed, "average", device=next(network.parameters()).device):
        reset_statistics(network, batches())
    network.eval()


@torch.no_grad()
def reset_statistics(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Let batch norms, the whitening one too, take their statistics as means over batches.

    torch's ``update_bn`` knows its own batch norms alone, and dies of an example that is alone in its
    batch, which has no variance: it is left out here as in training.

    Args:
        network: Its norms' statistics are replaced, and nothing else of it.
        batches: The training inputs.
    """
    norms: list[Any] = [m for m in network.modules() if isinstance(m, _BatchNorm | DecorrelatedBatchNorm)]
    if not norms:
        return
    momenta, training = [norm.momentum for norm in norms], network.training
    network.train()
    seen = 0
    for inputs in batches:
        if len(inputs) == 1 and seen:
            continue
        seen += 1
        for norm in norms:
            norm.momentum = 1 / seen  # the first batch replaces what was there
        network(inputs)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.train(training)


def build(choice: Mapping[str, Any], network: nn.Module, horizon: int) -> Average | None:
    """The average of a recipe's ``averaging``, in normal form; None if there is none."""
    own = dict(choice)
    average: Average | None = AVERAGING.part(own.pop("name")).load()(network, horizon, **own)
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
    """Torch's model of an average to which the newest network adds a share, by how many were taken in."""

    @torch.no_grad()
    def blend(averaged: Any, current: Any, count: Any) -> None:
        if torch.is_floating_point(averaged[0]):
            torch._foreach_lerp_(averaged, current, share(int(count)))
        else:
            torch._foreach_copy_(averaged, current)  # how many batches a norm has seen

    model = AveragedModel(network, multi_avg_fn=blend, use_buffers=True)
    model.n_averaged = model.n_averaged.cpu()  # read at each step, for which a GPU would be waited for
    return model
