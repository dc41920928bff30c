from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from trainables.optimization import penalties
from trainables.optimization.stopping import EarlyStopping
from trainables.parts.schedule import GRADIENT_CLIPPING

INPUTS = torch.randn(8, 4, generator=torch.Generator().manual_seed(1))
LABELS = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))


def value(built: nn.Module, **regularize: Any) -> torch.Tensor:
    objective = penalties.Objective(regularize, built, built, F.cross_entropy)
    return objective(INPUTS, LABELS)[0]


def test_penalties_of_weights_by_hand() -> None:
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
def test_strength_zero_is_nothing_exactly(off: dict[str, Any]) -> None:
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
    objective = penalties.Objective(regularize, built, built, F.cross_entropy)
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


def test_max_norm_shortens_only_what_is_too_long() -> None:
    weight = torch.tensor([[3.0, 4.0], [0.3, 0.4]])
    penalties.max_norm([weight], 1.0)
    torch.testing.assert_close(weight, torch.tensor([[0.6, 0.8], [0.3, 0.4]]))


CLIPPED = {  # a gradient of length 5
    "none": [({}, [3.0, 4.0])],
    "norm": [({"limit": 1.0}, [0.6, 0.8]), ({"limit": 10.0}, [3.0, 4.0])],
}


@pytest.mark.parametrize("name", GRADIENT_CLIPPING.names)
def test_clipping(name: str) -> None:
    parameter = nn.Parameter(torch.zeros(2))
    for own, expected in CLIPPED[name]:
        parameter.grad = torch.tensor([3.0, 4.0])
        penalties.clipping({"name": name, **own})([parameter])
        torch.testing.assert_close(parameter.grad, torch.tensor(expected), rtol=1e-5, atol=1e-6)


def test_early_stopping_waits_and_keeps_the_first_best() -> None:
    stopping = EarlyStopping(patience=2)
    losses = [0.9, 0.5, 0.6, 0.5]
    assert stopping.best(losses) == 2
    assert not stopping.over(losses)
    assert stopping.over([*losses, 0.7])
    assert not stopping.over([*losses, 0.4])
    assert stopping.best([float("nan"), float("nan")]) == 2
