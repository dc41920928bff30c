"""A recipe is trained again and compared with its recorded score."""

import json

import pytest

from hpo.cli import main as command
from hpo.core.errors import UserError
from hpo.core.home import Home
from hpo.spec import read_spec
from hpo.spec.recipe_files import RecipeFile, recipe_text
from hpo.use_cases.dataset.split_dataset import split_dataset_of
from hpo.use_cases.train import train_recipe
from hpo.use_cases.verify import verify_recipe

SPEC = """
version: 1
data: {source: digits}
trainable: image_classifier
recipe: {model: {name: mlp}}
space: {learning_rate: {loguniform: [1e-3, 0.3]}}
objective: {metric: accuracy}
scheduler: {max_epochs: 1}
budget: {trials: 3}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return Home(tmp_path_factory.mktemp("verify") / "home").create()


@pytest.fixture(scope="module")
def provenance(home):
    """A recipe of a small network with the exact numbers of its training."""
    (home.root / "digits.yaml").write_text(SPEC)
    spec = read_spec(str(home.root / "digits.yaml"), [])
    provenance = {
        "seed": 3,
        "threads": 1,
        "objective": {"metric": "accuracy", "mode": "max", "at": "best"},
        "data": spec.document["data"],
        "split": split_dataset_of(spec.data, spec.base, home).facts(),
        "recipe": spec.recipe_of({"learning_rate": 0.1}),
    }
    trained = train_recipe(written(home.root / "first.yaml", provenance), home=home)
    provenance["validation"] = {"this_model": trained.metrics["validation/accuracy"], "std": 0.01}
    return {**provenance, "weights": {"sha256": trained.sha256}}


def written(path, said):
    rest = {name: value for name, value in said.items() if name != "recipe"}
    path.write_text(recipe_text(RecipeFile("image_classifier", said["recipe"], rest)))
    return path


def test_on_the_same_machine_it_is_identical(provenance, home, tmp_path):
    verdict = verify_recipe(written(tmp_path / "recipe.yaml", provenance), home=home)
    assert (verdict.result, verdict.difference, verdict.same_weights) == ("identical", 0.0, True)
    assert verdict.exit_code == 0


def test_another_seed_is_within_tolerance_or_not(provenance, home, tmp_path):
    path = written(tmp_path / "recipe.yaml", {**provenance, "seed": 4})
    assert verify_recipe(path, home=home, tolerance=1.0).result == "within tolerance"
    off = {**provenance, "validation": {"this_model": 0.123, "std": 0.01}}
    verdict = verify_recipe(written(tmp_path / "off.yaml", off), home=home)
    assert (verdict.result, verdict.exit_code, verdict.tolerance) == ("not reproduced", 1, 0.01)
    assert verdict.difference == pytest.approx(verdict.found - 0.123)


def test_without_a_spread_the_tolerance_is_a_share_of_the_value(provenance, home, tmp_path):
    alone = {**provenance, "validation": {**provenance["validation"], "std": None}}
    verdict = verify_recipe(written(tmp_path / "recipe.yaml", alone), home=home)
    assert verdict.tolerance == pytest.approx(0.01 * verdict.recorded)


def test_other_data_is_not_trained_on(provenance, home, tmp_path):
    other = {**provenance, "split": {**provenance["split"], "data": "0" * 64}, "versions": {"torch": "1.0"}}
    verdict = verify_recipe(written(tmp_path / "recipe.yaml", other), home=home, changed_code=True)
    assert (verdict.result, verdict.exit_code) == ("not reproduced", 1)
    assert verdict.reasons[0].startswith("the data has changed")
    assert any(reason.startswith("torch 1.0 ->") for reason in verdict.reasons)


def test_a_recipe_without_a_score_is_refused(provenance, home, tmp_path):
    bare = {name: value for name, value in provenance.items() if name != "validation"}
    with pytest.raises(UserError, match=r"validation\.this_model"):
        verify_recipe(written(tmp_path / "recipe.yaml", bare), home=home)


def test_the_command_reports_in_words_and_in_json(provenance, home, tmp_path, capfd):
    path = written(tmp_path / "recipe.yaml", provenance)
    for option, shown in ((), "identical"), (("--json",), '"identical"'):
        with pytest.raises(SystemExit) as left:
            command.main(["verify", str(path), "--home", str(home.root), *option])
        out = capfd.readouterr().out
        assert left.value.code == 0
        assert shown in out
    assert json.loads(out)["difference"] == 0.0
