from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor

from tests.trainables.recorder import recipe
from trainables import torchvision_ops  # noqa: F401
from trainables.optimization import losses
from trainables.parts.loss import LOSS, REGRESSION_LOSS

import timm.loss  # isort: skip

OUTPUTS = torch.tensor([[2.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
LABELS = torch.tensor([0, 2])
# Row 1: -ln(e^2 / (e^2 + e + 1)) = 0.407606; row 2: ln 3 = 1.098612.
VALUES: dict[str, tuple[dict[str, Any], float]] = {
    "cross_entropy": ({}, (0.40760596 + 1.09861229) / 2),
    # softplus(-2) + softplus(1) + softplus(0) = 0.126928 + 1.313262 + 0.693147; row 2: 3 ln 2.
    "binary_cross_entropy": ({}, (0.12692801 + 1.31326169 + 0.69314718 + 3 * 0.69314718) / 6),
    # Probabilities e^-0.407606 and 1/3 of the right classes.
    "focal": ({}, ((1 - math.exp(-0.40760596)) ** 2 * 0.40760596 + (2 / 3) ** 2 * 1.09861229) / 2),
    # Row 1: max(0, 1 - 2 + 1) = 0; row 2: two wrong classes at 1, over three classes.
    "hinge": ({}, (0.0 + 2 / 3) / 2),
    "mean_squared_error": ({}, ((1 + 1 + 0) + (0 + 0 + 1)) / 6),
    "mean_absolute_error": ({}, ((1 + 1 + 0) + (0 + 0 + 1)) / 6),
}


def build(name: str, **settings: Any) -> Callable[[Tensor, Tensor], Tensor]:
    defaults = {h.name: h.default for h in LOSS.part(name).hyperparameters}
    return losses.build({"name": name, **defaults, **settings}, 3)


def test_every_loss_has_a_reference() -> None:
    assert set(VALUES) == set(LOSS.names)


@pytest.mark.parametrize("name", LOSS.names)
def test_value(name: str) -> None:
    settings, value = VALUES[name]
    assert build(name, **settings)(OUTPUTS, LABELS).item() == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("name", LOSS.names)
def test_one_hot_shares_equal_labels(name: str) -> None:
    loss, outputs = build(name), torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1, 2, 2, 1, 0])
    assert loss(outputs, F.one_hot(labels).float()).item() == pytest.approx(loss(outputs, labels).item())


@pytest.mark.parametrize("name", ["cross_entropy", "hinge"])
def test_mixed_shares_mix_the_losses(name: str) -> None:
    loss, outputs = build(name), torch.tensor([[0.3, -0.2, 0.1]])
    mixed = loss(outputs, torch.tensor([[0.7, 0.0, 0.3]])).item()
    apart = 0.7 * loss(outputs, torch.tensor([0])) + 0.3 * loss(outputs, torch.tensor([2]))
    assert mixed == pytest.approx(apart.item(), rel=1e-6)


@pytest.mark.parametrize("name", LOSS.names)
def test_gradient(name: str) -> None:
    outputs = torch.tensor([[0.31, -0.22, 0.17], [1.3, 0.4, -0.7]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: build(name)(x, LABELS), outputs)


@pytest.mark.parametrize("name", ["cross_entropy", "binary_cross_entropy"])
def test_zero_smoothing_has_exactly_no_effect(name: str) -> None:
    plain = build(name)(OUTPUTS, LABELS)
    assert torch.equal(build(name, label_smoothing=0.0)(OUTPUTS, LABELS), plain)
    assert not torch.equal(build(name, label_smoothing=0.1)(OUTPUTS, LABELS), plain)


def test_smoothed_losses_agree_with_timm() -> None:
    ours = build("cross_entropy", label_smoothing=0.1)(OUTPUTS, LABELS)
    theirs = timm.loss.LabelSmoothingCrossEntropy(0.1)(OUTPUTS, LABELS)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-6)
    binary = build("binary_cross_entropy", label_smoothing=0.1)(OUTPUTS, LABELS)
    soft = torch.tensor([[0.9 + 0.1 / 3, 0.1 / 3, 0.1 / 3], [0.1 / 3, 0.1 / 3, 0.9 + 0.1 / 3]])
    theirs = timm.loss.BinaryCrossEntropy(smoothing=0.0)(OUTPUTS, soft)
    assert binary.item() == pytest.approx(theirs.item(), rel=1e-6)


def test_hinge_agrees_with_torch() -> None:
    outputs = torch.randn(20, 3, generator=torch.Generator().manual_seed(0)) * 2
    labels = torch.arange(20) % 3
    theirs = F.multi_margin_loss(outputs, labels, margin=0.7)
    assert build("hinge", margin=0.7)(outputs, labels).item() == pytest.approx(theirs.item(), rel=1e-6)


def test_summed_binary_cross_entropy_is_classes_times_the_mean() -> None:
    mean, summed = (build("binary_cross_entropy", reduction=r)(OUTPUTS, LABELS) for r in ("mean", "sum"))
    assert summed.item() == pytest.approx(3 * mean.item())


def test_equal_outputs_have_the_loss_log_of_the_number_of_classes() -> None:
    assert build("cross_entropy")(torch.zeros(4, 3), torch.zeros(4, dtype=torch.int64)).item() == (
        pytest.approx(math.log(3))
    )


# Errors 0.5 and -2: squares 0.25 and 4; Huber with delta 1: 0.125 and 1 * (2 - 0.5).
REGRESSION = {"mean_squared_error": 2.125, "mean_absolute_error": 1.25, "huber": 0.8125}


@pytest.mark.parametrize("name", REGRESSION_LOSS.names)
def test_regression_losses(name: str) -> None:
    assert set(REGRESSION) == set(REGRESSION_LOSS.names)
    part = REGRESSION_LOSS.part(name)
    loss = part.load()(**{h.name: h.default for h in part.hyperparameters})
    value = loss(torch.tensor([1.5, 0.0]), torch.tensor([1.0, 2.0]))
    assert value.item() == pytest.approx(REGRESSION[name])


@pytest.mark.parametrize("name", REGRESSION_LOSS.names)
def test_gradient_of_regression_losses(name: str) -> None:
    part = REGRESSION_LOSS.part(name)
    loss = part.load()(**{h.name: h.default for h in part.hyperparameters})
    outputs = torch.tensor([1.5, 0.0, 0.3], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: loss(x, torch.tensor([1.0, 2.0, 0.0]).double()), outputs)


def test_hinge_in_half_precision_agrees_with_single_precision() -> None:
    outputs, labels = torch.randn(64, 10, generator=torch.Generator().manual_seed(0)), torch.arange(64) % 10
    hinge = losses.build({"name": "hinge", "margin": 1.0}, 10)
    half = outputs.bfloat16()
    for targets in (labels, torch.nn.functional.one_hot(labels, 10).float()):
        expected = torch.nn.functional.multi_margin_loss(half.float(), labels)
        torch.testing.assert_close(hinge(half, targets), expected)


@pytest.mark.parametrize(
    "choice",
    [
        {"name": "cross_entropy"},
        {"name": "cross_entropy", "class_weights": "balanced"},
        {"name": "focal", "class_weights": "balanced"},
        {"name": "binary_cross_entropy", "label_smoothing": 0.1},
    ],
)
def test_losses_of_mixed_labels_in_half_precision_agree_with_single_precision(choice: dict[str, Any]) -> None:
    generator = torch.Generator().manual_seed(0)
    half = torch.randn(64, 100, generator=generator).bfloat16()
    mixed = torch.rand(64, 100, generator=generator).softmax(1)
    loss = losses.build(recipe({"loss": choice})["loss"], 100, range(3, 103))
    with torch.autocast("cpu", torch.bfloat16):
        ours = loss(half, mixed)
    torch.testing.assert_close(ours, loss(half.float(), mixed))


@pytest.mark.parametrize("threshold", [0.2, 0.5])
def test_a_threshold_binarizes_mixed_labels_as_in_timm(threshold: float) -> None:
    outputs = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    shares = torch.tensor([[0.9, 0.1, 0.0], [0.5, 0.5, 0.0], [0.3, 0.0, 0.7]]).repeat(2, 1)
    theirs = timm.loss.BinaryCrossEntropy(smoothing=0.0, target_threshold=threshold)
    ours = build("binary_cross_entropy", target_threshold=threshold)
    torch.testing.assert_close(ours(outputs, shares), theirs(outputs, shares))
    assert "target_threshold" not in recipe({"loss": "binary_cross_entropy"})["loss"]


def test_focal_loss_without_gamma_is_cross_entropy() -> None:
    outputs, labels = torch.randn(9, 3, generator=torch.Generator().manual_seed(0)), torch.arange(9) % 3
    torch.testing.assert_close(build("focal", gamma=0.0)(outputs, labels), F.cross_entropy(outputs, labels))


@pytest.mark.parametrize("name", ["cross_entropy", "focal"])
def test_balanced_class_weights_agree_with_scikit_learn(name: str) -> None:
    outputs = torch.randn(10, 3, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0] * 6 + [1] * 3 + [2])
    weights = compute_class_weight("balanced", classes=np.arange(3), y=labels.numpy())
    torch.testing.assert_close(losses.balanced_weights([6, 3, 1]), torch.tensor(weights).float())
    choice = recipe({"loss": {"name": name, "class_weights": "balanced"}})["loss"]
    settings = {"gamma": 0.0} if name == "focal" else {}
    ours = losses.build({**choice, **settings}, 3, [6, 3, 1])(outputs, labels)
    torch.testing.assert_close(ours, F.cross_entropy(outputs, labels, torch.tensor(weights).float()))
    assert "class_weights" not in recipe({"loss": name})["loss"]
