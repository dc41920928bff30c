"""An ablation: the components of a recipe that can be switched off, and the search that does it."""

from pathlib import Path

import pytest

from hpo.core.errors import InvalidSpec, UserError
from hpo.spec.ablation import ablation_document, components
from hpo.spec.recipe_files import RecipeFile, read_recipe
from trainables.registry import IMAGE_CLASSIFIER

FILE = Path("mine.yaml")
RECIPES = Path(__file__).resolve().parents[2] / "search_spaces" / "recipes"
RECIPE = {
    "epochs": 9,
    "model": {"name": "mlp", "depth": 1},
    "normalization": "batch_norm",
    "loss": {"name": "cross_entropy", "label_smoothing": 0.1},
    "optimizer": {"name": "momentum", "momentum": 0.5},
    "schedule": {"name": "cosine", "floor": 0.01},
    "regularize": {"dropout": {"p": 0.2}},
    "augment": {"strength": 0.5, "rotation": {"degrees": 7}, "mixup": True},
}
PROVENANCE = {"search": "digits-1", "data": {"source": "digits"}, "objective": {"metric": "accuracy"}}


def named(recipe):
    return [(each.name, each.on, each.off) for each in components(IMAGE_CLASSIFIER.grammar, recipe)]


def test_every_component_that_is_on_can_be_switched_off():
    assert named(RECIPE) == [
        ("normalization", "batch_norm", "none"),
        ("loss.label_smoothing", 0.1, 0.0),
        ("schedule", "cosine", "constant"),
        ("schedule.floor", 0.01, 0.0),
        ("regularize.dropout", True, False),
        ("preprocessing", "channel_mean_std", "none"),
        ("augment.rotation", True, False),
        ("augment.mixup", True, False),
    ]


def test_disabled_components_are_left_out():
    bare = {"normalization": "none", "schedule": "constant", "preprocessing": "none"}
    assert named(bare) == []
    assert named({**bare, "activation": "tanh", "optimizer": "lamb"}) == [("activation", "tanh", "relu")]


def of(recipe=None, provenance=None, **options):
    file = RecipeFile("image_classifier", recipe or RECIPE, PROVENANCE if provenance is None else provenance)
    return ablation_document(file, FILE, **{"seeds": 3, **options})


def test_the_search_tries_only_the_recipe_and_its_variants():
    spec = of()
    whole, *variants = (spec.recipe_of(point) for point in spec.start_from)
    assert whole == IMAGE_CLASSIFIER.grammar.resolve(RECIPE)
    assert len(variants) == 8 == spec.budget.trials - 1
    assert variants[0] == {**whole, "normalization": {"name": "none"}}
    assert variants[3]["schedule"] == {"name": "cosine", "floor": 0.0}
    assert "rotation" not in variants[6]["augment"]
    assert variants[6]["augment"]["mixup"] == whole["augment"]["mixup"]
    assert (spec.name, spec.horizon, spec.scheduler.rungs) == ("ablate-digits-1", 9, ())
    assert (spec.finalists.count, spec.finalists.seeds) == (9, 3)
    assert spec.data.source == "digits"


def test_components_can_be_selected():
    spec = of(only=["augment.mixup", "schedule"])
    assert [sorted(point) for point in spec.start_from] == [["augment.mixup", "schedule"]] * 3
    assert [point["schedule"] for point in spec.start_from] == ["cosine", "constant", "cosine"]


def test_a_disabled_component_is_refused_and_the_others_are_listed():
    with pytest.raises(UserError, match=r"augment.cutmix: not used by mine.yaml; legal: .*augment.mixup"):
        of(only=["augment.cutmix"])
    with pytest.raises(UserError, match="nothing in this recipe can be switched off"):
        of({"normalization": "none", "schedule": "constant", "preprocessing": "none"})


def test_other_variants_are_points_of_their_own():
    others = [
        "optimizer=adamw,learning_rate=0.001",
        "augment.mixup=false,augment.rotation=false",
        "regularize.dropout.p=0.5",
        "averaging=ema,averaging.decay=0.9",
        "schedule=constant",  # also a component
    ]
    spec = of({**RECIPE, "learning_rate": 0.1}, others=others)
    whole, *variants = (spec.recipe_of(point) for point in spec.start_from)
    assert len(variants) == 8 + 4 == spec.budget.trials - 1 == spec.finalists.count - 1
    assert whole == IMAGE_CLASSIFIER.grammar.resolve({**RECIPE, "learning_rate": 0.1})
    adamw, unmixed, dropped, averaged = variants[8:]
    assert (adamw["optimizer"]["name"], adamw["learning_rate"]) == ("adamw", 0.001)
    assert {**adamw, "optimizer": whole["optimizer"], "learning_rate": 0.1} == whole
    assert unmixed["augment"] == {k: v for k, v in whole["augment"].items() if k not in ("mixup", "rotation")}
    assert dropped == {**whole, "regularize": {"dropout": {"p": 0.5}}}
    assert averaged == {**whole, "averaging": {"name": "ema", "decay": 0.9}}
    alone = of({**RECIPE, "learning_rate": 0.1}, only=["none"], others=others[:1])
    assert len(alone.start_from) == 2


def test_a_variant_keeps_a_default_that_another_variant_changes():
    others = ["averaging=ema,averaging.decay=0.9", "averaging=ema", "averaging.decay=0.5,averaging=ema"]
    spec = of(only=["none"], others=others)
    averages = [spec.recipe_of(point)["averaging"] for point in spec.start_from]
    assert averages[0] == {"name": "none"}
    assert [average["decay"] for average in averages[1:]] == [0.9, 0.99, 0.5]


def test_two_texts_for_one_variant_are_trained_once():
    others = ["averaging=ema", "averaging=ema,averaging.decay=0.99", "augment.rotation=false"]
    spec = of(only=["augment.rotation"], others=others)
    assert len(spec.start_from) == spec.budget.trials == spec.finalists.count == 3


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("optimizer", r"'optimizer' is not of the form name=value"),
        ("augment.mixup=", r"is not of the form name=value"),
        ("augment.mixxup=true", r"augment.mixxup is unknown; did you mean augment.mixup"),
        ("schedule=cosine", r"is the recipe itself"),
        ("optimizer=adamm", r"--with optimizer=adamm: optimizer: 'adamm'.*momentum"),
        ("learning_rate=-1", r"--with learning_rate=-1: learning_rate: -1 is not a number from 0"),
        ("optimizer=lamb,optimizer.momentum=0.5", r"momentum exists only with optimizer=momentum or"),
        ("augment.cutmix.alpha=1.0", r"alpha exists only with augment.cutmix=true"),
        ("regularize.dropout.p=0.2", r"is the recipe itself"),
    ],
)
def test_a_text_that_is_not_a_variant_is_refused(text, problem):
    with pytest.raises(UserError, match=problem):
        of(others=[text])


def test_a_recipe_without_data_is_refused_with_the_missing_fields():
    with pytest.raises(UserError, match=r"--set data\.source=NAME"):
        of(provenance={"data": "ImageNet"})
    spec = of(provenance={}, settings=["data.source=digits", "scheduler.max_epochs=2"])
    assert (spec.data.source, spec.horizon, spec.name) == ("digits", 2, "ablate-mine")
    with pytest.raises(InvalidSpec, match="no_such_source"):
        of(settings=["data.source=no_such_source"])


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_published_recipe_can_be_ablated(path):
    recipe = read_recipe(path)
    spec = ablation_document(recipe, path, seeds=2, settings=["data.source=digits"])
    parts = components(spec.grammar, recipe.recipe)
    assert any(each.name.startswith("augment.") for each in parts)
    assert len(spec.start_from) == 1 + len(parts)
