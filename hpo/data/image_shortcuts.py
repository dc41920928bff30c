"""Properties of images that reveal their class without what they show: border, corners, colour, brightness.

Classes that were photographed on another ground, watermarked, framed, darkened or saved as grey images are
told apart by such a property alone, and a network learns the property (Geirhos et al., "Shortcut learning
in deep neural networks", Nature Machine Intelligence 2020).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.trainable import DataInfo, Examples
from hpo.data.removed_error import error_removed

Values = NDArray[np.float64]

TELLING = 0.9
"""Share of the error removed from which a property is named; natural ones remove far less."""
ONE_CLASS = 0.95
"""The same for telling one class from all others."""
FEWEST = 20
"""Images of a class, and of the others, below which that is not tried."""
MOST = 4_000
"""Images that are looked at."""
LEAST_SIDE = 6
RING, CORNER = 16, 6
"""Parts of a side that a border and a corner take."""


def image_shortcuts(train: Examples) -> Mapping[str, float]:
    """Return the properties that alone predict the class, with the share of the error that each removes.

    Args:
        train: Training images with their labels.
    """
    info = train.info
    if info.kind != "image" or info.task != "classification" or min(info.shape[:2]) < LEAST_SIDE:
        return {}
    rows = np.sort(np.random.default_rng(0).permutation(train.rows)[:MOST])
    return telling_properties(properties(train.inputs[rows]), np.asarray(train.targets[rows]), info)


def telling_properties(
    values_of: Mapping[str, Values], labels: NDArray[Any], info: DataInfo
) -> dict[str, float]:
    """Return the properties that alone predict the class, with the share of the error that each removes.

    Args:
        values_of: Values of each property by its name, [n] each.
        labels: Labels, [n].
        info: Kind, task and classes of the data.
    """
    if len(labels) < FEWEST or len(np.unique(labels)) < 2:
        return {}
    half = np.random.default_rng(0).permutation(len(labels)) % 2
    named = {}
    for name, values in values_of.items():
        removed = error_removed(values, labels, half, len(info.classes))
        if removed >= TELLING:
            named[f"the {name}"] = removed
        elif len(info.classes) > 2:
            named |= _one_class(name, values, labels, half, info.classes)
    return named


def _one_class(
    name: str, values: Values, labels: NDArray[Any], half: NDArray[np.int64], classes: tuple[str, ...]
) -> dict[str, float]:
    """Return the first class that a property tells from all others."""
    for label, called in enumerate(classes):
        indicator = (labels == label).astype(np.int64)
        if min(indicator.sum(), len(indicator) - indicator.sum()) >= FEWEST:
            removed = error_removed(values, indicator, half, 2)
            if removed >= ONE_CLASS:
                return {f"the {name}, of class {called!r} against all others,": removed}
    return {}


def properties(images: NDArray[np.uint8]) -> dict[str, Values]:
    """Return properties of images [n, height, width, channels], each [n]."""
    grey = images[..., :3].mean(-1, dtype=np.float32)
    height, width = grey.shape[1:]
    ring, corner = max(1, min(height, width) // RING), max(2, min(height, width) // CORNER)
    inner = np.ones((height, width), bool)
    inner[ring:-ring, ring:-ring] = False
    border = grey[:, inner]
    by_property = {
        "brightness": grey.mean((1, 2)),
        "contrast": grey.std((1, 2)),
        "brightness of the border": border.mean(1),
        "contrast of the border": border.std(1),
    }
    slices = {"upper": slice(None, corner), "lower": slice(-corner, None)}
    sides = {"left": slice(None, corner), "right": slice(-corner, None)}
    for upright, down in slices.items():
        for side, across in sides.items():
            part = grey[:, down, across]
            by_property[f"brightness of the {upright} {side} corner"] = part.mean((1, 2))
            by_property[f"contrast of the {upright} {side} corner"] = part.std((1, 2))
    if images.shape[3] >= 3:
        colours = images[..., :3].astype(np.float32)
        by_property["colourfulness"] = (colours.max(-1) - colours.min(-1)).mean((1, 2))
        by_property["balance of red and blue"] = (colours[..., 0] - colours[..., 2]).mean((1, 2))
        by_property["share of green"] = (colours[..., 1] - colours.mean(-1)).mean((1, 2))
    return {name: values.astype(np.float64) for name, values in by_property.items()}
