from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from tests.trainables.recorder import recipe
from trainables.networks import build
from trainables.networks.layer_choices import LayerChoices
from trainables.networks.normalizations import DecorrelatedBatchNorm, Layout
from trainables.parts.normalization import NORMALIZATION

X = torch.randn(6, 4, 5, 5, generator=torch.Generator().manual_seed(0)) * 3 + 1


def standard(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    mean = x.mean(dims, keepdim=True)
    return (x - mean) / (x.var(dims, keepdim=True, unbiased=False) + 1e-5).sqrt()


def whitened(x: Tensor) -> Tensor:
    """ZCA by an eigendecomposition, where the layer uses Newton's iteration."""
    flat = x.transpose(0, 1).flatten(1).double()
    centred = flat - flat.mean(1, keepdim=True)
    covariance = centred @ centred.T / flat.shape[1] + 1e-3 * torch.eye(4)
    values, vectors = torch.linalg.eigh(covariance)
    white = vectors @ torch.diag(values**-0.5) @ vectors.T @ centred
    return white.view(4, 6, 5, 5).transpose(0, 1).float()


REFERENCES: dict[str, Callable[[Tensor], Tensor]] = {
    "auto": lambda x: standard(x, (0, 2, 3)),  # where batch norm is usual
    "none": lambda x: x,
    "batch_norm": lambda x: standard(x, (0, 2, 3)),
    "layer_norm": lambda x: standard(x, (1, 2, 3)),
    "instance_norm": lambda x: standard(x, (2, 3)),
    "group_norm": lambda x: standard(x.view(6, 2, 2, 5, 5), (2, 3, 4)).view_as(x),
    "weight_norm": lambda x: x,
    "decorrelated_batch_norm": whitened,
}


def layer(name: str, layout: Layout = "images") -> nn.Module:
    settings = {"groups": 2} if name == "group_norm" else {"iterations": 12} if "decor" in name else {}
    ingredients = LayerChoices(recipe({"normalization": {"name": name, **settings}}))
    return ingredients.norm(4, layout)


def test_every_normalization_has_a_reference() -> None:
    assert set(REFERENCES) == set(NORMALIZATION.names)


@pytest.mark.parametrize("name", NORMALIZATION.names)
def test_values(name: str) -> None:
    torch.testing.assert_close(layer(name).train()(X), REFERENCES[name](X), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", NORMALIZATION.names)
def test_gradient(name: str) -> None:
    x = X[:3, :, :2, :2].double().requires_grad_()
    built = layer(name).double().train()
    assert torch.autograd.gradcheck(built, x, atol=1e-4)


@pytest.mark.parametrize("layout", ["features", "images", "tokens"])
@pytest.mark.parametrize("name", NORMALIZATION.names)
def test_shapes_are_kept(name: str, layout: Layout) -> None:
    shape = {"features": (6, 4), "images": (6, 4, 3, 3), "tokens": (6, 7, 4)}[layout]
    assert layer(name, layout)(torch.randn(shape)).shape == shape


@pytest.mark.parametrize("name", NORMALIZATION.names)
def test_a_single_example_in_evaluation(name: str) -> None:
    built = layer(name)
    for _ in range(60):
        built.train()(X)
    evaluated = built.eval()(X)
    torch.testing.assert_close(built(X[:1]), evaluated[:1], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(evaluated, REFERENCES[name](X), rtol=0.05, atol=0.05)


def test_tokens_are_normalized_like_images() -> None:
    tokens = X.flatten(2).transpose(1, 2)
    for name in ("batch_norm", "instance_norm", "group_norm", "decorrelated_batch_norm"):
        images = layer(name)(X).flatten(2).transpose(1, 2)
        torch.testing.assert_close(layer(name, "tokens")(tokens), images, rtol=1e-4, atol=1e-5)


def test_whitened_channels_are_uncorrelated() -> None:
    mixed = torch.einsum("dc,nchw->ndhw", torch.randn(4, 4), X)
    white = DecorrelatedBatchNorm(4, 4, 20, 1e-5, 0.1)(mixed).transpose(0, 1).flatten(1)
    torch.testing.assert_close(torch.cov(white, correction=0), torch.eye(4), rtol=0, atol=1e-2)


def test_weight_norm_separates_length_and_direction() -> None:
    torch.manual_seed(0)
    plain = build.network(recipe({"model": "mlp", "normalization": "none"}), (1, 4, 4), 3)
    torch.manual_seed(0)
    normed = build.network(recipe({"model": "mlp", "normalization": "weight_norm"}), (1, 4, 4), 3)
    images = torch.rand(2, 1, 4, 4)
    torch.testing.assert_close(normed(images), plain(images))
    names = [name for name, _ in normed.named_parameters()]
    assert "1.0.parametrizations.weight.original0" in names
