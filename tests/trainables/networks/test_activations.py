from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from tests.trainables.recorder import recipe
from trainables.networks.activations import Maxout
from trainables.networks.layer_choices import LayerChoices
from trainables.parts.activation import ACTIVATION

AT = (-2.0, 0.0, 0.5)
E = math.e
# Values at -2, 0 and 0.5.
VALUES: dict[str, tuple[float, float, float]] = {
    "identity": (-2.0, 0.0, 0.5),
    "binary_step": (0.0, 1.0, 1.0),
    "sigmoid": (1 / (1 + E**2), 0.5, 1 / (1 + E**-0.5)),
    "tanh": (-0.96402758, 0.0, 0.46211716),
    "arctan": (-1.10714872, 0.0, 0.46364761),
    "relu": (0.0, 0.0, 0.5),
    "leaky_relu": (-0.02, 0.0, 0.5),
    "prelu": (-0.5, 0.0, 0.5),
    "elu": (E**-2 - 1, 0.0, 0.5),
    "selu": (1.0507009873554805 * 1.6732632423543772 * (E**-2 - 1), 0.0, 0.5 * 1.0507009873554805),
    "gelu": (-2 * 0.02275013, 0.0, 0.5 * 0.69146246),  # x times the normal distribution function
    "silu": (-2 / (1 + E**2), 0.0, 0.5 / (1 + E**-0.5)),
    "softplus": (math.log(1 + E**-2), math.log(2), math.log(1 + E**0.5)),
    "maxout": (2.0, 0.0, 0.5),  # of the maps x and -x
}


def build(name: str, **settings: Any) -> torch.nn.Module:
    layer = LayerChoices(recipe({"activation": {"name": name, **settings}})).activation(1)
    if isinstance(layer, Maxout):
        with torch.no_grad():
            layer.maps.weight.copy_(torch.tensor([[1.0], [-1.0]]))
            layer.maps.bias.zero_()
    return layer


def test_every_activation_has_a_reference() -> None:
    assert set(VALUES) == set(ACTIVATION.names)


@pytest.mark.parametrize("name", ACTIVATION.names)
def test_values(name: str) -> None:
    found = build(name)(torch.tensor(AT)[:, None])[:, 0].tolist()
    assert found == pytest.approx(VALUES[name], abs=1e-6)


@pytest.mark.parametrize("name", ACTIVATION.names)
def test_gradient(name: str) -> None:
    x = torch.tensor([[-1.7], [-0.3], [0.4], [2.1]], dtype=torch.float64, requires_grad=True)
    layer = build(name).double()
    assert torch.autograd.gradcheck(layer, x)
    if name == "binary_step":
        (slope,) = torch.autograd.grad(layer(x).sum(), x)
        assert torch.equal(slope, torch.zeros_like(x))


@pytest.mark.parametrize("name", ACTIVATION.names)
def test_training_and_evaluation_give_the_same(name: str) -> None:
    layer, x = build(name), torch.randn(7, 1)
    assert torch.equal(layer.train()(x), layer.eval()(x))


def test_hyperparameters_of_a_part_are_used() -> None:
    x = torch.tensor([[-1.0]])
    assert build("leaky_relu", negative_slope=0.1)(x).item() == pytest.approx(-0.1)
    assert build("elu", alpha=2.0)(x).item() == pytest.approx(2 * (1 / E - 1))
    assert build("prelu", init=0.5)(x).item() == pytest.approx(-0.5)
    assert build("softplus", beta=2.0)(x).item() == pytest.approx(math.log(1 + E**-2) / 2)
    assert build("gelu", approximate="tanh")(x).item() == pytest.approx(F.gelu(x, approximate="tanh").item())


@pytest.mark.parametrize(("layout", "shape"), [("images", (2, 3, 4, 4)), ("tokens", (2, 5, 3))])
def test_maxout_keeps_shapes(layout: str, shape: tuple[int, ...]) -> None:
    assert Maxout(3, layout)(torch.randn(shape)).shape == shape
