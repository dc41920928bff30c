"""What `hpo predict` says of paths that are not what it needs."""

import pytest

from hpo.cli import main as command

RECIPE = '{"version": 1, "trainable": "image_classifier", "recipe": {}}'


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    (tmp_path / "recipe.json").write_text(RECIPE)
    (tmp_path / "images").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            ["nothere.yaml", "rows.csv"],
            "RECIPE nothere.yaml does not exist; RECIPE is a file that",
        ),
        (["a-search", "rows.csv"], "RECIPE a-search does not exist; RECIPE is a file that `hpo export"),
        (["rows.csv", "recipe.json"], "RECIPE rows.csv is data; RECIPE is a file that `hpo export SEARCH"),
        (["images", "recipe.json"], "RECIPE images is data; RECIPE is a file that `hpo export SEARCH"),
        (["recipe.json", "nothere.csv"], "DATA nothere.csv does not exist; legal: a folder of images, "),
    ],
)
def test_a_path_that_is_missing_or_in_the_other_place_is_named_with_what_was_expected(
    here, words, text, capfd
):
    with pytest.raises(SystemExit) as left:
        command.main(["predict", *words])
    assert left.value.code == 2
    assert capfd.readouterr().err.startswith(text)


@pytest.mark.parametrize("name", ["train", "verify"])
def test_other_commands_say_what_writes_a_recipe(here, name, capfd):
    with pytest.raises(SystemExit) as left:
        command.main([name, "a-search"])
    assert left.value.code == 2
    shown = "a-search does not exist; legal: a recipe, which `hpo export SEARCH --out FILE` writes\n"
    assert capfd.readouterr().err == shown
