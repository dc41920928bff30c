"""Shapes, images and parts for the tests of augmentation."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hpo.core.grammar import Grammar
from trainables.parts.augmentation import AUGMENT
from trainables.parts.views import TEST_AUGMENT

SHAPES = ((1, 12, 10), (3, 16, 16))
CLASSES = 24
GRAMMAR = Grammar((), (AUGMENT, TEST_AUGMENT))


def resolve(**choices: object) -> dict[str, Any]:
    return GRAMMAR.resolve({"augment": choices})["augment"]


def part(name: str, shape: tuple[int, int, int], strength: float = 1.0, **settings: object):
    """One part as its builder makes it."""
    return AUGMENT.part(name).load()(shape, strength, **resolve(**{name: settings})[name])


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def bytes_like(count: int, shape: tuple[int, int, int], seed: int = 1) -> Tensor:
    """Random images whose values are bytes divided by 255."""
    return torch.randint(256, (count, *shape), generator=seeded(seed)) / 255


def same_image(count: int, shape: tuple[int, int, int]) -> Tensor:
    return bytes_like(1, shape).expand(count, *shape).contiguous()
