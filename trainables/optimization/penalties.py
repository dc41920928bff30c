"""Terms added to a loss, and limits on gradients and weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from trainables.optimization.decayed_weights import Weights
from trainables.optimization.losses import Loss
from trainables.parts.regularize import REGULARIZE
from trainables.parts.schedule import GRADIENT_CLIPPING

Network = Callable[[Tensor], Tensor]


class PenalizedLoss:
    """The objective of a step: a loss and the penalties that a recipe switches on.

    Args:
        regularize: The recipe's ``regularize``, in normal form.
        network: Whose weights are penalized.
        forward: The network, possibly compiled.
        loss: Of outputs and targets.
    """

    def __init__(self, regularize: Mapping[str, Any], network: nn.Module, forward: Network, loss: Loss):
        self.forward, self.loss = forward, loss
        self.weights = Weights(network)
        self.on_weights = _chosen(regularize, {"l1": "rate", "elastic_net": "rate"})
        self.on_inputs = _chosen(regularize, {"gradient_penalty": "rate", "adversarial": "epsilon"})

    def __call__(
        self, inputs: Tensor, targets: Tensor, examples: float | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the number to minimize, and the network's outputs.

        Args:
            inputs: A batch, or a part of one.
            targets: As the loss takes them.
            examples: Examples of the batch times the share of it that a part counts by; those that are
                given by default.
        """
        if not self.on_inputs:
            outputs = self.forward(inputs)
            total = self.loss(outputs, targets)
        else:
            # Fused attention cannot be differentiated twice.
            with sdpa_kernel(SDPBackend.MATH):
                inputs = inputs.detach().requires_grad_()
                outputs = self.forward(inputs)
                total = plain = self.loss(outputs, targets)
                for penalty in self.on_inputs:
                    count = len(inputs) if examples is None else examples
                    total = total + penalty(self.forward, self.loss, inputs, targets, plain, count)
        for penalty in self.on_weights:
            total = total + penalty(self.weights.effective())
        return total, outputs


def _chosen(regularize: Mapping[str, Any], strengths: Mapping[str, str]) -> list[Callable[..., Tensor]]:
    """Return the penalties that are on; strength 0 is exactly no penalty."""
    return [
        partial(REGULARIZE.part(name).load(), **regularize[name])
        for name, strength in strengths.items()
        if regularize.get(name, {}).get(strength)
    ]


def l1(weights: Iterable[Tensor], rate: float) -> Tensor:
    """Rate * sum |W|."""
    return rate * torch.stack([weight.abs().sum() for weight in weights]).sum()


def elastic_net(weights: Iterable[Tensor], rate: float, beta: float) -> Tensor:
    """Rate * sum (beta W^2 + |W|)."""
    terms = [beta * weight.square().sum() + weight.abs().sum() for weight in weights]
    return rate * torch.stack(terms).sum()


def gradient_penalty(
    network: Network,
    loss: Loss,
    inputs: Tensor,
    targets: Tensor,
    value: Tensor,
    examples: float,
    rate: float,
) -> Tensor:
    """Rate * mean over examples of the squared norm of the loss's gradient by the inputs.

    With weights of classes, an example's loss is its share of the batch's times the number of examples.
    """
    (slope,) = torch.autograd.grad(value, inputs, create_graph=True)
    # The loss is a mean over the batch; an example's own gradient is larger by the batch size. Slopes of a
    # part are larger than the batch's by 1 / share, and its penalty is multiplied by the share.
    return rate * examples * slope.square().sum()


def adversarial(
    network: Network,
    loss: Loss,
    inputs: Tensor,
    targets: Tensor,
    value: Tensor,
    examples: float,
    epsilon: float,
    weight: float,
) -> Tensor:
    """Return the term that makes a loss (1 - weight) of itself plus weight times that of shifted inputs.

    Inputs are shifted by epsilon along the sign of the loss's gradient.
    """
    (slope,) = torch.autograd.grad(value, inputs, retain_graph=True)
    shifted = (inputs + epsilon * slope.sign()).detach()
    return weight * (loss(network(shifted), targets) - value)


@torch.no_grad()
def max_norm(lengths: Iterable[Tensor], limit: float) -> None:
    """Shorten each unit's incoming weights to a length of at most ``limit``.

    Args:
        lengths: Weights, or their lengths under weight norm; see `Weights`.
        limit: The maximum length.
    """
    for weight in lengths:
        weight.renorm_(2, 0, limit)


def no_clipping(parameters: list[nn.Parameter]) -> None:
    """Do not limit gradients."""


def clip_norm(parameters: list[nn.Parameter], limit: float) -> None:
    """Shorten the gradient to a norm of at most ``limit``."""
    nn.utils.clip_grad_norm_(parameters, limit)


def clipping(choice: Mapping[str, Any]) -> Callable[[list[nn.Parameter]], None]:
    """Return the function by which a recipe's ``gradient_clipping`` changes gradients before a step."""
    options = dict(choice)
    return partial(GRADIENT_CLIPPING.part(options.pop("name")).load(), **options)
