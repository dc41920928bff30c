from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from tests.trainables.augmentation.cases import CLASSES, SHAPES, resolve, seeded
from tests.trainables.augmentation.test_erasing import blanked
from trainables import augmentation
from trainables.augmentation.mixing import partners
from trainables.augmentation.random_draws import beta, beta_quantiles


def flat_images(count: int, shape: tuple[int, int, int]) -> Tensor:
    """Constant images, so that the mixed shares can be read off."""
    return (torch.arange(count) / count)[:, None, None, None].expand(count, *shape).contiguous()


def mixed(name: str, shape: tuple[int, int, int], **settings: object) -> tuple[Tensor, Tensor, Tensor]:
    images = flat_images(CLASSES, shape)
    augmenter = augmentation.build(resolve(**{name: settings}), shape, CLASSES)
    assert augmenter is not None
    out, targets = augmenter(images, torch.arange(CLASSES), seeded())
    return images, out, targets


def test_mixup() -> None:
    for shape in SHAPES:
        images, out, targets = mixed("mixup", shape, alpha=1.0)
        torch.testing.assert_close(targets.sum(1), torch.ones(CLASSES))
        torch.testing.assert_close(out[:, 0, 0, 0], targets @ images[:, 0, 0, 0])
        assert (out.flatten(1).std(1) < 1e-6).all()
        assert len(targets.diagonal().unique()) > CLASSES // 2


def test_cutmix() -> None:
    for shape in SHAPES:
        images, out, targets = mixed("cutmix", shape)
        kept_share = (out == images).float().mean((1, 2, 3))
        torch.testing.assert_close(targets.sum(1), torch.ones(CLASSES))
        torch.testing.assert_close(out.mean((1, 2, 3)), targets @ images[:, 0, 0, 0])
        assert (targets.diagonal() >= kept_share - 1e-6).all()
        for mask in (out != images)[:, 0].numpy():
            if mask.any():
                blanked(mask)


def test_in_class_mixing() -> None:
    shape = SHAPES[0]
    images = flat_images(24, shape)
    labels = torch.arange(24) % 5
    augmenter = augmentation.build(resolve(in_class_mixing={}), shape, 5)
    assert augmenter is not None
    out, targets = augmenter(images, labels, seeded())
    assert torch.equal(targets, labels)
    for label in range(5):
        originals, mixtures = images[labels == label, 0, 0, 0], out[labels == label, 0, 0, 0]
        assert ((mixtures >= originals.min()) & (mixtures <= originals.max())).all()
        assert (mixtures != originals).all()


def mix(shape=(1, 8, 8), count=400, **choices):
    augmenter = augmentation.build(resolve(**choices), shape, count)
    images = flat_images(count, shape)
    return images, *augmenter(images, torch.arange(count), seeded())


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_have_the_beta_distribution(alpha: float) -> None:
    drawn = beta(20_000, beta_quantiles(alpha), seeded()).double().numpy()
    assert stats.kstest(drawn, stats.beta(alpha, alpha).cdf).statistic < 0.02


def test_partners_are_other_images_of_the_same_class() -> None:
    labels = torch.randint(7, (200,), generator=seeded())
    found = partners(labels, seeded())
    assert torch.equal(labels[found], labels)
    assert (found != torch.arange(200)).all()
    assert sorted(found.tolist()) == list(range(200))


def test_an_image_alone_in_its_class_is_its_own_partner() -> None:
    assert partners(torch.tensor([3, 1, 3]), seeded()).tolist() == [2, 1, 0]


def test_with_both_mixers_each_image_gets_one() -> None:
    images, out, targets = mix(mixup={"alpha": 1.0}, cutmix=True)
    blended = (out.flatten(1).std(1) < 1e-6) & (out[:, 0, 0, 0] != images[:, 0, 0, 0])
    pasted = out.flatten(1).std(1) >= 1e-6
    assert 120 < blended.sum() < 260
    assert 90 < pasted.sum() < 240
    torch.testing.assert_close(targets.sum(1), torch.ones(400))
    torch.testing.assert_close(out.mean((1, 2, 3)), targets @ images[:, 0, 0, 0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_probability_and_strength_decide_how_many_are_mixed(name: str) -> None:
    images, out, targets = mix(strength=0.5, **{name: {"p": 0.5, "alpha": 1.0}})
    same = (out == images).flatten(1).all(1)
    assert 0.66 < same.float().mean() < 0.86
    assert (targets[same].amax(1) > 0.999).all()


def test_cutmix_boxes_have_the_drawn_area() -> None:
    _, _, targets = mix((1, 64, 64), 600, cutmix={"alpha": 1.0})
    pasted = 1 - targets.diagonal().numpy()
    # The drawn area u is uniform and boxes are cut at the edge: their mean is E[(√u - u/4)²] = 0.32.
    quantiles = np.quantile(pasted, (0.25, 0.5, 0.75, 1))
    assert (quantiles <= (0.27, 0.52, 0.77, 1.0)).all()
    assert pasted.mean() == pytest.approx(0.32, abs=0.02)


def test_a_single_image_is_mixed_with_itself() -> None:
    augmenter = augmentation.build({"mixup": {"alpha": 1.0, "p": 1.0}}, (3, 4, 4), 2)
    images, targets = augmenter(torch.rand(1, 3, 4, 4), torch.tensor([1]), seeded())
    assert targets.tolist() == [[0.0, 1.0]]
    assert images.shape == (1, 3, 4, 4)
