"""Recipes drawn from the whole grammar, so that in time every pair of parts is combined."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest

from hpo.core.grammar import Group, Hyperparameter
from hpo.core.trainable import Examples
from tests.trainables.recorder import Recorder, recipe
from trainables.image_classifier import ImageClassifier
from trainables.registry import IMAGE_CLASSIFIER

SMALL = {"width": (4, 8), "depth": (1, 2), "channels": (2, 4), "stages": (1, 2), "blocks": (1, 2)}
APART = ("transfer",)  # needs a file
LIBRARIES = ("torchvision", "timm")


def value(hyperparameter: Hyperparameter, draw: random.Random) -> Any:
    if hyperparameter.name in SMALL:
        return draw.choice(SMALL[hyperparameter.name])
    if hyperparameter.kind == "bool":
        return draw.random() < 0.5
    if hyperparameter.kind == "str":
        return draw.choice(hyperparameter.choices)
    if hyperparameter.kind == "list" or hyperparameter.default is None:
        return hyperparameter.default
    middle = min(hyperparameter.high, hyperparameter.default * 1.3 + 0.01)
    found = draw.choice((hyperparameter.low, hyperparameter.default, middle))
    return int(found) if hyperparameter.kind == "int" else found


def said(group: Group, draw: random.Random) -> Any:
    shared = {hyperparameter.name: value(hyperparameter, draw) for hyperparameter in group.hyperparameters}
    if group.many:
        on = [part for part in group.parts if draw.random() < 0.2]
        return shared | {part.name: {h.name: value(h, draw) for h in part.hyperparameters} for part in on}
    part = draw.choice([part for part in group.parts if part.name not in LIBRARIES])
    return (
        shared
        | {"name": part.name}
        | {hyperparameter.name: value(hyperparameter, draw) for hyperparameter in part.hyperparameters}
    )


def drawn(seed: int) -> dict[str, Any]:
    draw = random.Random(seed)
    choices = {
        group.name: said(group, draw) for group in IMAGE_CLASSIFIER.grammar.groups if group.name not in APART
    }
    return choices | {"batch_size": draw.choice((16, 50, 1000)), "image_size": draw.choice((None, None, 12))}


@pytest.mark.parametrize("seed", range(12))
def test_a_drawn_recipe_trains_and_loads(seed: int, digits: tuple[Examples, Examples]) -> None:
    train, validation = digits
    few = Examples(train.inputs, train.targets, train.rows[:80], train.info)
    chosen, recorder = recipe(drawn(seed)), Recorder(1)
    ImageClassifier().train(chosen, few, validation, recorder)
    assert set(recorder.reports[0]) >= {"train/loss", "validation/accuracy"}
    assert recorder.model is not None
    loaded = ImageClassifier().load(chosen, recorder.weights[0], train.info)
    np.testing.assert_array_equal(loaded.predict(validation), recorder.model.predict(validation))
    assert math.isfinite(recorder.reports[0]["images_per_second"])
