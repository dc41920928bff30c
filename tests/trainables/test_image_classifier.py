from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from hpo.core.errors import UserError
from hpo.core.trainable import Examples
from tests.trainables.recorder import Interrupted, Recorder, numbers, recipe, train
from trainables import images
from trainables.classifier import Classifier
from trainables.image_classifier import ImageClassifier

Parts = tuple[Examples, Examples]
MLP = {"name": "mlp", "depth": 1, "width": 16}
SMALL: dict[str, Any] = {"model": MLP, "learning_rate": 0.01}
EVERYTHING_WITH_STATE: dict[str, dict[str, Any]] = {
    "adamw, dropout": {"optimizer": "adamw", "regularize": {"dropout": {"p": 0.3}}},
    "momentum, plateau": {"optimizer": "momentum", "schedule": {"name": "plateau", "patience": 0}},
    "nadam, ema": {"optimizer": "nadam", "averaging": "ema"},
    "lamb, swa": {"optimizer": "lamb", "averaging": {"name": "swa", "start": 0.3}},
    "lars, warm-up": {"optimizer": "lars", "learning_rate": 1.0, "warmup": {"name": "epochs", "length": 2}},
    "augmented": {"augment": {"random_crop": True, "mixup": True}, "loss": "binary_cross_entropy"},
    "batch norm": {"model": {"name": "cnn", "channels": 4, "stages": 2}, "averaging": "swa"},
    "early stopping": {"learning_rate": 0.3, "regularize": {"early_stopping": {"patience": 0}}},
    "drop connect, weight norm": {"normalization": "weight_norm", "regularize": {"drop_connect": True}},
}


@pytest.mark.parametrize("choices", EVERYTHING_WITH_STATE.values(), ids=EVERYTHING_WITH_STATE)
def test_a_resumed_training_equals_an_undisturbed_one(choices: dict[str, Any], digits: Parts) -> None:
    choices = {**SMALL, **choices}
    whole = train(choices, digits, 4)
    first = Recorder(4, interrupt_after=2)
    with pytest.raises(Interrupted):
        ImageClassifier().train(recipe(choices), *digits, first)
    assert first.state is not None
    assert all(isinstance(array, np.ndarray) for array in first.state.values())
    rest = train(choices, digits, 4, checkpoint=(2, first.state))
    assert numbers(first.reports + rest.reports) == numbers(whole.reports)
    for name, array in whole.weights[-1].items():
        np.testing.assert_array_equal(rest.weights[-1][name], array, name)


def test_a_training_does_not_affect_the_next_one(digits: Parts) -> None:
    choices = {**SMALL, "regularize": {"dropout": True}, "augment": {"rotation": True}}
    fresh = train(choices, digits)
    torch.manual_seed(99)
    random, threads = torch.get_rng_state(), torch.get_num_threads()
    train({"model": "cnn", "init": "orthogonal"}, digits, 1, seed=3, threads=2)
    assert torch.equal(torch.get_rng_state(), random)
    assert torch.get_num_threads() == threads
    assert numbers(train(choices, digits).reports) == numbers(fresh.reports)


def test_another_seed_gives_another_training(digits: Parts) -> None:
    assert numbers(train(SMALL, digits, seed=1).reports) != numbers(train(SMALL, digits, seed=2).reports)


@pytest.mark.parametrize(
    "choices",
    [
        SMALL,
        {**SMALL, "averaging": "ema"},
        {"model": {"name": "cnn", "channels": 4}, "regularize": {"fractional_max_pooling": True}},
        {**SMALL, "test_augment": {"five_crops": {"ratio": 0.8}}},
    ],
)
def test_a_loaded_model_predicts_as_the_trained_one(choices: dict[str, Any], digits: Parts) -> None:
    recorder, trainable = train(choices, digits), ImageClassifier()
    assert recorder.model is not None
    loaded = trainable.load(recipe(choices), recorder.weights[-1], digits[0].info)
    outputs = loaded.predict(digits[1])
    assert outputs.shape == (200, 10)
    np.testing.assert_array_equal(outputs, recorder.model.predict(digits[1]))
    truth = digits[1].targets[digits[1].rows]
    scores = trainable.score(outputs, truth)
    assert {f"validation/{name}": value for name, value in scores.items()}.items() <= (
        recorder.reports[-1].items()
    )


@pytest.mark.parametrize(("model", "passes"), [("cnn", 3), ("mlp", 1)])
def test_predictions_are_averaged_only_where_they_differ(model: str, passes: int, digits: Parts) -> None:
    choices = {"model": model, "regularize": {"fractional_max_pooling": {"samples": 3}}}
    recorder, seen = train(choices, digits, 1), []
    assert isinstance(recorder.model, Classifier)
    recorder.model.network.register_forward_hook(lambda *_: seen.append(1))
    recorder.model.predict(digits[1])
    assert len(seen) == passes


def test_three_lines_train_well(digits: Parts) -> None:
    choices = {"model": "mlp", "epochs": 15, "batch_size": 32}
    assert train(choices, digits, 15).reports[-1]["validation/accuracy"] > 0.88


def test_every_promised_metric_is_reported(digits: Parts) -> None:
    report = train(SMALL, digits, 1).reports[-1]
    validation = {f"validation/{metric.name}" for metric in ImageClassifier.metrics}
    # Of the training rows, labels are kept and no probabilities.
    ranked = {"log_loss", "roc_auc", "average_precision", "calibration_error"}
    training = {f"train/{metric.name}" for metric in ImageClassifier.metrics if metric.name not in ranked}
    names = {"loss", "accuracy", "error", "balanced_accuracy", *ranked}
    names |= {f"macro_{score}" for score in ("f1", "precision", "recall")}
    assert {f"validation/{name}" for name in names} == validation
    sizes = {"learning_rate", "gradient_norm", "update_ratio", "images_per_second", "peak_memory"}
    sizes |= {"parameters", "seconds_per_example"}
    assert set(report) == validation | training | sizes
    assert all(math.isfinite(value) for value in report.values())


def test_the_validation_part_does_not_affect_the_training(digits: Parts) -> None:
    train_part, validation = digits
    poisoned = train_part.inputs.copy()
    poisoned[validation.rows] = 255
    choices = {**SMALL, "preprocessing": "channel_mean_std"}
    clean = train(choices, digits)
    dirty = train(choices, (replace(train_part, inputs=poisoned), replace(validation, inputs=poisoned)))
    assert clean.reports[-1]["train/loss"] == dirty.reports[-1]["train/loss"]
    for name, array in clean.weights[-1].items():
        np.testing.assert_array_equal(dirty.weights[-1][name], array, name)


def test_streamed_images_give_the_same_results_as_held_ones(
    digits: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = train(SMALL, digits)
    monkeypatch.setattr(images, "HELD_BYTES", 0)
    assert numbers(train(SMALL, digits).reports) == numbers(held.reports)


def test_shared_images_are_only_read(digits: Parts) -> None:
    inputs = digits[0].inputs.copy()
    inputs.flags.writeable = False
    train({**SMALL, "augment": {"rotation": True}}, tuple(replace(part, inputs=inputs) for part in digits), 1)


def test_a_diverging_training_reports_it(digits: Parts) -> None:
    choices = {"model": MLP, "optimizer": "sgd", "loss": "mean_squared_error", "learning_rate": 100.0}
    choices["init"] = "auto"  # whose larger first weights diverge at once
    report = train(choices, digits, 3).reports[-1]
    assert all(math.isnan(report[f"validation/{metric.name}"]) for metric in ImageClassifier.metrics)


def test_early_stopping_keeps_the_best_epoch_and_ends_the_work(digits: Parts) -> None:
    choices = {**SMALL, "learning_rate": 0.5, "regularize": {"early_stopping": {"patience": 1}}}
    recorder = train(choices, digits, 12)
    losses = [report["validation/loss"] for report in recorder.reports]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] == losses[-2]
    np.testing.assert_array_equal(
        recorder.weights[-1]["network/1.0.weight"], recorder.weights[-2]["network/1.0.weight"]
    )


def test_images_are_resized_for_training_and_for_test(digits: Parts) -> None:
    choices = {"model": {"name": "cnn", "channels": 4}, "image_size": 12, "test_size": 16}
    recorder = train(choices, digits, 1)
    assert recorder.model is not None
    assert recorder.model.images(digits[1]).raw(torch.tensor([0, 1])).shape == (2, 1, 16, 16)  # type: ignore[attr-defined]


def test_a_mean_image_is_resized_with_the_images(digits: Parts) -> None:
    choices = {"model": {"name": "cnn", "channels": 4}, "preprocessing": "mean_image", "image_size": 12}
    assert math.isfinite(train(choices, digits, 1).reports[-1]["validation/loss"])


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"model": "mlp", "test_size": 12}, "test_size: mlp takes images of one size, 8 x 8"),
        ({"model": "vit", "image_size": 12, "test_size": 16}, "test_size: vit takes images of one size"),
        ({"preprocessing": {"name": "whitening", "over": "pixels"}, "image_size": 12}, "preprocessing.over"),
        ({"model": {"name": "cnn", "padding": 0, "kernel": 7}}, "leave nothing of an image of 8 x 8"),
    ],
)
def test_recipes_that_do_not_fit_the_images_are_refused(
    choices: dict[str, Any], message: str, digits: Parts
) -> None:
    with pytest.raises(UserError, match=message):
        train(choices, digits, 1)


def test_bfloat16_trains_as_well_as_float32(digits: Parts) -> None:
    half, single = (
        train({**SMALL, "precision": precision}, digits, 8).reports[-1]["validation/accuracy"]
        for precision in ("bfloat16", "float32")
    )
    assert half > 0.6
    assert abs(half - single) < 0.05


def test_the_last_batch_never_has_a_single_example(digits: Parts) -> None:
    choices = {**SMALL, "normalization": "batch_norm", "batch_size": 23}  # 300 = 13 * 23 + 1
    assert math.isfinite(train(choices, digits, 1).reports[-1]["train/loss"])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_requested_gpu_that_is_missing_is_refused(digits: Parts) -> None:
    with pytest.raises(UserError, match="no GPU"):
        train(SMALL, digits, 1, device="cuda")
