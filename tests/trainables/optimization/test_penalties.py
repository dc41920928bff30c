from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations

from tests.trainables.recorder import recipe
from trainables.networks import build, regularizing
from trainables.optimization import penalties
from trainables.optimization.decayed_weights import Weights
from trainables.optimization.early_stopping import EarlyStopping
from trainables.parts.schedule import GRADIENT_CLIPPING

INPUTS = torch.randn(8, 4, generator=torch.Generator().manual_seed(1))
LABELS = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))


def value(built: nn.Module, **regularize: Any) -> torch.Tensor:
    objective = penalties.PenalizedLoss(regularize, built, built, F.cross_entropy)
    return objective(INPUTS, LABELS)[0]


def test_weight_penalties_of_a_worked_example() -> None:
    weights = [torch.tensor([[1.0, -2.0]]), torch.tensor([[3.0]])]
    assert penalties.l1(weights, 0.1).item() == pytest.approx(0.6)
    assert penalties.elastic_net(weights, 0.1, 0.5).item() == pytest.approx(0.1 * (0.5 * 14 + 6))


@pytest.mark.parametrize(
    "off",
    [
        {"l1": {"rate": 0.0}},
        {"elastic_net": {"rate": 0.0, "beta": 1.0}},
        {"gradient_penalty": {"rate": 0.0}},
        {"adversarial": {"epsilon": 0.0, "weight": 0.5}},
        {"adversarial": {"epsilon": 0.1, "weight": 0.0}},
    ],
)
def test_strength_zero_has_exactly_no_effect(off: dict[str, Any]) -> None:
    built = network()
    assert torch.equal(value(built, **off), value(built))


def test_biases_are_not_penalized() -> None:
    built = network()
    before = value(built, l1={"rate": 1.0}) - value(built)
    expected = sum(p.abs().sum() for p in built.parameters() if p.ndim == 2)
    torch.testing.assert_close(before, expected)


def test_gradient_penalty_is_the_mean_squared_norm_of_each_examples_gradient() -> None:
    built = network()
    slopes = torch.func.vmap(
        torch.func.grad(lambda x, y: F.cross_entropy(built(x[None]), y[None])), in_dims=(0, 0)
    )(INPUTS, LABELS)
    expected = 0.3 * slopes.square().sum(1).mean()
    ours = value(built, gradient_penalty={"rate": 0.3}) - value(built)
    torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize(
    "regularize",
    [{"gradient_penalty": {"rate": 0.3}}, {"l1": {"rate": 0.2}}, {"elastic_net": {"rate": 0.1, "beta": 2.0}}],
)
def test_gradients_of_penalties(regularize: dict[str, Any]) -> None:
    built = network().double()
    objective = penalties.PenalizedLoss(regularize, built, built, F.cross_entropy)
    objective(INPUTS.double(), LABELS)[0].backward()
    weight, step = built[0].weight, 1e-6
    slope = weight.grad[1, 2].item()
    with torch.no_grad():
        weight[1, 2] += step
    up = objective(INPUTS.double(), LABELS)[0].item()
    with torch.no_grad():
        weight[1, 2] -= 2 * step
    down = objective(INPUTS.double(), LABELS)[0].item()
    assert slope == pytest.approx((up - down) / (2 * step), rel=1e-5)


def test_adversarial_examples_are_shifted_along_the_sign() -> None:
    built = network()
    inputs = INPUTS.clone().requires_grad_()
    plain = F.cross_entropy(built(inputs), LABELS)
    (slope,) = torch.autograd.grad(plain, inputs)
    shifted = F.cross_entropy(built(INPUTS + 0.1 * slope.sign()), LABELS)
    ours = value(built, adversarial={"epsilon": 0.1, "weight": 0.25})
    torch.testing.assert_close(ours, 0.75 * plain + 0.25 * shifted)
    assert shifted > plain


def test_max_norm_shortens_only_weights_above_it() -> None:
    weight = torch.tensor([[3.0, 4.0], [0.3, 0.4]])
    penalties.max_norm([weight], 1.0)
    torch.testing.assert_close(weight, torch.tensor([[0.6, 0.8], [0.3, 0.4]]))


PENALTIES: dict[str, dict[str, Any]] = {
    "l1": {"rate": 0.2},
    "elastic_net": {"rate": 0.1, "beta": 2.0},
}


def layers(weight_norm: bool, drop: float = 0.0) -> Any:
    """A network with the same outputs for plain weights and for weights as length and direction."""
    built: Any = network()
    if weight_norm:
        parametrizations.weight_norm(built[0])
        with torch.no_grad():
            built[0].parametrizations.weight.original1 *= 5
    regularizing.drop_connect(built, drop)
    return built.train()


@pytest.mark.parametrize("drop", [0.0, 0.5])
@pytest.mark.parametrize("name", PENALTIES)
def test_under_weight_norm_the_weight_and_not_its_factors_is_penalized(name: str, drop: float) -> None:
    added = []
    for weight_norm in (False, True):
        built = layers(weight_norm, drop)
        objective = penalties.PenalizedLoss({name: PENALTIES[name]}, built, built, lambda *_: torch.zeros(()))
        added.append(objective(INPUTS, LABELS)[0])
    torch.testing.assert_close(added[0], added[1])
    added[1].backward()
    direction = built[0].parametrizations.weight.original1
    assert direction.grad.abs().sum() > 0


def test_max_norm_under_weight_norm_limits_the_weight_and_leaves_its_direction() -> None:
    plain, normed = layers(False), layers(True)
    before = normed[0].parametrizations.weight.original1.detach().clone()
    for built in (plain, normed):
        penalties.max_norm(Weights(built).lengths, 0.3)
        assert built[0].weight.norm(dim=1).max().item() == pytest.approx(0.3)
    torch.testing.assert_close(plain[0].weight, normed[0].weight)
    assert torch.equal(normed[0].parametrizations.weight.original1, before)


@pytest.mark.parametrize("name", PENALTIES)
def test_class_token_and_positions_are_not_penalized(name: str) -> None:
    choices = {"model": {"name": "vit", "width": 8, "depth": 1, "heads": 2}}
    built: Any = build.network(recipe(choices), (1, 8, 8), 3)
    objective = penalties.PenalizedLoss({name: PENALTIES[name]}, built, built, lambda *_: torch.zeros(()))
    objective(torch.zeros(2, 1, 8, 8), LABELS[:2])[0].backward()
    assert built.class_token.grad is None
    assert built.position.grad is None
    assert built.head.weight.grad is not None
    with torch.no_grad():
        built.position.fill_(100.0)
    penalties.max_norm(Weights(built).lengths, 1.0)
    assert (built.position == 100).all()


def test_a_frozen_layer_is_not_penalized() -> None:
    built = network()
    built[0].requires_grad_(False)
    assert [each.shape for each in Weights(built).effective()] == [(3, 5)]


CLIPPED = {  # a gradient of length 5
    "none": [({}, [3.0, 4.0])],
    "norm": [({"limit": 1.0}, [0.6, 0.8]), ({"limit": 10.0}, [3.0, 4.0])],
}


@pytest.mark.parametrize("name", GRADIENT_CLIPPING.names)
def test_clipping(name: str) -> None:
    parameter = nn.Parameter(torch.zeros(2))
    for settings, expected in CLIPPED[name]:
        parameter.grad = torch.tensor([3.0, 4.0])
        penalties.clipping({"name": name, **settings})([parameter])
        torch.testing.assert_close(parameter.grad, torch.tensor(expected), rtol=1e-5, atol=1e-6)


def test_early_stopping_waits_and_keeps_the_first_best() -> None:
    stopping = EarlyStopping(patience=2)
    losses = [0.9, 0.5, 0.6, 0.5]
    assert stopping.best(losses) == 2
    assert not stopping.over(losses)
    assert stopping.over([*losses, 0.7])
    assert not stopping.over([*losses, 0.4])
    assert stopping.best([float("nan"), float("nan")]) == 2
