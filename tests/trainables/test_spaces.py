"""Shipped spaces can be trained: recipes of every space are built, some trained, published ones too."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch

from hpo.core.recipe import Recipe, digest
from hpo.core.trainable import DataInfo, Examples
from hpo.spec import read_spec
from hpo.spec.builtin import specs
from hpo.spec.recipe_files import read_recipe
from tests.trainables.recorder import Recorder
from trainables import augmentation
from trainables.image_classifier import ImageClassifier
from trainables.networks import build
from trainables.networks.table_network import TableShape
from trainables.optimization import losses, optimizers, penalties, schedules, weight_averages
from trainables.parts.loss import REGRESSION_LOSS
from trainables.parts.table_model import TABLE_MODEL

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

POINTS = 300
TRAINED = 40
SHAPES = {"digits": (1, 8, 8), "everything": (1, 8, 8), "fashion_mnist": (1, 28, 28)}
OF_THE_NETWORK = ("model", "activation", "normalization", "init", "regularize", "transfer")
RECIPES = Path(__file__).resolve().parents[2] / "search_spaces" / "recipes"


class Built:
    """Builds networks, each kind of them once."""

    def __init__(self) -> None:
        self._known: dict[str, torch.nn.Module] = {}

    def __call__(self, name: str, recipe: Mapping[str, Any]) -> torch.nn.Module:
        heads = augmentation.heads(recipe.get("augment", {}))
        key = digest([name, heads, *(recipe.get(group) for group in OF_THE_NETWORK)])
        if key not in self._known:
            self._known = {key: self._network(name, recipe)}
        return self._known[key]

    def _network(self, name: str, recipe: Mapping[str, Any]) -> torch.nn.Module:
        if name.startswith("tabular"):
            return build.network(recipe, TableShape(5, (3,)), 2, TABLE_MODEL)
        return build.network(recipe, SHAPES.get(name, (3, 32, 32)), 10)


@pytest.mark.parametrize("name", [name for name in specs() if name != "transfer"])
def test_recipes_drawn_from_a_space_are_built(name: str) -> None:
    spec, random, built = read_spec(name), Random(11), Built()
    for _ in range(POINTS):
        recipe = spec.recipe_of(spec.space.sample(random))
        network = built(name, recipe)
        optimizer = optimizers.build(recipe, network)
        assert optimizer.param_groups
        assert schedules.build(recipe, optimizers.base_learning_rate(recipe), 10, spec.horizon).at(0, []) >= 0
        penalties.clipping(recipe["gradient_clipping"])
        weight_averages.build(recipe["averaging"], network, spec.horizon)
        losses.build(recipe["loss"], 10, list(range(1, 11)))
        if "augment" in recipe:
            augmentation.build(recipe["augment"], SHAPES.get(name, (3, 32, 32)), 10)
            augmentation.test_time(recipe["test_augment"], SHAPES.get(name, (3, 32, 32)))
        if "regression_loss" in recipe:
            settings = dict(recipe["regression_loss"])
            REGRESSION_LOSS.part(settings.pop("name")).load()(**settings)


def test_recipes_drawn_for_transfer_are_built() -> None:
    """One network serves them all, as the space does not vary it; how much of it is trained varies."""
    from trainables.networks.stages import stages
    from trainables.parts.transfer import TRANSFER

    spec, random = read_spec("transfer"), Random(11)
    network, first = None, None
    for _ in range(POINTS):
        recipe = spec.recipe_of(spec.space.sample(random))
        kept = {group: recipe[group] for group in OF_THE_NETWORK if group not in ("transfer", "regularize")}
        if network is None:
            network, first = build.network(recipe, (3, 64, 64), 10), kept
        assert kept == first
        transfer = dict(recipe["transfer"])
        transfer.pop("weights")
        transfer.pop("stage", None)
        rates = TRANSFER.part(transfer.pop("name")).load()(stages(network), **transfer)
        assert optimizers.build(recipe, network, rates).param_groups


@pytest.mark.parametrize("place", range(TRAINED))
def test_recipes_drawn_from_everything_train(place: int, digits: tuple[Examples, Examples]) -> None:
    spec, random = read_spec("everything"), Random(1000 + place)
    fields = spec.recipe_of(spec.space.sample(random))
    # bfloat16 has a test of its own; on a CPU without it a convolution takes a thousand times as long.
    recipe, recorder = Recipe({**fields, "precision": "float32"}), Recorder(1)
    train, validation = digits
    few = Examples(train.inputs, train.targets, train.rows[:48], train.info)
    some = Examples(validation.inputs, validation.targets, validation.rows[:24], validation.info)
    ImageClassifier().train(recipe, few, some, recorder)
    (metrics,) = recorder.reports
    scored = [metrics[name] for name in ("validation/loss", "validation/accuracy", "validation/macro_f1")]
    assert [math.isfinite(score) for score in scored] == [True] * 3


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_published_recipes_train(path: Path) -> None:
    random = np.random.default_rng(0)
    info = DataInfo("image", "classification", (40, 40, 3), ("a", "b", "c"))
    images = random.integers(0, 256, (36, 40, 40, 3), np.uint8)
    labels = np.arange(36) % 3
    train, validation = (Examples(images, labels, rows, info) for rows in (np.arange(24), np.arange(24, 36)))
    small = {"image_size": 32, "test_size": 40, "batch_size": 12, "epochs": 1}
    fields = {**read_recipe(path).recipe, **small, "precision": "float32"}
    recorder = Recorder(1)
    ImageClassifier().train(Recipe(ImageClassifier.grammar.resolve(fields)), train, validation, recorder)
    assert math.isfinite(recorder.reports[0]["train/loss"])
