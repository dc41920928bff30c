from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from hpo.core.grammar import Grammar
from trainables import augmentation
from trainables.parts.views import TEST_AUGMENT

GRAMMAR = Grammar((), (TEST_AUGMENT,))
SHAPE = (3, 16, 12)


def views(**choices: object) -> tuple[Tensor, list[Tensor]]:
    images = torch.rand(4, *SHAPE, generator=torch.Generator().manual_seed(0))
    built = augmentation.test_time(GRAMMAR.resolve({"test_augment": choices})["test_augment"], SHAPE)
    assert built is not None
    seen = list(built(images))
    assert len(seen) == len(built)
    assert all(view.shape == images.shape for view in seen)
    return images, seen


def enlarged(box: Tensor) -> Tensor:
    return functional.interpolate(box, SHAPE[1:], mode="bilinear", align_corners=False)


def same_inside(view: Tensor, box: Tensor) -> None:
    """Equal but for the rim, where a view interpolates with what lies beside the box."""
    torch.testing.assert_close(view[..., 1:-1, 1:-1], enlarged(box)[..., 1:-1, 1:-1], atol=1e-5, rtol=0)


def check_horizontal_flip() -> None:
    images, seen = views(horizontal_flip=True)
    assert torch.equal(seen[0], images)
    assert torch.equal(seen[1], images.flip(3))
    assert len(seen) == 2


def check_center_crop() -> None:
    images, (seen,) = views(center_crop={"ratio": 0.5})
    same_inside(seen, images[:, :, 4:12, 3:9])


def check_five_crops() -> None:
    images, seen = views(five_crops={"ratio": 0.5})
    boxes = [(0, 0), (0, 6), (8, 0), (8, 6), (4, 3)]
    assert len(seen) == 5
    for view, (top, left) in zip(seen, boxes, strict=True):
        same_inside(view, images[:, :, top : top + 8, left : left + 6])


def check_scales() -> None:
    images, seen = views(scales={"sizes": [224, 448], "crop": 224})
    assert torch.equal(seen[0], images)
    same_inside(seen[1], images[:, :, 4:12, 3:9])


REFERENCES: dict[str, Callable[[], None]] = {
    name.removeprefix("check_"): check for name, check in list(globals().items()) if name.startswith("check_")
}


@pytest.mark.parametrize("name", TEST_AUGMENT.names)
def test_views_are_those_of_the_table(name: str) -> None:
    REFERENCES[name]()


def test_ten_crops_at_five_scales_are_the_classic_views() -> None:
    _, seen = views(horizontal_flip=True, five_crops=True, scales=True)
    # At the smallest scale the crop is the whole square image, which has no corners to choose from.
    assert len(seen) == 2 * (1 + 4 * 5)
    distinct = torch.stack(seen).flatten(1).unique(dim=0)
    assert len(distinct) == len(seen)


def test_equal_views_are_taken_once() -> None:
    _, seen = views(five_crops={"ratio": 1.0}, scales={"sizes": [100, 224], "crop": 224})
    assert len(seen) == 1


def test_without_parts_nothing_is_built() -> None:
    assert augmentation.test_time(GRAMMAR.resolve({})["test_augment"], SHAPE) is None


def test_with_several_scales_only_the_scale_decides_the_size_of_crops() -> None:
    choices = {"five_crops": True, "scales": {"sizes": [224, 256, 448], "crop": 224}}
    both = augmentation.test_time(GRAMMAR.resolve({"test_augment": choices})["test_augment"], SHAPE)
    assert both is not None
    assert sorted({view.ratio for view in both.views}) == [0.5, 0.875, 1.0]
    assert len(both) == 1 + 5 + 5
