from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from hpo.core.recipe import Recipe
from tests.trainables.augmentation.cases import SHAPES, resolve
from trainables import augmentation
from trainables.augmentation.mimo import ManyHeads, over_heads
from trainables.networks import build
from trainables.registry import IMAGE_CLASSIFIER


class Echo(nn.Module):
    """Gives back each head's own image, twice: two classes."""

    def __init__(self, heads: int):
        super().__init__()
        self.heads = heads

    def forward(self, beside: Tensor) -> Tensor:
        values = beside[:, :, 0, 0]
        return torch.stack((values, -values), 2).flatten(1)


def images(count: int = 6) -> Tensor:
    return torch.arange(count, dtype=torch.float32)[:, None, None, None].expand(count, 1, 2, 2)


def test_mimo() -> None:
    torch.manual_seed(0)
    network = ManyHeads(Echo(3), 3).train()
    # Each image gets its own predictions, one per head, whatever the other images are.
    outputs = network(images())
    assert outputs[:, :, 0].T.tolist() == [[0, 1, 2, 3, 4, 5]] * 3
    network.eval()
    expected = functional.log_softmax(torch.tensor([[0.0, 0], [1, -1]]), 1)
    torch.testing.assert_close(network(images())[:2], expected)


def test_heads_see_different_images_in_training_and_the_same_one_otherwise() -> None:
    seen: list[Tensor] = []
    body = Echo(2)
    body.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0][:, :, 0, 0]))
    torch.manual_seed(0)
    ManyHeads(body, 2).train()(images(50))
    ManyHeads(body, 2).eval()(images(50))
    assert (seen[0][:, 0] == torch.arange(50)).all()
    assert sorted(seen[0][:, 1].tolist()) == list(range(50))
    assert (seen[0][:, 0] != seen[0][:, 1]).sum() > 40
    assert (seen[1][:, 0] == seen[1][:, 1]).all()


def test_the_loss_is_the_mean_over_heads() -> None:
    outputs = torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 3, 1, 4])
    loss = over_heads(functional.cross_entropy)
    each = torch.stack([functional.cross_entropy(outputs[:, head], labels) for head in range(3)])
    torch.testing.assert_close(loss(outputs, labels), each.mean())
    shares = functional.one_hot(labels, 5).float()
    torch.testing.assert_close(loss(outputs, shares), each.mean())
    torch.testing.assert_close(loss(outputs[:, 0], labels), each[0])


@pytest.mark.parametrize("model", ["mlp", "cnn", "resnet", "vit"])
def test_every_network_can_have_several_heads(model: str) -> None:
    choices = {"model": model, "augment": {"mimo": {"heads": 3}}}
    recipe = Recipe(IMAGE_CLASSIFIER.grammar.resolve(choices))
    network = build.network(recipe, (3, 16, 16), 10)
    assert network.train()(torch.rand(4, 3, 16, 16)).shape == (4, 3, 10)
    assert network.eval()(torch.rand(4, 3, 16, 16)).exp().sum(1).tolist() == pytest.approx([1] * 4, abs=1e-4)


def test_there_is_one_head_by_default() -> None:
    assert augmentation.heads(resolve()) == 1
    assert augmentation.heads(resolve(strength=0, mimo=True)) == 1
    assert augmentation.heads(resolve(mimo=True)) == 2
    assert augmentation.build(resolve(mimo=True), SHAPES[0], 5) is None
