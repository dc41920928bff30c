"""What `hpo status` and `hpo best` say of a search whose files are elsewhere."""

import pytest

from hpo.core.events import RecipeExported, SearchEnded
from tests.use_cases.recorded_search import recorded, won

RECIPE = "searches/digits/recipe.yaml"


@pytest.fixture
def home(tmp_path, monkeypatch):
    story = [event for event in won() if not isinstance(event, SearchEnded)]
    home = recorded(tmp_path, [*story, RecipeExported(RECIPE, "b" * 64), SearchEnded("done")])
    monkeypatch.setenv("HPO_HOME", str(home.root))
    return home


@pytest.mark.parametrize("verb", ["status", "best"])
def test_files_that_are_not_here_are_not_named_as_if_they_were(home, typed, verb):
    shown = typed(verb, "digits")
    where = "its files are not in this home; `hpo service fetch digits` copies them from the team's store\n"
    assert shown.code == 0
    assert where in shown.out
    assert RECIPE not in shown.out
    assert typed(verb, "digits", "--json").json["recipe_path"] is None


@pytest.mark.parametrize("verb", ["status", "best"])
def test_files_that_are_here_are_named(home, typed, verb):
    file = home.root / RECIPE
    file.parent.mkdir(parents=True)
    file.write_text("version: 1\n")
    shown = typed(verb, "digits")
    assert f"written to  {file}" in shown.out
    assert "its files are not in this home" not in shown.out
    assert typed(verb, "digits", "--json").json["recipe_path"] == str(file)
