"""From a recipe to an optimizer over a network's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from hpo.core.learning_rates import USUAL_LEARNING_RATES
from trainables.optimization.decayed_weights import DIRECTION, named_weights
from trainables.parts.optimizer import OPTIMIZER

FUSED = (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW)
"""Optimizers that torch computes in one pass over a parameter, on CPU and CUDA."""
FUSED_ON_CPU = (torch.optim.Adagrad,)
"""Optimizers for which torch does so only on a CPU."""


def nesterov(params: Any, lr: float, momentum: float, **rest: Any) -> Optimizer:
    """Return SGD with Nesterov momentum."""
    return torch.optim.SGD(params, lr=lr, momentum=momentum, nesterov=True, **rest)


def lars(params: Any, **options: Any) -> Optimizer:
    """Return timm's SGD with momentum and a layer-wise trust ratio."""
    return _timm("Lars", params, options)


def lamb(params: Any, **options: Any) -> Optimizer:
    """Return timm's Adam with a layer-wise trust ratio."""
    return _timm("Lamb", params, options)


def _timm(name: str, params: Any, options: Mapping[str, Any]) -> Optimizer:
    # Imported here because importing timm takes longer than many trainings do.
    from trainables import torchvision_ops  # noqa: F401
    from timm import optim  # isort: skip

    optimizer: Optimizer = getattr(optim, name)(params, **options)
    return optimizer


def base_learning_rate(recipe: Mapping[str, Any]) -> float:
    """Return a recipe's learning rate before batch scaling and schedule."""
    chosen = recipe["learning_rate"]
    return float(USUAL_LEARNING_RATES[recipe["optimizer"]["name"]] if chosen is None else chosen)


def build(
    recipe: Mapping[str, Any], network: nn.Module, lr_multipliers: Mapping[str, float] | None = None
) -> Optimizer:
    """Build a recipe's optimizer over the parameters that are trained.

    Args:
        recipe: In normal form.
        network: Its frozen parameters are left out.
        lr_multipliers: Factor on the learning rate by parameter name, 1 by default. Each group
            keeps its factor as ``rate_multiplier``, for `set_learning_rate`.
    """
    # Floats throughout: torch refuses a beta of 0 beside one of 0.9.
    options: dict[str, Any] = {
        key: value if value is None else float(value)
        for key, value in recipe["optimizer"].items()
        if key != "name"
    }
    builder = OPTIMIZER.part(recipe["optimizer"]["name"]).load()
    if "beta1" in options:
        options["betas"] = (options.pop("beta1"), options.pop("beta2"))
    on_cpu = all(parameter.device.type == "cpu" for parameter in network.parameters())
    if builder in FUSED or builder is nesterov or (on_cpu and builder in FUSED_ON_CPU):
        options["fused"] = True
    decay = recipe["regularize"].get("weight_decay", {})
    groups = weight_decay(network, lr_multipliers or {}, **decay)
    optimizer: Optimizer = builder(groups, lr=base_learning_rate(recipe), **options)
    return optimizer


def weight_decay(
    network: nn.Module,
    lr_multipliers: Mapping[str, float],
    rate: float = 0.0,
    norms_and_biases: bool = False,
) -> list[dict[str, Any]]:
    """Return parameters in groups of one weight decay and one learning rate.

    Biases, scales of norms and what the network names in ``no_weight_decay`` are decayed only with
    ``norms_and_biases``, and have no trust ratio under lars and lamb. Under weight norm only the
    lengths are decayed: they alone determine the size of the weights that layers use.
    """
    weights = named_weights(network)
    groups: dict[tuple[float, float, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            weight = name in weights
            decayed = (weight or norms_and_biases) and not name.endswith(DIRECTION)
            key = (rate if decayed else 0.0, lr_multipliers.get(name, 1.0), weight)
            groups.setdefault(key, []).append(parameter)
    return [
        {
            "params": parameters,
            "weight_decay": decay,
            "rate_multiplier": multiplier,
            "always_adapt": weight,  # timm's name for a trust ratio without decay
        }
        for (decay, multiplier, weight), parameters in groups.items()
    ]


def set_learning_rate(optimizer: Optimizer, learning_rate: float) -> None:
    """Set every group's learning rate, times the group's multiplier."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate * group["rate_multiplier"]
