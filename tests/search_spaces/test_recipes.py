"""The published recipes agree with their table, row by row; where it differs, with the authors' code."""

from collections.abc import Mapping
from typing import Any

import pytest

from hpo.core.recipe import Recipe
from hpo.spec import read_spec
from hpo.spec.builtin import recipes
from hpo.spec.interface import shipped
from hpo.spec.recipe_files import read_recipe
from trainables.optimization import optimizers, schedules

NAMES = ("resnet", "pytorch", "fixres", "deit", "fams", "a1", "a2", "a3")
TABLE: Mapping[str, tuple[Any, ...]] = {
    "image_size": (224, 224, 224, 224, 224, 224, 224, 160),
    "test_size": (224,) * 8,
    "epochs": (90, 90, 120, 300, 400, 600, 300, 100),
    "batch_size": (256, 256, 512, 1024, 1024, 2048, 2048, 2048),
    "optimizer.name": ("momentum", "momentum", "momentum", "adamw", "nesterov", "lamb", "lamb", "lamb"),
    "learning_rate": (0.1, 0.1, 0.16, 1e-3, 2.0, 5e-3, 5e-3, 8e-3),
    "schedule.name": ("step", "step", "step", "cosine", "step", "cosine", "cosine", "cosine"),
    "schedule.factor": (0.1, 0.1, 0.1, None, 0.02 ** (1 / 400), None, None, None),
    "schedule.every": (30, 30, 30, None, 1, None, None, None),
    "regularize.weight_decay.rate": (1e-4, 1e-4, 1e-4, 0.05, 1e-4, 0.01, 0.02, 0.02),
    "regularize.weight_decay.norms_and_biases": (*(True,) * 3, False, True, *(False,) * 3),
    "warmup.length": (None, None, None, 5, 5, 5, 5, 5),
    "loss.label_smoothing": (0, 0, 0, 0.1, 0.1, 0.1, 0, 0),
    "regularize.stochastic_depth.p": (None, None, None, 0.1, None, 0.05, 0.05, None),
    "augment.repeated_augmentation.repeats": (None, None, 3, 3, None, 3, 3, None),
    "augment.horizontal_flip.p": (0.5,) * 8,
    "augment.random_resized_crop.scale": (None, *(0.08,) * 7),
    "augment.rand_augment_increasing.magnitude": (None, None, None, 9, None, 7, 7, 6),
    "augment.rand_augment_increasing.magnitude_std": (None, None, None, 0.5, None, 0.5, 0.5, 0.5),
    "augment.auto_augment.policy": (None, None, None, None, "efficientnet", None, None, None),
    "augment.mixup.alpha": (None, None, None, 0.8, 0.2, 0.2, 0.1, 0.1),
    "augment.cutmix.alpha": (None, None, None, 1.0, None, 1.0, 1.0, 1.0),
    "augment.random_erasing.p": (None, None, None, 0.25, None, None, None, None),
    "augment.color_jitter.brightness": (None, None, 0.3, None, None, None, None, None),
    "augment.color_jitter.contrast": (None, None, 0.3, None, None, None, None, None),
    "augment.color_jitter.saturation": (None, None, 0.3, None, None, None, None, None),
    "augment.random_erasing.fill": (None, None, None, "normal", None, None, None, None),
    "loss.target_threshold": (*(None,) * 6, 0.2, 0.2),
    "schedule.floor": (None, None, None, 1e-2, None, 2e-4, 2e-4, 1.25e-4),
    "warmup.start": (None, None, None, 1e-3, 0.1, 0.02, 0.02, 0.0125),
    "augment.pca_lighting.std": (0.1, None, None, None, 0.1, None, None, None),
    "averaging.name": ("none", "none", "none", "none", "ema", "none", "none", "none"),
    "averaging.decay": (None, None, None, None, (1 - 1e-5 * 1024 / 400 * 32) ** (1 / 32), None, None, None),
    "test_augment.center_crop.ratio": (0.875, 0.875, 0.875, 0.875, 0.875, 0.95, 0.95, 0.95),
    "augment.interpolation": (None, None, None, "bicubic", None, *("bicubic",) * 3),
    "test_augment.interpolation": (None, None, None, "bicubic", None, *("bicubic",) * 3),
    "regularize.dropout.p": (None,) * 8,
    "gradient_clipping.name": ("none",) * 8,
    "loss.name": (*("cross_entropy",) * 5, *("binary_cross_entropy",) * 3),
    "precision": (*("float32",) * 3, *("bfloat16",) * 5),
}
FORWARD_PASSES = (450_000, 450_000, 300_000, 375_000, 500_000, 375_000, 188_000, 63_000)
TOP_1 = (0.753, 0.761, 0.770, 0.784, 0.795, 0.804, 0.798, 0.781)


def test_all_published_recipes_ship() -> None:
    assert sorted(recipes()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_agrees_with_the_table(name: str) -> None:
    column = NAMES.index(name)
    file = read_recipe(recipes()[name])
    resolved = Recipe(shipped()[file.trainable].grammar.resolve(file.recipe)).flat()
    wanted = {row: values[column] for row, values in TABLE.items()}
    assert {row: resolved.get(row) for row in wanted} == {
        row: pytest.approx(value) if isinstance(value, float) else value for row, value in wanted.items()
    }
    assert file.provenance["forward_passes"] == FORWARD_PASSES[column]
    assert file.provenance["top_1"] == TOP_1[column]


DECAYS = {"step": lambda t: 0.1 ** (t // 30), "fams": lambda t: 0.02 ** (t / 400)}


@pytest.mark.parametrize("name", ["resnet", "pytorch", "fixres", "fams"])
def test_the_learning_rate_falls_as_in_the_table(name: str) -> None:
    column, steps = NAMES.index(name), 10
    file = read_recipe(recipes()[name])
    resolved = shipped()[file.trainable].grammar.resolve(file.recipe)
    epochs, highest = TABLE["epochs"][column], TABLE["learning_rate"][column]
    warm = TABLE["warmup.length"][column] or 0
    rate = schedules.build(resolved, optimizers.base_learning_rate(resolved), steps, epochs)
    for epoch in range(warm, epochs):
        expected = highest * DECAYS.get(name, DECAYS["step"])(epoch - warm)
        assert rate.at(steps * epoch) == pytest.approx(expected), epoch


@pytest.mark.parametrize("name", NAMES)
def test_nothing_else_is_switched_on(name: str) -> None:
    rows = {row.split(".")[1] for row in TABLE if row.count(".") == 2} | {
        "scale_jitter",
        "strength",
        "original_pixels",
        "interpolation",
    }
    file = read_recipe(recipes()[name])
    resolved = shipped()[file.trainable].grammar.resolve(file.recipe)
    on = {part for group in ("augment", "regularize", "test_augment") for part in resolved[group]}
    assert on <= rows
    assert ("scale_jitter" in on) == (name == "resnet")


@pytest.mark.parametrize("name", NAMES)
def test_a_space_starts_from_a_recipe_in_one_line(name: str) -> None:
    spec = read_spec("digits", [f"start_from=[{name}]"])
    assert len(spec.start_from) == 1
    assert not spec.space.complaints(spec.start_from[0])
    assert any(name in warning for warning in spec.warnings)
