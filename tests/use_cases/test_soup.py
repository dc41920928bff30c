"""The mean of models that were fine-tuned from one root, on digits with batch norms."""

import json

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from hpo.cli import main as command
from hpo.core.errors import UserError
from hpo.core.home import Home
from hpo.core.recipe import Recipe
from hpo.ledger.searches import read_history
from hpo.ledger.store import LedgerStore
from hpo.reports.account import page
from hpo.running import checkpoints
from hpo.spec import parse_spec
from hpo.spec.recipe_files import read_recipe
from hpo.use_cases.account import account_of
from hpo.use_cases.audit import audit_search
from hpo.use_cases.export import weights_beside
from hpo.use_cases.predict import predict_file
from hpo.use_cases.soup import average_finalists
from hpo.use_cases.verify import verify_recipe
from tests.use_cases.test_shipping import opened, run
from trainables.data.scikit_learn_sets import ScikitLearnSet
from trainables.image_classifier import ImageClassifier

DOCUMENT = {
    "version": 1,
    "data": {"source": "digits"},
    "trainable": "image_classifier",
    "recipe": {"model": {"name": "cnn", "channels": 4, "stages": 1}, "normalization": "batch_norm"},
    "space": {"learning_rate": {"loguniform": [0.02, 0.3]}},
    "objective": {"metric": "accuracy"},
    "scheduler": {"name": "none", "max_epochs": 2},
    "budget": {"trials": 2},
    "finalists": {"count": 2, "seeds": 2},
}


def searched(home, name, **recipe):
    spec = parse_spec({**DOCUMENT, "recipe": {**DOCUMENT["recipe"], **recipe}})
    ledger, environment = opened(home, spec, name)
    run(spec, ledger, environment)
    return read_history(ledger)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return Home(tmp_path_factory.mktemp("soup") / "home").create()


@pytest.fixture(scope="module")
def root(home):
    """Weights that both searches are fine-tuned from."""
    history = searched(home, "root")
    return str(home.search("root").weights / history.trainings[history.winner.trial, 1].weights)


@pytest.fixture(scope="module")
def tuned(home, root):
    return searched(home, "tuned", transfer={"name": "all_stages", "weights": root, "rate_multiplier": 0.1})


def means(history, home, used):
    files = [home.search("tuned").weights / history.trainings[key].weights for key in used]
    every = [load_file(file) for file in files]
    return {name: np.mean([arrays[name] for arrays in every], 0) for name in every[0]}


def test_a_uniform_soup_is_the_mean_of_all_weights_with_statistics_of_its_own(home, tuned, tmp_path):
    soup = average_finalists("tuned", home=home, out=tmp_path / "soup.yaml", rule="uniform")
    assert len(soup.ingredients) == 4
    assert all(each.used for each in soup.ingredients)
    assert [each.value for each in soup.ingredients] == sorted(
        (each.value for each in soup.ingredients), reverse=True
    )
    weights = load_file(weights_beside(tmp_path / "soup.yaml") / "soup.safetensors")
    plain = means(tuned, home, [(each.trial, each.replicate) for each in soup.ingredients])
    statistics = [name for name in plain if "running_" in name]
    assert statistics
    for name, mean in plain.items():
        if name not in statistics and "num_batches" not in name:
            np.testing.assert_allclose(weights[name], mean, atol=1e-6)
    # The first batch norm sees a linear map of the images: its statistics follow from them.
    history, folder = tuned, home.search("tuned")
    roles = np.load(folder.root / "splits" / "search.npy")
    inputs = np.load(home.data(history.opened.split["data"]) / "inputs.npy", mmap_mode="r")
    images = torch.tensor(np.array(inputs[roles == 1]), dtype=torch.float32).permute(0, 3, 1, 2) / 255
    best = soup.ingredients[0]
    recipe = Recipe(history.trainings[best.trial, best.replicate].recipe)
    model = ImageClassifier().load(recipe, weights, _info(home, history))
    convolution = next(m for m in model.network.modules() if isinstance(m, torch.nn.Conv2d))
    with torch.no_grad():
        outputs = convolution(model.prepare(images))
    norm = next(m for m in model.network.modules() if isinstance(m, torch.nn.BatchNorm2d))
    torch.testing.assert_close(norm.running_mean, outputs.mean((0, 2, 3)), atol=5e-3, rtol=0.02)


def _info(home, history):
    from hpo.data import prepared

    return prepared.read(home.data(history.opened.split["data"])).info


def test_a_greedy_soup_is_never_worse_than_its_best_model(home, tuned, tmp_path):
    out = tmp_path / "soup.yaml"
    soup = average_finalists("tuned", home=home, out=out)
    assert soup.ingredients[0].used
    assert soup.value >= soup.ingredients[0].value
    assert soup.ingredients[0].value == pytest.approx(
        max(t.value for t in tuned.trainings.values() if t.replicate), abs=1e-6
    )
    recipe = read_recipe(out)
    assert recipe.provenance["model"]["kind"] == "soup"
    assert recipe.provenance["test"] is None
    part = ScikitLearnSet("digits").test()
    np.save(tmp_path / "digits.npy", part.inputs)
    predicted = predict_file(out, tmp_path / "digits.npy")
    accuracy = np.mean([int(p) == t for p, t in zip(predicted.predicted, part.targets, strict=True)])
    assert accuracy > soup.value - 0.1
    with pytest.raises(UserError, match="is the mean of several models' weights and cannot be trained again"):
        verify_recipe(out, home=home)


def test_a_soup_is_on_record_and_audited(home, tuned, tmp_path):
    out = tmp_path / "soup.yaml"
    soup = average_finalists("tuned", home=home, out=out)
    assert read_history(LedgerStore.at(home.ledger).open("tuned")).soups[-1].value == soup.value
    account = account_of("tuned", home=home)
    assert account.soups[-1].members == tuple((i.trial, i.replicate) for i in soup.ingredients if i.used)
    assert f"{soup.rule} mean of" in page(account)

    def found():
        findings = audit_search("tuned", home=home).findings
        return [(each.edit, each.what) for each in findings if str(tmp_path) in each.what]

    weights = weights_beside(out) / "soup.safetensors"
    text, content = out.read_text(), weights.read_bytes()
    assert found() == []
    out.write_text(text.replace(f"{soup.value}", "0.9999"))
    assert found() == [("changed", str(out))]
    out.write_text(text)
    arrays = load_file(weights)
    save_file({name: np.asarray(array * 2) for name, array in arrays.items()}, weights)
    assert found() == [("swapped", str(weights))]
    weights.unlink()
    assert found() == [("missing", str(weights))]
    weights.write_bytes(content)
    out.rename(tmp_path / "moved.yaml")
    assert found() == []
    assert any("is no longer there" in note for note in audit_search("tuned", home=home).notes)


def test_the_command_prints_the_models(home, tuned, tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        command.main(["--home", str(home.root), "--json", "soup", "tuned", "--out", str(tmp_path / "s.yaml")])
    assert left.value.code == 0
    assert json.loads(capsys.readouterr().out)["rule"] == "greedy"


def test_models_without_a_common_root_are_refused(home, root, tmp_path):
    with pytest.raises(UserError, match="root: its finalists were not fine-tuned from the same weights"):
        average_finalists("root", home=home, out=tmp_path / "soup.yaml")
    with pytest.raises(UserError, match="nothing"):
        average_finalists("nothing", home=home, out=tmp_path / "soup.yaml")


def test_a_damaged_ingredient_is_refused(home, root, tmp_path):
    history = searched(home, "damaged", transfer={"name": "head", "weights": root})
    file = home.search("damaged").weights / history.trainings[history.winner.trial, 1].weights
    save_file({name: np.asarray(array + 1) for name, array in load_file(file).items()}, file)
    with pytest.raises(checkpoints.DamagedFile):
        average_finalists("damaged", home=home, out=tmp_path / "soup.yaml")
    assert LedgerStore.at(home.ledger).open("damaged").name == "damaged"
