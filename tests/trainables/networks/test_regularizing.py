from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from tests.trainables.recorder import recipe
from trainables.networks import build, regularizing
from trainables.parts.regularize import REGULARIZE

TESTED_ELSEWHERE = {
    "weight_decay": "test_optimizers",
    "l1": "test_penalties",
    "elastic_net": "test_penalties",
    "gradient_penalty": "test_penalties",
    "adversarial": "test_penalties",
    "max_norm": "test_penalties",
    "early_stopping": "test_penalties",
}
MODELS = {
    "dropout": "mlp",
    "drop_connect": "mlp",
    "stochastic_depth": "resnet",
    "fractional_max_pooling": "cnn",
}
IMAGES = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def network(model: str, **regularize: Any) -> nn.Module:
    torch.manual_seed(0)
    init = {"name": "he_normal", "zero_residual": False}
    return build.network(recipe({"model": model, "regularize": regularize, "init": init}), (1, 8, 8), 4)


def outputs(built: nn.Module, seed: int) -> torch.Tensor:
    torch.manual_seed(seed)
    return built(IMAGES)  # type: ignore[no-any-return]


def test_every_regularizer_is_tested() -> None:
    assert set(TESTED_ELSEWHERE) | set(MODELS) == set(REGULARIZE.names)


@pytest.mark.parametrize("name", MODELS)
def test_randomness_in_training_depends_only_on_the_seed(name: str) -> None:
    built = network(MODELS[name], **{name: True}).train()
    assert torch.equal(outputs(built, 1), outputs(built, 1))
    assert not torch.equal(outputs(built, 1), outputs(built, 2))


@pytest.mark.parametrize("name", ["dropout", "drop_connect", "stochastic_depth"])
def test_regularizers_are_inactive_in_evaluation(name: str) -> None:
    plain, built = network(MODELS[name]).eval(), network(MODELS[name], **{name: True}).eval()
    assert torch.equal(outputs(built, 1), outputs(plain, 2))


@pytest.mark.parametrize("name", ["dropout", "drop_connect", "stochastic_depth"])
def test_strength_zero_has_exactly_no_effect(name: str) -> None:
    plain, built = network(MODELS[name]).train(), network(MODELS[name], **{name: {"p": 0.0}}).train()
    assert torch.equal(outputs(built, 1), outputs(plain, 1))


def test_dropout_is_inverted() -> None:
    torch.manual_seed(0)
    kept = regularizing.dropout(0.75).train()(torch.ones(10_000))
    assert set(kept.tolist()) == {0.0, 4.0}
    assert kept.mean().item() == pytest.approx(1, abs=0.1)


def test_drop_connect_drops_weights_of_all_layers_but_the_last() -> None:
    layers = nn.Sequential(nn.Linear(100, 100), nn.ReLU(), nn.Linear(100, 3))
    weight = layers[0].weight.detach().clone()
    regularizing.drop_connect(layers, 0.4)
    torch.manual_seed(0)
    dropped = layers[0].weight
    assert (dropped == 0).float().mean().item() == pytest.approx(0.4, abs=0.02)
    torch.testing.assert_close(dropped[dropped != 0], (weight / 0.6)[dropped != 0])
    assert (layers[2].weight == layers[2].weight).all()
    assert (layers[2].weight != 0).all()


def test_stochastic_depth_skips_whole_examples_more_often_in_deeper_blocks() -> None:
    built = network("resnet", stochastic_depth={"p": 0.8})
    rates = [m.p for m in built.modules() if type(m).__name__ == "StochasticDepth"]
    assert rates == pytest.approx([0.8 * depth / 8 for depth in range(1, 9)])
    layer = regularizing.stochastic_depth(0.5).train()
    kept = layer(torch.ones(1000, 3)).unique(dim=0)
    assert kept.tolist() == [[0.0] * 3, [2.0] * 3]


def test_fractional_pooling_shrinks_by_its_ratio() -> None:
    layer = regularizing.fractional_max_pooling(0.7)
    pooled = layer(torch.arange(400.0).view(1, 1, 20, 20))
    assert pooled.shape[-1] == math.floor(0.7 * 20)
    assert pooled.max() == 399


def test_gradients_of_fractional_pooling_are_correct() -> None:
    x = torch.rand(1, 1, 6, 6, dtype=torch.float64, requires_grad=True)

    def pooled(x: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(0)
        return regularizing.fractional_max_pooling(0.6)(x)  # type: ignore[no-any-return]

    assert torch.autograd.gradcheck(pooled, x)


@pytest.mark.parametrize(
    "model",
    [
        {"name": "resnet"},
        {"name": "vit", "depth": 4},
        {"name": "torchvision", "architecture": "efficientnet_b0"},
        {"name": "timm", "architecture": "convnext_atto"},
    ],
    ids=lambda model: model["name"],
)
def test_blocks_are_skipped_with_probabilities_from_0_to_the_rate_in_even_steps(
    model: dict[str, Any],
) -> None:
    chosen = recipe({"model": model, "regularize": {"stochastic_depth": {"p": 0.3}}})
    blocks = [
        module
        for module in build.network(chosen, (3, 32, 32), 4).modules()
        if type(module).__name__ in ("StochasticDepth", "DropPath")
    ]
    found = [float(getattr(block, "p", None) or getattr(block, "drop_prob", 0.0)) for block in blocks]
    if found[0] > 0:
        found = [0.0, *found]  # a first block that is never skipped has no layer for it
    assert len(found) >= 3
    assert found == pytest.approx([0.3 * number / (len(found) - 1) for number in range(len(found))])
