"""Checks on a GPU: everything trains, with the results of a CPU, and leaves nothing behind."""

from __future__ import annotations

import math
from collections.abc import Mapping
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer

from hpo.core.errors import UserError
from hpo.core.grammar import Group
from hpo.core.recipe import Recipe
from hpo.core.trainable import DataInfo, Examples
from hpo.running.memory_release import release_memory
from hpo.spec import read_spec
from tests.trainables.augmentation.cases import CLASSES, SHAPES, bytes_like, resolve, seeded
from tests.trainables.recorder import TIMED, Interrupted, Recorder, recipe, train
from trainables import augmentation, images
from trainables.image_classifier import ImageClassifier
from trainables.parts.activation import ACTIVATION
from trainables.parts.augmentation import AUGMENT
from trainables.parts.averaging import AVERAGING
from trainables.parts.loss import LOSS
from trainables.parts.normalization import NORMALIZATION
from trainables.parts.optimizer import OPTIMIZER
from trainables.parts.preprocessing import PREPROCESSING
from trainables.parts.regularize import REGULARIZE

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU here")

Parts = tuple[Examples, Examples]
CNN = {"name": "cnn", "channels": 8, "stages": 2}
TRAINED = 40
ROWS = [
    (group, part.name)
    for group in (ACTIVATION, AVERAGING, LOSS, NORMALIZATION, OPTIMIZER, PREPROCESSING, REGULARIZE)
    for part in group.parts
]
MODELS: dict[str, Any] = {
    "mlp": {"name": "mlp", "depth": 1, "width": 32},
    "cnn": CNN,
    "resnet": {"name": "resnet", "width": 8, "stages": 2, "blocks": 1},
    "vit": {"name": "vit", "width": 32, "depth": 2, "heads": 2, "patch": 2},
}


def losses(recorder: Recorder) -> list[float]:
    return [report["train/loss"] for report in recorder.reports]


@pytest.mark.parametrize("augment", [{}, {"random_crop": {"padding": 1}, "rotation": True, "mixup": True}])
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_a_curve_agrees_with_the_cpu(model: Any, augment: dict[str, Any], digits: Parts) -> None:
    choices = {"model": model, "augment": augment, "batch_size": 50}
    cpu, gpu = train(choices, digits, 4), train(choices, digits, 4, device="cuda")
    # Weights, batches and augmentation are drawn alike; rounding differs.
    np.testing.assert_allclose(losses(gpu), losses(cpu), rtol=0.02)
    accuracies = [r.reports[-1]["validation/accuracy"] for r in (cpu, gpu)]
    assert abs(accuracies[0] - accuracies[1]) < 0.05


@pytest.mark.parametrize(("group", "name"), ROWS, ids=[f"{group.name}.{name}" for group, name in ROWS])
def test_every_part_trains_on_a_gpu(group: Group, name: str, digits: Parts) -> None:
    choices: dict[str, Any] = {"model": CNN, "batch_size": 50, "learning_rate": 1e-3}
    choices[group.name] = {name: True} if group.many else name
    cpu, gpu = train(choices, digits, 2), train(choices, digits, 2, device="cuda")
    # What a part draws inside of the network, such as a mask, is drawn by the device.
    np.testing.assert_allclose(losses(gpu), losses(cpu), rtol=0.25, atol=0.02)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", [n for n in AUGMENT.names if n not in ("repeated_augmentation", "mimo")])
def test_augmentation_changes_the_same_images_the_same_way(name: str, shape: tuple[int, int, int]) -> None:
    change = augmentation.build(resolve(**{name: True}), shape, CLASSES)
    assert change is not None
    before, labels = bytes_like(48, shape), torch.arange(48) % CLASSES
    there, targets = change(before.cuda(), labels.cuda(), seeded())
    here, known = change(before, labels, seeded())
    assert there.device.type == targets.device.type == "cuda"
    # Where rounding decides between two bytes, or on which side of an edge a pixel lies, few differ.
    assert ((there.cpu() - here).abs() > 1.5 / 255).float().mean() < 0.01
    torch.testing.assert_close(targets.cpu(), known)


@pytest.mark.parametrize("place", range(TRAINED))
def test_recipes_drawn_from_everything_train(place: int, digits: Parts) -> None:
    spec = read_spec("everything")
    fields, recorder = spec.recipe_of(spec.space.sample(Random(2000 + place))), Recorder(1, device="cuda")
    train_part, validation = digits
    few = Examples(train_part.inputs, train_part.targets, train_part.rows[:96], train_part.info)
    ImageClassifier().train(Recipe(fields), few, validation, recorder)
    scored = [recorder.reports[0][f"validation/{name}"] for name in ("loss", "accuracy", "macro_f1")]
    assert all(map(math.isfinite, scored)) or all(map(math.isnan, scored))


@pytest.mark.parametrize(
    "choices",
    [
        {"optimizer": "adamw", "regularize": {"dropout": {"p": 0.3}}},
        {"optimizer": "momentum", "averaging": {"name": "swa", "start": 0.3}},
        {"model": CNN, "averaging": "ema", "augment": {"random_crop": True, "mixup": True}},
    ],
)
def test_a_resumed_training_equals_an_undisturbed_one(choices: dict[str, Any], digits: Parts) -> None:
    whole = train(choices, digits, 4, device="cuda")
    first = Recorder(4, interrupt_after=2, device="cuda")
    with pytest.raises(Interrupted):
        ImageClassifier().train(recipe(choices), *digits, first)
    assert first.state is not None
    assert all(isinstance(array, np.ndarray) for array in first.state.values())
    rest = train(choices, digits, 4, checkpoint=(2, first.state), device="cuda")
    for report, known in zip(first.reports + rest.reports, whole.reports, strict=True):
        # Sums on a GPU are in no fixed order.
        assert {k: v for k, v in report.items() if k not in TIMED} == pytest.approx(
            {k: v for k, v in known.items() if k not in TIMED}, rel=0.02, abs=0.02
        )


@pytest.mark.parametrize("choices", [{}, {"augment": {"rotation": True}}, {"model": CNN, "averaging": "swa"}])
def test_images_that_do_not_fit_are_streamed(
    choices: Mapping[str, Any], digits: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    resident = train(choices, digits, device="cuda")
    monkeypatch.setattr(images.Images, "_fits_on", lambda self, device: False)
    np.testing.assert_allclose(losses(train(choices, digits, device="cuda")), losses(resident), rtol=0.01)
    monkeypatch.setattr(images, "HELD_BYTES", 0)
    np.testing.assert_allclose(losses(train(choices, digits, device="cuda")), losses(resident), rtol=0.01)


def test_a_model_trained_on_a_gpu_is_loaded_on_a_cpu(digits: Parts) -> None:
    choices = {"model": CNN, "normalization": "batch_norm"}
    recorder = train(choices, digits, device="cuda")
    assert recorder.model is not None
    loaded = ImageClassifier().load(recipe(choices), recorder.weights[-1], digits[0].info)
    np.testing.assert_allclose(loaded.predict(digits[1]), recorder.model.predict(digits[1]), atol=0.02)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_bfloat16_trains_on_a_gpu(model: Any, digits: Parts) -> None:
    choices = {"model": model, "batch_size": 50}
    full = train(choices, digits, 5, device="cuda")
    half = train({**choices, "precision": "bfloat16"}, digits, 5, device="cuda")
    np.testing.assert_allclose(losses(half), losses(full), rtol=0.1)


@pytest.mark.filterwarnings("ignore:.*script_method:DeprecationWarning")
def test_a_compiled_network_trains_equally(digits: Parts) -> None:
    choices = {"model": CNN, "batch_size": 50, "precision": "bfloat16"}
    plain = train(choices, digits, 3, device="cuda")
    compiled = train({**choices, "compile": True}, digits, 3, device="cuda")
    np.testing.assert_allclose(losses(compiled), losses(plain), rtol=0.1)


def test_tables_train_on_a_gpu() -> None:
    found = load_breast_cancer()
    info = DataInfo("table", "classification", (30,), ("malignant", "benign"), tuple(found.feature_names))
    order = np.random.default_rng(0).permutation(len(found.data)).astype(np.int64)
    inputs, targets = found.data.astype(np.float32), found.target.astype(np.int64)
    parts = tuple(Examples(inputs, targets, rows, info) for rows in (order[:400], order[400:]))
    cpu, gpu = (train({}, parts, 4, "tabular", device=device) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(losses(gpu), losses(cpu), rtol=0.02)


def test_a_training_does_not_affect_the_next_one(digits: Parts) -> None:
    torch.cuda.manual_seed(99)
    random = torch.cuda.get_rng_state()
    peaks = []
    for width in (4096, 16):
        recorder = train({"model": {"name": "mlp", "depth": 2, "width": width}}, digits, 1, device="cuda")
        peaks.append(recorder.reports[0]["peak_memory"])
        del recorder
        release_memory()
    assert torch.equal(torch.cuda.get_rng_state(), random)
    assert peaks[1] < peaks[0] / 4  # what the libraries hold stays


def test_insufficient_gpu_memory_is_a_clear_failure(digits: Parts) -> None:
    torch.cuda.set_per_process_memory_fraction(0.01)
    try:
        with pytest.raises(torch.OutOfMemoryError, match="CUDA out of memory"):
            train({"model": {"name": "mlp", "depth": 3, "width": 16384}}, digits, 1, device="cuda")
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert math.isfinite(train({"model": CNN}, digits, 1, device="cuda").reports[0]["train/loss"])


def test_an_unknown_gpu_is_refused(digits: Parts) -> None:
    with pytest.raises(UserError, match="legal: cpu, cuda"):
        train({"model": CNN}, digits, 1, device="mps")
