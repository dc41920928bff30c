"""Conflicting choices are a fault if all points have them, and a warning if some do."""

from typing import Any

import pytest

from hpo.core.errors import InvalidSpec
from hpo.spec import parse_spec
from hpo.spec.recipe_points import flat
from hpo.spec.warmup_steps import unread_warning
from trainables.parts.conflicts import LOSS_OF_CLASSES, LOSS_OF_VALUES
from trainables.registry import SHIPPED, TABULAR

RATE = {"learning_rate": {"loguniform": [0.001, 0.1]}}
ALONE = {"batch_size": 1, "normalization": "batch_norm", "model": "mlp"}


def asked(recipe: Any = None, space: Any = None, trainable: str = "image_classifier", **more: Any) -> Any:
    document = {
        "version": 1,
        "data": {"source": "digits"},
        "trainable": trainable,
        "recipe": recipe or {},
        "space": space or RATE,
        "scheduler": {"max_epochs": 3},
        "budget": {"trials": 2},  # so few that no space is too small for them
    }
    return parse_spec({**document, **more})


@pytest.mark.parametrize("trainable", ["image_classifier", "tabular"])
@pytest.mark.parametrize("norm", ["batch_norm", "decorrelated_batch_norm"])
def test_a_fixed_recipe_that_cannot_be_trained_is_a_fault(trainable: str, norm: str) -> None:
    with pytest.raises(InvalidSpec, match=r"recipe.batch_size: batch_size: 1 .*normalization") as caught:
        asked({**ALONE, "normalization": norm}, trainable=trainable)
    assert len(caught.value.faults) == 1


@pytest.mark.parametrize(
    ("recipe", "space", "place"),
    [
        ({"model": "mlp", "normalization": "batch_norm"}, {"batch_size": {"choice": [1]}}, "batch_size"),
        (
            {"model": "mlp", "batch_size": 1},
            {"normalization": {"choice": ["batch_norm", "decorrelated_batch_norm"]}},
            "normalization",
        ),
    ],
)
def test_a_space_without_a_trainable_point_is_a_fault(recipe: Any, space: Any, place: str) -> None:
    with pytest.raises(InvalidSpec, match="batch_size of at least 2"):
        asked(recipe, space)


SEVERAL = {"batch_size": {"lograndint": [1, 512]}, "normalization": {"choice": ["batch_norm", "none"]}}


def test_untrainable_points_give_a_warning_unless_forbidden() -> None:
    (warning,) = asked({"model": "mlp"}, SEVERAL).warnings
    assert "batch_size: 1 leaves a normalization" in warning
    assert "add them to forbid" in warning
    for clause in (
        {"batch_size": 1, "normalization": "batch_norm"},
        {"batch_size": {"high": 3}},
        {"normalization": "batch_norm"},
    ):
        assert asked({"model": "mlp"}, SEVERAL, forbid=[clause]).warnings == ()


@pytest.mark.parametrize(
    ("recipe", "space"),
    [
        ({**ALONE, "batch_size": 2}, None),
        ({**ALONE, "normalization": "layer_norm"}, None),
        ({**ALONE, "normalization": "auto"}, None),
        ({**ALONE, "model": {"name": "mlp", "depth": 0}}, None),
        ({**ALONE, "model": "resnet"}, None),
        ({"model": "mlp", "normalization": "batch_norm"}, {"batch_size": {"randint": [2, 64]}}),
        (
            {"model": "mlp"},
            {
                "normalization": {"choice": ["batch_norm", "none"]},
                "batch_size": {"choice": [1, 2], "when": {"normalization": "none"}},
            },
        ),
    ],
)
def test_trainable_recipes_give_no_warning(recipe: Any, space: Any) -> None:
    assert asked(recipe, space).warnings == ()


POOLED = {"regularize": {"fractional_max_pooling": True}}
MAYBE = {"regularize.fractional_max_pooling": {"choice": [True, False]}}


@pytest.mark.parametrize(
    ("recipe", "space", "warned"),
    [
        ({**POOLED, "model": "mlp"}, None, True),
        ({**POOLED, "model": "cnn"}, None, False),
        ({"model": "resnet"}, MAYBE, True),
        (POOLED, {"model": {"choice": ["mlp", "vit"]}}, True),
        (POOLED, {"model": {"choice": ["mlp", "cnn"]}}, False),
        ({}, {"model": {"choice": ["mlp", "cnn"]}, **MAYBE}, False),
        ({"regularize": {"fractional_max_pooling": False}, "model": "mlp"}, None, False),
    ],
)
def test_poolings_missing_from_every_model_are_refused(recipe: Any, space: Any, warned: bool) -> None:
    if not warned:
        assert asked(recipe, space).warnings == ()
        return
    with pytest.raises(InvalidSpec, match="replaces the poolings of cnn"):
        asked(recipe, space)


WITHOUT_EFFECT = [
    ({"model": "mlp", "regularize": {"stochastic_depth": True}}, "skips residual blocks, which mlp and cnn"),
    ({"model": "torchvision", "activation": "gelu"}, "a library's model has its own activations"),
    ({"model": "timm", "normalization": "layer_norm"}, "a library's model has its own normalization"),
    ({"warmup": {"name": "epochs", "length": 10}}, "is longer than the training"),
    ({"transfer": {"name": "last_stages", "stages": 2}}, "transfer: has no weights to start from"),
]


@pytest.mark.parametrize(("recipe", "reason"), WITHOUT_EFFECT)
def test_choices_without_effect_are_refused_and_recorded_ones_give_a_warning(
    recipe: Any, reason: str
) -> None:
    with pytest.raises(InvalidSpec, match=reason) as refused:
        asked(recipe)
    assert refused.value.faults[0].path.startswith("recipe.")
    document = asked({}).document
    (warning,) = parse_spec({**document, "recipe": recipe}).warnings
    assert reason in warning


def test_balanced_batches_are_refused_without_classes() -> None:
    asked({"sampling": "balanced"}, trainable="tabular", data={"source": "wine"})
    regression = {"trainable": "tabular", "data": {"source": "diabetes"}, "objective": {"metric": "r2"}}
    with pytest.raises(InvalidSpec, match="a regression has no classes; legal: shuffled") as refused:
        asked({"sampling": "balanced"}, **regression)
    assert refused.value.faults[0].path == "recipe.sampling"
    plateau = {"schedule": {"name": "plateau", "metric": "error"}}
    with pytest.raises(InvalidSpec, match=r"schedule\.metric: error is the share of wrong classes"):
        asked(plateau, **regression)
    assert asked(plateau).warnings == ()
    sampled = {**RATE, "sampling": {"choice": ["shuffled", "balanced"]}}
    assert "a regression has no classes" in asked({}, sampled, **regression).warnings[0]


def test_a_loss_of_the_other_task_is_refused_instead_of_ignored() -> None:
    table = {"trainable": "tabular", "data": {"source": "wine"}}
    regression = {"trainable": "tabular", "data": {"source": "diabetes"}, "objective": {"metric": "r2"}}
    with pytest.raises(
        InvalidSpec, match=r"loss: has an effect only in a classification; .* huber"
    ) as refused:
        asked({"loss": "mean_absolute_error"}, **regression)
    assert refused.value.faults[0].path == "recipe.loss"
    with pytest.raises(InvalidSpec, match=r"regression_loss: has an effect only in a regression, .* or r2;"):
        asked({"regression_loss": "huber"}, **table)
    assert asked({"loss": "focal"}, **table).warnings == ()
    assert asked({"regression_loss": "huber"}, **regression).warnings == ()
    document = asked({}, **regression).document
    (warning,) = parse_spec({**document, "recipe": {"loss": "focal"}}).warnings
    assert "loss: has an effect only in a classification" in warning


def test_the_objectives_of_both_tasks_are_those_of_the_trainable() -> None:
    metrics = {task: tuple(metric.name for metric in found) for task, found in TABULAR.tasks.items()}
    assert metrics == {"classification": LOSS_OF_VALUES.metrics, "regression": LOSS_OF_CLASSES.metrics}


def test_a_warmup_too_long_for_some_trials_gives_a_warning() -> None:
    lengths = {"warmup.length": {"choice": [1, 3, 20]}}
    (warning,) = asked({"warmup": "epochs"}, lengths).warnings
    assert "is longer than the training" in warning
    assert asked({"warmup": {"name": "epochs", "length": 3}}).warnings == ()


def test_the_fault_is_at_the_choice_that_has_no_effect() -> None:
    for recipe, reason in WITHOUT_EFFECT:
        with pytest.raises(InvalidSpec) as refused:
            asked(recipe)
        (fault,) = refused.value.faults
        assert fault.path == f"recipe.{fault.message.split(':')[0]}", reason


def warmed(length: int, **more: Any) -> Any:
    return asked({"batch_size": 100, "warmup": {"name": "steps", "length": length}}, **more)


def test_a_warmup_in_steps_is_compared_with_the_rows_of_a_shipped_data_set() -> None:
    # 1,438 rows without 20 % for validation: 3 epochs of 12 batches of 100.
    assert warmed(36).warnings == ()
    with pytest.raises(
        InvalidSpec, match=r"the training, which has 36 steps at most .*; legal: fewer"
    ) as long:
        warmed(37)
    assert long.value.faults[0].path == "recipe.warmup.length"
    with pytest.raises(InvalidSpec, match="has 6 steps at most"):
        warmed(7, data={"source": "wine"}, trainable="tabular")
    halves = {"source": "digits", "validation": {"search": 0.25, "final": 0.25}}
    with pytest.raises(InvalidSpec, match="has 24 steps at most"):
        warmed(25, data=halves)
    (warning,) = asked(
        {"batch_size": 100, "warmup": "steps"}, {"warmup.length": {"choice": [5, 50]}}
    ).warnings
    assert warning.endswith("some trials can draw that")


def test_a_recorded_warmup_that_is_too_long_gives_a_warning() -> None:
    document = warmed(36).document
    longer = {**document["recipe"], "warmup": {"name": "steps", "length": 37}}
    (warning,) = parse_spec({**document, "recipe": longer}).warnings
    assert warning.startswith("warmup.length: is longer than the training, which has 36 steps at most")


def test_a_warmup_in_steps_waits_for_data_whose_rows_are_not_known() -> None:
    folder = {"source": "image_folder", "arguments": {"root": "images"}}
    waiting = warmed(10_000_000, data=folder)
    assert waiting.warnings == ()
    assert "hpo check --data" in (unread_warning(waiting) or "")
    assert unread_warning(warmed(36)) is None
    assert unread_warning(asked({"warmup": "epochs"}, data=folder, scheduler={"max_epochs": 9})) is None


@pytest.mark.parametrize("trainable", SHIPPED.values(), ids=SHIPPED)
def test_every_conflict_names_fields_of_a_recipe(trainable: Any) -> None:
    complete = flat(trainable.grammar, trainable.grammar.resolve({}))
    for clash in trainable.conflicts:
        assert {name for name, _ in clash.when} <= set(trainable.grammar.slots)
        assert not clash.applies(complete)
        for name, predicate in clash.when:
            for value in getattr(predicate, "values", ()):
                assert trainable.grammar.slots[name].hyperparameter.complaint(value) is None
