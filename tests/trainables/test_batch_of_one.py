"""Norms over a batch, and batches of one: refused before the first step, or trained."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hpo.core.errors import UserError
from hpo.core.trainable import DataInfo, Examples
from tests.trainables.recorder import Recorder, recipe, train
from trainables.image_classifier import ImageClassifier
from trainables.tabular import Tabular

Parts = tuple[Examples, Examples]
MLP = {"name": "mlp", "depth": 1, "width": 8}
TINY = {"name": "cnn", "channels": 4, "stages": 1}


@pytest.fixture
def few(digits: Parts) -> Parts:
    return tuple(replace(part, rows=part.rows[:12]) for part in digits)


@pytest.mark.parametrize("name", ["batch_norm", "decorrelated_batch_norm"])
@pytest.mark.parametrize("trainable", [ImageClassifier, Tabular])
def test_one_value_has_no_variance(name: str, trainable: Any, few: Parts) -> None:
    choices: dict[str, Any] = {"batch_size": 1, "normalization": name, "model": {"depth": 1, "width": 8}}
    if trainable is Tabular:
        rows = few[0].inputs.reshape(len(few[0].inputs), -1).astype(np.float32)
        info = DataInfo("table", "classification", (64,), few[0].info.classes)
        few = tuple(replace(part, inputs=rows, info=info) for part in few)
    else:
        choices["model"] = MLP
    recorder = Recorder(1)
    chosen = recipe(choices, "tabular" if trainable is Tabular else "image_classifier")
    with pytest.raises(UserError, match=rf"batch_size: 1 leaves normalization {name} of the mlp one value"):
        trainable().train(chosen, *few, recorder)
    assert recorder.reports == []


@pytest.mark.parametrize(
    "choices",
    [
        {"model": MLP, "normalization": "layer_norm"},
        {"model": {**MLP, "depth": 0}, "normalization": "batch_norm"},
        {"model": TINY},  # an image has several places
        {"model": {"name": "vit", "width": 8, "depth": 1}, "normalization": "batch_norm"},
    ],
)
def test_batches_of_several_values_are_trained(choices: dict[str, Any], few: Parts) -> None:
    (report,) = train({**choices, "batch_size": 1}, few, 1).reports
    assert np.isfinite(report["train/loss"])


def test_an_image_that_shrinks_to_one_position_is_refused(few: Parts) -> None:
    choices = {"batch_size": 1, "image_size": 1, "model": {**TINY, "stages": 1}}
    with pytest.raises(UserError, match="normalization auto of the cnn"):
        train(choices, few, 1)


def test_the_check_does_not_change_the_network(few: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    choices = {"batch_size": 1, "model": TINY, "regularize": {"dropout": True}}
    tried = train(choices, few, 1)
    monkeypatch.setattr("trainables.batch_of_one.check", lambda *_: None)
    for name, array in train(choices, few, 1).weights[-1].items():
        np.testing.assert_array_equal(tried.weights[-1][name], array, name)
