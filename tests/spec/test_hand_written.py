"""A recipe written by hand takes what it does not say from the spec beside it."""

import pytest

from hpo.core.errors import InvalidSpec, UserError
from hpo.spec.hand_written import changed, spec_of, with_spec
from hpo.spec.recipe_files import read_recipe

SPEC = """
version: 1
data: {source: digits, validation: 0.3}
trainable: image_classifier
recipe: {model: {name: mlp}, batch_size: 64}
space: {learning_rate: {loguniform: [1e-3, 0.3]}}
objective: {metric: loss}
scheduler: {max_epochs: 7}
budget: {trials: 9}
seed: 5
"""
RECIPE = """
version: 1
trainable: image_classifier
recipe: {learning_rate: 0.05}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "mine.yaml").write_text(RECIPE)
    return tmp_path


def test_the_spec_beside_it_gives_data_objective_and_epochs(folder):
    path = folder / "mine.yaml"
    file = spec_of(path)
    assert file == folder / "spec.yaml"
    recipe = with_spec(read_recipe(path), path, file)
    choices = recipe.recipe
    assert (choices["learning_rate"], choices["batch_size"], choices["epochs"]) == (0.05, 64, 7)
    assert choices["model"]["name"] == "mlp"
    assert recipe.provenance["data"]["validation"] == 0.3
    assert recipe.provenance["objective"] == {"metric": "loss", "mode": "min", "at": "best"}
    assert (recipe.provenance["seed"], recipe.provenance["horizon"]) == (5, 7)


def test_values_are_set_and_checked(folder):
    path = folder / "mine.yaml"
    recipe = with_spec(read_recipe(path), path, folder / "spec.yaml")
    assert changed(recipe, path, recipe.recipe, {"batch_size": 32})["batch_size"] == 32
    with pytest.raises(UserError, match="batch_size"):
        changed(recipe, path, recipe.recipe, {"batch_size": "many"})


def test_no_spec_or_several_are_refused(folder):
    (folder / "other.yaml").write_text(SPEC)
    with pytest.raises(UserError, match=r"other.yaml, spec.yaml; name one with --spec"):
        spec_of(folder / "mine.yaml")
    assert spec_of(folder / "mine.yaml", folder / "other.yaml") == folder / "other.yaml"
    (folder / "alone").mkdir()
    (folder / "alone" / "mine.yaml").write_text(RECIPE)
    with pytest.raises(UserError, match="there is none"):
        spec_of(folder / "alone" / "mine.yaml")


def test_a_file_without_a_trainable_is_refused_for_what_it_lacks(folder):
    path = folder / "bare.yaml"
    path.write_text("learning_rate: 0.1\n")
    assert spec_of(path) is None
    with pytest.raises(InvalidSpec, match="trainable: is missing"):
        read_recipe(path)


def test_a_spec_for_another_trainable_is_refused(folder):
    (folder / "spec.yaml").write_text(
        SPEC.replace("image_classifier", "tabular").replace("{model: {name: mlp}, ", "{")
    )
    path = folder / "mine.yaml"
    with pytest.raises(UserError, match=r"is for image_classifier, and .* for tabular"):
        with_spec(read_recipe(path), path, folder / "spec.yaml")


def test_an_exported_recipe_needs_no_spec(folder):
    (folder / "mine.yaml").write_text(RECIPE + "provenance: {seed: 3}\n")
    assert spec_of(folder / "mine.yaml") is None
    with pytest.raises(UserError, match="says itself"):
        spec_of(folder / "mine.yaml", folder / "spec.yaml")
