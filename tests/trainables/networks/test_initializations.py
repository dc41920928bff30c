from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.trainables.recorder import recipe
from trainables.networks import build, initializations
from trainables.parts.initialization import INIT

# A convolution of 16 to 64 channels, 3 x 3: fan-in 144, fan-out 576. Standard deviation and greatest size.
FAN_IN, FAN_OUT = 144, 576
SIZES: dict[str, tuple[float, float]] = {
    "by_model": (math.sqrt(1 / (3 * FAN_IN)), math.sqrt(1 / FAN_IN)),  # torch's own
    "auto": (math.sqrt(2 / FAN_IN), math.inf),  # for relu
    "zero": (0.0, 0.0),
    "small_gaussian": (0.01, math.inf),
    "large_gaussian": (0.05, math.inf),
    "uniform": (0.05 / math.sqrt(3), 0.05),
    "orthogonal": (1 / math.sqrt(FAN_IN), 1.0),  # 64 rows of length 1
    "xavier_normal": (math.sqrt(2 / (FAN_IN + FAN_OUT)), math.inf),
    "xavier_uniform": (math.sqrt(2 / (FAN_IN + FAN_OUT)), math.sqrt(6 / (FAN_IN + FAN_OUT))),
    "xavier_fan_in": (math.sqrt(1 / FAN_IN), math.inf),
    "he_normal": (math.sqrt(2 / FAN_IN), math.inf),
    "he_uniform": (math.sqrt(2 / FAN_IN), math.sqrt(6 / FAN_IN)),
    "sparse": (0.1 * math.sqrt(14 / 144), math.inf),  # ceil(0.9 * 144) = 130 of each unit's are zero
    "truncated_normal": (0.02 * 0.8796, 0.04),  # a normal cut at two has 0.8796 of its deviation
}


def filled(name: str, seed: int = 0, **settings: Any) -> Tensor:
    weight = torch.full((64, 16, 3, 3), math.nan)
    defaults = {h.name: h.default for h in INIT.part(name).hyperparameters}
    if name in ("auto", "by_model"):
        defaults["activation"] = "relu"
    torch.manual_seed(seed)
    INIT.part(name).load()(weight, **{**defaults, **settings})
    return weight


def test_every_initialization_has_a_reference() -> None:
    assert set(SIZES) == set(INIT.names)


@pytest.mark.parametrize("name", INIT.names)
def test_size(name: str) -> None:
    weight = filled(name)
    std, bound = SIZES[name]
    assert weight.square().mean().sqrt().item() == pytest.approx(std, rel=0.03)
    assert weight.abs().max().item() <= bound + 1e-6
    assert abs(weight.mean().item()) < 0.05 * (std or 1)


@pytest.mark.parametrize("name", INIT.names)
def test_the_same_seed_gives_the_same_weights(name: str) -> None:
    assert torch.equal(filled(name, 3), filled(name, 3))
    if name != "zero":
        assert not torch.equal(filled(name, 3), filled(name, 4))


def test_orthogonal_rows() -> None:
    rows = filled("orthogonal", gain=2.0).flatten(1)
    torch.testing.assert_close(rows @ rows.T, 4 * torch.eye(64), atol=1e-4, rtol=0)


def test_sparse_units_have_few_inputs_and_at_least_one() -> None:
    assert (filled("sparse").flatten(1) != 0).sum(1).unique().tolist() == [14]
    tiny = torch.empty(5, 3)
    initializations.sparse(tiny, 0.99, 1.0)
    assert (tiny != 0).sum(1).tolist() == [1] * 5


@pytest.mark.parametrize(
    ("activation", "variance"),
    [("relu", 2 / 144), ("selu", 1 / 144), ("tanh", 2 / 720), ("sigmoid", 2 / 720)],
)
def test_auto_follows_the_activation(activation: str, variance: float) -> None:
    assert filled("auto", activation=activation).var().item() == pytest.approx(variance, rel=0.05)


@pytest.mark.parametrize(
    ("model", "deviations"),
    [
        ("cnn", {"0.0": math.sqrt(1 / 27), "3.0": math.sqrt(1 / (9 * 128)), "5": 1 / 16}),
        ("resnet", {"conv1": math.sqrt(1 / 27), "layer3.0.conv2": 1 / 24, "fc": 1 / 8}),
    ],
)
def test_by_model_is_the_default_of_torch_in_cnn_and_resnet(model: str, deviations: dict[str, float]) -> None:
    torch.manual_seed(0)
    settings = {"channels": 32, "stages": 4} if model == "cnn" else {}
    network = build.network(recipe({"model": {"name": model, **settings}}), (3, 32, 32), 1000)
    for path, expected in deviations.items():
        weight = network.get_submodule(path).weight
        assert weight.abs().max().item() == pytest.approx(expected, rel=0.05), path  # uniform in these bounds
    if model == "resnet":  # residual branches are open
        assert network.layer1[0].bn2.weight.min() == 1  # type: ignore[index, operator, union-attr]
    head = network.get_submodule("5" if model == "cnn" else "fc")
    assert 0 < head.bias.abs().max() <= 1 / math.sqrt(head.weight.shape[1])  # type: ignore[operator, union-attr, arg-type, index]


@pytest.mark.parametrize("model", ["mlp", "vit"])
def test_by_model_is_auto_in_mlp_and_vit_but_for_the_head_of_mlp(model: str) -> None:
    networks = []
    for name in ("by_model", "auto"):
        torch.manual_seed(0)
        networks.append(build.network(recipe({"model": model, "init": name}), (1, 8, 8), 10))
    for (name, ours), theirs in zip(networks[0].named_parameters(), networks[1].parameters(), strict=True):
        assert ours.shape == theirs.shape, name
        if model == "mlp" and name == "3.weight":  # uniform within 1/sqrt(fan_in), as torch has it
            assert ours.abs().max().item() == pytest.approx(ours.shape[1] ** -0.5, rel=0.05)
            continue
        sizes = [weights.detach().square().mean().sqrt().item() for weights in (ours, theirs)]
        assert sizes[0] == pytest.approx(sizes[1], rel=0.1), name


def test_an_mlp_of_one_value_starts_nearly_constant() -> None:
    torch.manual_seed(0)
    weight = torch.empty(1, 4096)
    initializations.by_model(weight, model="mlp", head=True)
    assert weight.std().item() == pytest.approx(0.01, rel=0.1)


def test_recipes_on_record_keep_their_first_weights() -> None:
    recorded = {"name": "auto", "zero_bias": True, "zero_residual": True}
    torch.manual_seed(0)
    network = build.network(recipe({"model": "resnet", "init": recorded}), (1, 8, 8), 10)
    assert network.layer1[0].bn2.weight.abs().max() == 0  # type: ignore[index, operator, union-attr]
    assert network.fc.weight.std().item() == pytest.approx(0.01, rel=0.1)  # type: ignore[operator, union-attr]
    assert recipe({"init": "auto"})["init"] == {"name": "auto", "zero_bias": None, "zero_residual": None}


def test_a_network_starts_with_the_initialization_of_the_recipe() -> None:
    torch.manual_seed(0)
    choices = {"model": "resnet", "init": {"name": "truncated_normal", "zero_residual": True}}
    network = build.network(recipe(choices), (1, 8, 8), 10)
    assert network.fc.bias.abs().max() == 0  # type: ignore[operator, union-attr]
    assert network.layer1[0].bn2.weight.abs().max() == 0  # type: ignore[index, operator, union-attr]
    assert network.layer1[0].bn1.weight.min() == 1  # type: ignore[index, operator, union-attr]
    images = torch.rand(2, 1, 8, 8)
    stem = network.relu(network.bn1(network.conv1(images)))  # type: ignore[operator]
    torch.testing.assert_close(network.layer1(stem), stem)  # type: ignore[operator]


def test_biases_can_start_at_random() -> None:
    network = build.network(recipe({"model": "mlp", "init": {"zero_bias": False}}), (1, 8, 8), 10)
    bias = network[1][0].bias  # type: ignore[index]
    assert 0 < bias.abs().max() <= 1 / 8  # type: ignore[union-attr, operator]


def deep(activation: type[nn.Module], name: str, width: int, **settings: Any) -> list[float]:
    """Root mean square of the activations of six layers, whose weights are one draw, shuffled."""
    torch.manual_seed(0)
    signal, sizes, weight = torch.randn(16, width), [], torch.empty(width, width)
    INIT.part(name).load()(weight, **settings)
    for _ in range(6):
        signal = activation()(signal @ weight.T)[:, torch.randperm(width)]
        sizes.append(signal.square().mean().sqrt().item())
    return sizes


def test_six_layers_of_width_4096() -> None:
    width = 4096
    collapsed = deep(nn.Tanh, "small_gaussian", width, std=0.01)
    saturated = deep(nn.Tanh, "large_gaussian", width, std=0.05)
    stable = deep(nn.Tanh, "xavier_normal", width)
    assert collapsed[-1] < 0.1 * collapsed[0]
    assert min(saturated) > 0.8
    assert 0.2 < stable[-1] < stable[0] < 0.8
    fading = deep(nn.ReLU, "xavier_normal", width)
    steady = deep(nn.ReLU, "he_normal", width)
    assert fading[-1] < 0.2 * fading[0]
    assert steady[-1] == pytest.approx(steady[0], rel=0.25)
