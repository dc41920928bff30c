"""Augmentation: each image of a batch is changed differently, without a loop over images.

`build` makes one function from a recipe's ``augment``, `test_time` makes views from its
``test_augment``. The tables are plain data; torch is imported only when something is built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hpo.core.errors import UserError
from hpo.core.grammar import Group
from trainables.parts.augmentation import AUGMENT
from trainables.parts.views import TEST_AUGMENT

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.augmentation.augmenter import Augmenter
    from trainables.augmentation.views import Views

CROPS = ("random_resized_crop", "scale_jitter")
"""Parts of which the first one that is on cuts images as they are stored."""

_COLOUR_PARTS = (
    "auto_augment",
    "rand_augment",
    "rand_augment_increasing",
    "trivial_augment",
    "color_jitter",
    "pca_lighting",
)


def build(
    augment: Mapping[str, Any],
    shape: tuple[int, int, int],
    classes: int,
    stored: tuple[int, int, int] | None = None,
    colours: Callable[[], Tensor] | None = None,
    varying: bool = False,
) -> Augmenter | None:
    """Build the augmentation of a recipe.

    Args:
        augment: The group ``augment`` of a recipe in normal form.
        shape: Channels, height and width of the images.
        classes: Number of classes.
        stored: Channels, height and width of the images before they are resized, if they are.
        colours: Gives the principal colours of the training part, for ``pca_lighting``: eigenvectors
            times eigenvalues as columns, [channels, channels].
        varying: Whether images are kept in sizes of their own, so that crops are cut from these.

    Returns:
        A function of (images, labels, generator); None if nothing is on or the strength is 0.

    Raises:
        UserError: If a part cannot work on images of this shape.
    """
    strength = augment.get("strength", 1.0)
    colour_parts = [name for name in _COLOUR_PARTS if name in augment]
    if strength == 0:
        return None
    if colour_parts and shape[0] not in (1, 3):
        raise UserError(f"augment.{colour_parts[0]}: images have {shape[0]} channels; it needs 1 or 3")
    augment = _with_colours(augment, colours)
    parts = _load(AUGMENT, augment, shape, strength)
    if not parts:
        return None
    from trainables.augmentation.augmenter import assemble
    from trainables.augmentation.original_crops import OriginalCrop

    first = next((name for name in CROPS if name in augment), None)
    if first and augment.get("original_pixels", False) and (varying or stored not in (None, shape)):
        cropping = _load(AUGMENT, {first: augment[first]}, stored or shape, strength)[0]
        parts = _load(AUGMENT, {n: v for n, v in augment.items() if n != first}, shape, strength)
        return assemble(parts, shape, classes, OriginalCrop(cropping, shape, is_bicubic(augment)))
    return assemble(parts, shape, classes)


def is_bicubic(choices: Mapping[str, Any]) -> bool:
    """Return whether images are resized by cubic polynomials, by a group of a recipe."""
    return bool(choices.get("interpolation", "bilinear") == "bicubic")


def _with_colours(augment: Mapping[str, Any], colours: Callable[[], Tensor] | None) -> Mapping[str, Any]:
    """Return the choices with the principal colours themselves instead of where they come from."""
    lighting = dict(augment.get("pca_lighting", {}))
    if lighting.pop("colours", "imagenet") == "imagenet":
        return augment
    return {**augment, "pca_lighting": {**lighting, "components": None if colours is None else colours()}}


def test_time(test_augment: Mapping[str, Any], shape: tuple[int, int, int]) -> Views | None:
    """Build the views of a test image of a recipe.

    Args:
        test_augment: The group ``test_augment`` of a recipe in normal form.
        shape: Channels, height and width of the images.

    Returns:
        A function that yields views of a batch, whose predictions are averaged; None if nothing is on.
    """
    parts = _load(TEST_AUGMENT, test_augment, shape)
    if not parts:
        return None
    from trainables.augmentation.views import combine

    return combine(parts, shape[1:] if test_augment.get("original_pixels", False) else None)


# pytest would collect it as a test wherever it is imported.
test_time.__test__ = False  # type: ignore[attr-defined]


def repeats(augment: Mapping[str, Any]) -> int:
    """Return how often an image occurs in its batch: 1 unless ``repeated_augmentation`` is on."""
    if augment.get("strength", 1.0) == 0 or "repeated_augmentation" not in augment:
        return 1
    return int(augment["repeated_augmentation"]["repeats"])


def heads(augment: Mapping[str, Any]) -> int:
    """Return how many images a network sees at once: 1 unless ``mimo`` is on."""
    if augment.get("strength", 1.0) == 0 or "mimo" not in augment:
        return 1
    return int(augment["mimo"]["heads"])


def _load(group: Group, choices: Mapping[str, Any], *common: Any) -> list[Any]:
    """Build the parts that are on, in the order of the table."""
    return [part.load()(*common, **choices[part.name]) for part in group.parts if part.name in choices]
