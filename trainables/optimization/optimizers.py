"""From a recipe to an optimizer over a network's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from trainables.optimization.decayed_weights import DIRECTION, named_weights
from trainables.parts.optimizer import OPTIMIZER, USUAL_RATES

FUSED = (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW)
"""Optimizers that torch does in one pass over a parameter, on CPU and CUDA."""
FUSED_ON_CPU = (torch.optim.Adagrad,)
"""Those that it does so on a CPU alone."""


def nesterov(params: Any, lr: float, momentum: float, **rest: Any) -> Optimizer:
    """SGD with Nesterov momentum."""
    return torch.optim.SGD(params, lr=lr, momentum=momentum, nesterov=True, **rest)


def lars(params: Any, **own: Any) -> Optimizer:
    """Timm's SGD with momentum and a layer-wise trust ratio."""
    return _timm("Lars", params, own)


def lamb(params: Any, **own: Any) -> Optimizer:
    """Timm's Adam with a layer-wise trust ratio."""
    return _timm("Lamb", params, own)


def _timm(name: str, params: Any, own: Mapping[str, Any]) -> Optimizer:
    # Only here: importing timm takes longer than many a training.
    from trainables import torchvision_ops  # noqa: F401
    from timm import optim  # isort: skip

    optimizer: Optimizer = getattr(optim, name)(params, **own)
    return optimizer


def base_rate(recipe: Mapping[str, Any]) -> float:
    """A recipe's learning rate before batch scaling and schedule."""
    said = recipe["learning_rate"]
    return float(USUAL_RATES[recipe["optimizer"]["name"]] if said is None else said)


def build(
    recipe: Mapping[str, Any], network: nn.Module, rates: Mapping[str, float] | None = None
) -> Optimizer:
    """Build a recipe's optimizer over the parameters that are to be trained.

    Args:
        recipe: In normal form.
        network: Its frozen parameters are left out.
        rates: Factor on the learning rate by parameter name; 1 where nothing is said. Each group
            keeps its own under ``rate_multiplier``, for `set_rate`.
    """
    own = {key: value for key, value in recipe["optimizer"].items() if key != "name"}
    own = {key: float(value) for key, value in own.items()}  # torch refuses a beta of 0 beside one of 0.9
    builder = OPTIMIZER.part(recipe["optimizer"]["name"]).load()
    if "beta1" in own:
        own["betas"] = (own.pop("beta1"), own.pop("beta2"))
    on_cpu = all(parameter.device.type == "cpu" for parameter in network.parameters())
    if builder in FUSED or builder is nesterov or (on_cpu and builder in FUSED_ON_CPU):
        own["fused"] = True
    groups = weight_decay(network, rates or {}, **recipe["regularize"].get("weight_decay", {}))
    optimizer: Optimizer = builder(groups, lr=base_rate(recipe), **own)
    return optimizer


def weight_decay(
    network: nn.Module, rates: Mapping[str, float], rate: float = 0.0, norms_and_biases: bool = False
) -> list[dict[str, Any]]:
    """Parameters in groups of one decay and one learning rate.

    Biases, scales of norms and what the network names in ``no_weight_decay`` are not decayed
    unless ``norms_and_biases`` says so, and have no trust ratio under lars and lamb. Under weight
    norm the lengths alone are decayed, which is the decay of the weights that layers use: the
    directions do not change their size.
    """
    weights = named_weights(network)
    groups: dict[tuple[float, float, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            weight = name in weights
            sized = (weight or norms_and_biases) and not name.endswith(DIRECTION)
            key = (rate if sized else 0.0, rates.get(name, 1.0), weight)
            groups.setdefault(key, []).append(parameter)
    return [
        {
            "params": parameters,
            "weight_decay": decay,
            "rate_multiplier": multiplier,
            "always_adapt": weight,  # timm's word for a trust ratio without decay
        }
        for (decay, multiplier, weight), parameters in groups.items()
    ]


def set_rate(optimizer: Optimizer, rate: float) -> None:
    """Give every group a learning rate, times its own multiplier."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["rate_multiplier"]
