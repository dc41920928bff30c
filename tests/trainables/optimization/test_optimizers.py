from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from hpo.core.learning_rates import USUAL_LEARNING_RATES
from tests.trainables.recorder import recipe
from trainables.optimization import optimizers
from trainables.parts.optimizer import OPTIMIZER

# A weight of 1 whose gradient is the weight itself, two steps at learning rate 0.1, as a worked example.
WEIGHTS: dict[str, tuple[float, float]] = {
    "sgd": (0.9, 0.81),
    "momentum": (0.9, 0.72),  # velocities 1 and 1.8
    "nesterov": (0.81, 0.5751),  # 0.1 (g + 0.9 v) with v = 1 and 1.71
    "adagrad": (0.9, 0.833104),  # sums of squares 1 and 1.81
    "rmsprop": (0.5, 0.275493),  # mean squares 0.01 and 0.0124: steps of 0.05 * 10, 0.05 * 0.5 / 0.111355
    "adadelta": (0.999684, 0.999359),  # 0.1 sqrt(1e-6 / 0.100001), then 0.1 sqrt(2e-6 / 0.189938) w
    "adam": (0.9, 0.800412),  # m / sqrt(v) = 1, then 0.947368 / sqrt(0.904952) = 0.995879
    "adamw": (0.9, 0.800412),
    "nadam": (0.894355, 0.819973),  # mu 0.450073 and 0.450147: 0.1 + 0.1 * 0.1 * 0.564517
    "lars": (0.998, 0.994204),  # gradients times 0.02 ||w|| / ||g||, then momentum
    "lamb": (0.9, 0.81),  # steps of 0.1 ||w||
}


RATES = {"rmsprop": 0.05}
"""Learning rates of optimizers that at 0.1 reach a weight of 0, where the comparison is trivial."""


class One(nn.Module):
    """One weight matrix with a single entry, and a bias."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1, 1))
        self.bias = nn.Parameter(torch.ones(1))


def build(name: str, network: nn.Module, rate: float = 0.1, **regularize: Any) -> torch.optim.Optimizer:
    choices = {"optimizer": name, "learning_rate": rate, "regularize": regularize}
    return optimizers.build(recipe(choices), network)


def descend(name: str, steps: int = 2) -> list[float]:
    network = One()
    optimizer, path = build(name, network, RATES.get(name, 0.1)), []
    for _ in range(steps):
        network.weight.grad = network.weight.detach().clone()
        optimizer.step()
        path.append(network.weight.item())
    return path


def test_every_optimizer_has_a_reference_and_a_usual_learning_rate() -> None:
    assert set(WEIGHTS) == set(OPTIMIZER.names)
    assert set(USUAL_LEARNING_RATES) == set(OPTIMIZER.names)


@pytest.mark.parametrize("name", OPTIMIZER.names)
def test_the_steps_of_a_reference_differ(name: str) -> None:
    first, second = WEIGHTS[name]
    assert len({1.0, first, second, 0.0}) == 4


@pytest.mark.parametrize("name", OPTIMIZER.names)
def test_steps(name: str) -> None:
    assert descend(name) == pytest.approx(WEIGHTS[name], abs=2e-6)


@pytest.mark.parametrize("name", OPTIMIZER.names)
def test_minimizing_in_two_ways_gives_the_same_steps(name: str) -> None:
    assert descend(name, 4) == descend(name, 4)


@pytest.mark.parametrize("name", OPTIMIZER.names)
def test_the_usual_learning_rate_reduces_the_loss(name: str) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 1))
    inputs = torch.randn(64, 5)
    targets = inputs[:, :1] * inputs[:, 1:2]
    optimizer = optimizers.build(recipe({"optimizer": name}), network)
    losses = []
    for _ in range(60):
        loss = (network(inputs) - targets).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.95 * losses[0]


@pytest.mark.parametrize("name", OPTIMIZER.names)
def test_zero_decay_has_exactly_no_effect(name: str) -> None:
    paths = []
    for regularize in ({}, {"weight_decay": {"rate": 0.0}}, {"weight_decay": {"rate": 0.5}}):
        network = One()
        optimizer = build(name, network, **regularize)
        for gradient in (0.5, -0.1):
            network.weight.grad = torch.full((1, 1), gradient)
            optimizer.step()
        paths.append(network.weight.item())
    assert paths[0] == paths[1]
    if name != "lamb":  # whose steps on a single number have one length
        assert paths[0] != paths[2]


def test_decay_is_lambda_times_the_weight_and_excludes_biases() -> None:
    network = One()
    optimizer = build("sgd", network, weight_decay={"rate": 0.01})
    network.weight.grad, network.bias.grad = torch.zeros(1, 1), torch.zeros(1)
    optimizer.step()
    assert network.weight.item() == pytest.approx(1 - 0.1 * 0.01, rel=1e-6)
    assert network.bias.item() == 1.0


def test_decay_of_norms_and_biases_is_a_choice() -> None:
    network = One()
    optimizer = build("adamw", network, weight_decay={"rate": 0.01, "norms_and_biases": True})
    network.weight.grad, network.bias.grad = torch.zeros(1, 1), torch.zeros(1)
    optimizer.step()
    assert network.bias.item() == pytest.approx(1 - 0.1 * 0.01, rel=1e-6)


@pytest.mark.parametrize("norms_and_biases", [False, True])
def test_decay_under_weight_norm_is_that_of_the_weight(norms_and_biases: bool) -> None:
    layer: Any = parametrizations.weight_norm(nn.Linear(3, 2))
    with torch.no_grad():
        layer.parametrizations.weight.original1 *= 5
    before = layer.weight.detach().clone()
    parts = list(layer.parametrizations.weight.parameters())
    slopes = torch.autograd.grad(0.01 / 2 * layer.weight.square().sum(), parts)
    expected = [part - 0.1 * slope for part, slope in zip(parts, slopes, strict=True)]
    optimizer = build("sgd", layer, weight_decay={"rate": 0.01, "norms_and_biases": norms_and_biases})
    for parameter in layer.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for part, wanted in zip(parts, expected, strict=True):
        torch.testing.assert_close(part.detach(), wanted.detach())
    torch.testing.assert_close(layer.weight.detach(), before * (1 - 0.1 * 0.01))


def test_learning_rates_differ_by_parameter() -> None:
    network = One()
    optimizer = optimizers.build(recipe({"optimizer": "sgd"}), network, {"bias": 0.1})
    optimizers.set_learning_rate(optimizer, 0.5)
    network.weight.grad, network.bias.grad = torch.ones(1, 1), torch.ones(1)
    optimizer.step()
    assert network.weight.item() == 0.5
    assert network.bias.item() == pytest.approx(0.95)


def test_frozen_parameters_are_left_out() -> None:
    network = One()
    network.bias.requires_grad_(False)
    optimizer = build("adam", network)
    assert [group["params"] for group in optimizer.param_groups] == [[network.weight]]


@pytest.mark.parametrize(("limit", "ratio"), [(1.0, 0.1), (None, 1.0), (2.0, 0.2)])
def test_lamb_limits_the_gradient_as_in_the_recipe(limit: float | None, ratio: float) -> None:
    choices = recipe({"optimizer": {"name": "lamb", "max_grad_norm": limit}})
    assert ("max_grad_norm" in choices["optimizer"]) == (limit != 1.0)
    network = nn.Linear(1, 1, bias=False)
    optimizer = optimizers.build(choices, network)
    network.weight.grad = torch.tensor([[10.0]])
    optimizer.step()
    average = optimizer.state[network.weight]["exp_avg"].item()
    assert average == pytest.approx(0.1 * 10 * ratio, rel=1e-3)
