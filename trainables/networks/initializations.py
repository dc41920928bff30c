"""Fill the weights of linear and convolution layers.

Each function takes a weight [out, fan_in] or [out, in, height, width] and fills it in place; torch
takes the product of all but the first dimension as fan-in.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from trainables.parts.initialization import INIT

LIBRARIES = ("torchvision", "timm")
"""Models that bring their own initial weights."""

RELU_FAMILY = ("relu", "leaky_relu", "prelu", "elu", "gelu", "silu", "softplus")
FAN_IN_FAMILY = ("selu", "maxout")


@runtime_checkable
class Residual(Protocol):
    """A block whose branch ends in layers that can start at zero."""

    def branch_ends(self) -> Iterable[nn.Module]:
        """Return the last norm, or the last linear map, of each branch."""
        ...


def by_model(weight: Tensor, activation: str = "relu", model: str = "cnn", head: bool = False) -> None:
    """Use the distribution that measured best for a model in short trainings.

    torch's own uniform distribution in cnn and resnet, and for the head of an mlp that classifies: a nearly
    constant one costs a point in short trainings with AdamW. Otherwise what `auto` does; a regression
    then starts at the mean of its targets.
    """
    classifies = len(weight) > 1
    if model in ("cnn", "resnet") or (model == "mlp" and head and classifies):
        nn.init.kaiming_uniform_(weight, a=math.sqrt(5))
    elif head:
        gaussian(weight, 0.01)
    else:
        auto(weight, activation)


def auto(weight: Tensor, activation: str) -> None:
    """Use the distribution that keeps the scale of signals through the given activation."""
    if activation in RELU_FAMILY:
        he_normal(weight)
    elif activation in FAN_IN_FAMILY:
        xavier_fan_in(weight)
    else:
        xavier_normal(weight)


def zero(weight: Tensor) -> None:
    """All zero."""
    nn.init.zeros_(weight)


def gaussian(weight: Tensor, std: float) -> None:
    """Normal with mean 0."""
    nn.init.normal_(weight, std=std)


def uniform(weight: Tensor, bound: float) -> None:
    """Uniform in [-bound, bound]."""
    nn.init.uniform_(weight, -bound, bound)


def orthogonal(weight: Tensor, gain: float) -> None:
    """Orthogonal rows or columns, all singular values ``gain``."""
    nn.init.orthogonal_(weight, gain)


def xavier_normal(weight: Tensor) -> None:
    """Normal, Var = 2 / (fan_in + fan_out)."""
    nn.init.xavier_normal_(weight)


def xavier_uniform(weight: Tensor) -> None:
    """Uniform, Var = 2 / (fan_in + fan_out)."""
    nn.init.xavier_uniform_(weight)


def xavier_fan_in(weight: Tensor) -> None:
    """Normal, Var = 1 / fan_in."""
    nn.init.kaiming_normal_(weight, nonlinearity="linear")


def he_normal(weight: Tensor) -> None:
    """Normal, Var = 2 / fan_in."""
    nn.init.kaiming_normal_(weight, nonlinearity="relu")


def he_uniform(weight: Tensor) -> None:
    """Uniform, Var = 2 / fan_in."""
    nn.init.kaiming_uniform_(weight, nonlinearity="relu")


def sparse(weight: Tensor, sparsity: float, std: float) -> None:
    """Draw at least one of each unit's incoming weights from a normal, and set a share of them to zero."""
    fan_in = weight[0].numel()
    flat = torch.empty(fan_in, len(weight))
    nn.init.sparse_(flat, min(sparsity, (fan_in - 1) / fan_in), std)
    with torch.no_grad():
        weight.copy_(flat.T.reshape(weight.shape))


def truncated_normal(weight: Tensor, std: float) -> None:
    """Normal, cut at two standard deviations."""
    nn.init.trunc_normal_(weight, std=std, a=-2 * std, b=2 * std)


def initialize(network: nn.Module, choice: Mapping[str, Any], activation: str, model: str) -> None:
    """Initialize a network's weights, using torch's current random state.

    Args:
        network: Not yet trained.
        choice: The recipe's ``init``, in normal form.
        activation: The recipe's activation, which determines the distribution of ``auto``.
        model: The recipe's model; ``by_model`` and ``auto`` keep the weights of a library's.
    """
    name = choice["name"]
    if model in LIBRARIES and name in ("auto", "by_model"):
        return
    layers = [module for module in network.modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    fill = INIT.part(name).load()
    options = {key: choice[key] for key in choice if key not in ("name", "zero_bias", "zero_residual")}
    if name in ("auto", "by_model"):
        options["activation"] = activation
    zero_bias, zero_residual = choice["zero_bias"], choice["zero_residual"]
    if zero_bias is None:
        zero_bias = name != "by_model" or model not in ("cnn", "resnet")
    if zero_residual is None:
        zero_residual = name == "auto" or (name == "by_model" and model == "vit")
    for layer in layers:
        if name == "by_model":
            options |= {"model": model, "head": layer is layers[-1]}
        fill(layer.weight, **options)
        _start_bias(layer, zero_bias)
    if name == "auto" and layers:
        # Nearly equal outputs, so that the loss starts near ln C.
        gaussian(layers[-1].weight, 0.01)
    if zero_residual:
        _close_branches(network)


def _start_bias(layer: nn.Linear | nn.Conv2d, at_zero: bool) -> None:
    if layer.bias is None:
        return
    bound = 0.0 if at_zero else 1 / math.sqrt(layer.weight[0].numel())
    nn.init.uniform_(layer.bias, -bound, bound)


def _close_branches(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, Residual):
            for end in module.branch_ends():
                nn.init.zeros_(end.weight)  # type: ignore[arg-type]
