"""Averaged weights with matching norms, and models that predict together."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from hpo.core.trainable import AssessesExamples, Averages, Combines, DataInfo, Examples
from tests.trainables.recorder import recipe, train
from trainables import images, scores
from trainables.image_classifier import ImageClassifier
from trainables.tabular import Tabular

NORMED = {"model": {"name": "cnn", "channels": 4, "stages": 1}, "normalization": {"name": "batch_norm"}}


def mean_of(weights):
    """Means of floats, the last of the rest."""
    return {
        name: np.mean([w[name] for w in weights], 0).astype(last.dtype) if last.dtype.kind == "f" else last
        for name, last in weights[-1].items()
    }


@pytest.mark.parametrize("trainable", [ImageClassifier(), Tabular()], ids=["images", "tables"])
def test_shipped_trainables_average_combine_and_assess(trainable):
    assert isinstance(trainable, Averages)
    assert isinstance(trainable, Combines)
    assert isinstance(trainable, AssessesExamples)


def test_norms_recompute_their_statistics_from_the_training_rows(digits):
    recorder = train(NORMED, digits, epochs=4)
    mean, trainable = mean_of(recorder.weights[1:]), ImageClassifier()
    averaged = trainable.average(recipe(NORMED), mean, digits[0], recorder)
    statistics = [name for name in mean if "running_" in name]
    assert statistics
    assert any(not np.allclose(averaged[name], mean[name]) for name in statistics)
    for name in set(mean) - set(statistics):
        if "num_batches" not in name:
            np.testing.assert_array_equal(averaged[name], mean[name], name)

    # In one pass over all rows as one batch, a norm that follows no other has the mean of its inputs.
    model = trainable.load(recipe(NORMED), averaged, digits[0].info)
    modules = list(model.network.modules())
    first = next(m for m in modules if isinstance(m, nn.BatchNorm2d))
    seen = []
    first.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    model.predict(digits[0])
    inputs = seen[0].transpose(0, 1).flatten(1)
    np.testing.assert_allclose(first.running_mean, inputs.mean(1), atol=1e-5)
    np.testing.assert_allclose(first.running_var, inputs.var(1), rtol=1e-4)


def test_statistics_do_not_depend_on_the_order_of_classes(digits, monkeypatch):
    monkeypatch.setattr(images, "EVALUATED_BYTES", 0)  # batches of 64 images
    order = np.argsort(digits[0].targets[digits[0].rows], kind="stable")
    by_class = replace(digits[0], rows=digits[0].rows[order])
    recorder = train(NORMED, digits, epochs=2)
    trainable, mean = ImageClassifier(), recorder.weights[-1]
    model = trainable.load(recipe(NORMED), mean, digits[0].info)
    first = next(m for m in model.network.modules() if isinstance(m, nn.Conv2d))
    outputs = first(model.images(digits[0]).prepared(torch.arange(300)))
    total = outputs.transpose(0, 1).flatten(1).var(1).detach().numpy()
    for part in (digits[0], by_class):
        averaged = trainable.average(recipe(NORMED), mean, part, recorder)
        (variance,) = (array for name, array in averaged.items() if name.endswith("running_var"))
        np.testing.assert_allclose(variance, total, rtol=0.03)


def test_averaging_is_deterministic_and_without_norms_changes_nothing(digits):
    recorder = train(NORMED, digits, epochs=2)
    mean, trainable = mean_of(recorder.weights), ImageClassifier()
    one, two = (trainable.average(recipe(NORMED), mean, digits[0], recorder) for _ in range(2))
    for name, array in one.items():
        np.testing.assert_array_equal(two[name], array, name)
    bare = {"model": {"name": "mlp", "depth": 1, "width": 8}}
    recorder = train(bare, digits, epochs=2)
    mean = mean_of(recorder.weights)
    for name, array in trainable.average(recipe(bare), mean, digits[0], recorder).items():
        np.testing.assert_array_equal(array, mean[name], name)


def test_a_tables_average_predicts():
    draw = np.random.default_rng(0)
    inputs = draw.normal(size=(60, 3)).astype(np.float32)
    info = DataInfo("table", "regression", (3,), columns=("a", "b", "c"))
    whole = Examples(inputs, inputs.sum(1), np.arange(60), info)
    choices = {"model": {"width": 8}, "normalization": {"name": "batch_norm"}}
    recorder = train(choices, (whole, whole), epochs=3, trainable="tabular")
    trainable, fields = Tabular(), recipe(choices, "tabular")
    averaged = trainable.average(fields, mean_of(recorder.weights), whole, recorder)
    assert trainable.load(fields, averaged, info).predict(whole).shape == (60,)


def test_an_ensemble_averages_probabilities_and_not_logits():
    sure, unsure = np.array([[10.0, 0.0]]), np.array([[0.0, 1.0]])
    together = scores.combined([sure, unsure])
    expected = (scores.probabilities(sure) + scores.probabilities(unsure)) / 2
    np.testing.assert_allclose(scores.probabilities(together), expected)
    np.testing.assert_allclose(scores.probabilities(together).sum(1), 1)


def test_an_ensemble_of_equal_members_predicts_as_each():
    logits = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    together = scores.combined([logits] * 3)
    np.testing.assert_allclose(scores.probabilities(together), scores.probabilities(logits), rtol=1e-6)
    found = scores.classification(together, logits.argmax(1))
    assert found["accuracy"] == 1.0
    assert found["loss"] == pytest.approx(scores.classification(logits, logits.argmax(1))["loss"])


def test_an_ensemble_of_values_is_their_mean():
    together = scores.combined([np.array([1.0, 2.0], np.float32), np.array([3.0, 4.0], np.float32)])
    np.testing.assert_array_equal(together, np.array([2.0, 3.0], np.float32))
    assert together.dtype == np.float32
    assert Tabular().probabilities(together) is None


def test_an_ensemble_with_a_broken_member_has_no_score():
    broken = scores.combined([np.array([[1.0, 2.0]]), np.array([[np.nan, 2.0]])])
    assert np.isnan(scores.classification(broken, np.array([0]))["accuracy"])


def test_impossible_classes_stay_finite():
    far = np.array([[0.0, -2000.0]])
    together = scores.combined([far, far])
    assert np.isfinite(together).all()
    assert np.isfinite(scores.classification(together, np.array([1]))["loss"])
