"""The tested model is the shipped one: every kind, from the search to its predictions, on digits."""

import csv
import json
import shutil

import numpy as np
import pytest
from ruamel.yaml import YAML

from hpo.cli import main as command
from hpo.core.errors import UserError
from hpo.core.events import SearchEnded, TestClaimed
from hpo.core.home import Home
from hpo.core.shipped_model import all_trained, to_train
from hpo.ledger.searches import read_history
from hpo.ledger.store import LedgerStore
from hpo.running import checkpoints
from hpo.running.conductor import Conductor
from hpo.running.worker import Worker
from hpo.spec import read_spec
from hpo.use_cases.accounting.evidence import evidence_of
from hpo.use_cases.dataset.split_dataset import split_dataset_of
from hpo.use_cases.dataset.staging import DataStaging
from hpo.use_cases.export import export_recipe
from hpo.use_cases.model.evaluation import score_winner
from hpo.use_cases.model.members import fix_model
from hpo.use_cases.predict import predict_file
from hpo.use_cases.search import assembly
from hpo.use_cases.submit import open_search
from hpo.use_cases.verify import verify_recipe
from trainables.data.scikit_learn_sets import ScikitLearnSet

DIGITS = """
version: 1
data: {source: digits}
trainable: image_classifier
recipe: {model: {name: cnn, channels: 4, stages: 1}, batch_size: 128, normalization: {name: batch_norm}}
space: {learning_rate: {loguniform: [0.02, 0.3]}}
objective: {metric: accuracy}
scheduler: {name: none, max_epochs: 3}
budget: {trials: 2}
finalists: {count: 2, seeds: 2}
limits: {checkpoint_epochs: 1}
"""
LINE = """
import numpy as np
from hpo.core.grammar import Grammar, Hyperparameter
from hpo.core.trainable import Metric


class Line:
    grammar = Grammar((Hyperparameter("rate", "float", 0.1, low=1e-6, high=1.0, log=True),))
    metrics = (Metric("mse", "min"),)

    def train(self, recipe, train, validation, context):
        x, y = train.inputs[train.rows], train.targets[train.rows]
        model = Fitted(np.random.default_rng(context.seed).normal(size=x.shape[1]))
        for _ in context.epochs():
            model.line = model.line - recipe["rate"] * x.T @ (x @ model.line - y) / len(x)
            score = self.score(model.predict(validation), validation.targets[validation.rows])
            context.report({"validation/mse": score["mse"]}, model)

    def load(self, recipe, weights, info):
        return Fitted(weights["line"])

    def score(self, outputs, targets):
        return {"mse": float(((outputs - targets) ** 2).mean())}

    def combine(self, outputs):
        return np.median(outputs, axis=0)


class Fitted:
    def __init__(self, line):
        self.line = line

    def weights(self):
        return {"line": self.line}

    def predict(self, examples):
        return examples.inputs[examples.rows] @ self.line
"""
ROWS = """
version: 1
data: {source: csv, arguments: {file: rows.csv, target: y}}
trainable: shipped_line:Line
space: {rate: {loguniform: [0.05, 0.5]}}
scheduler: {name: none, max_epochs: 5}
budget: {trials: 2}
finalists: {count: 1, seeds: 3}
ship: ensemble
"""
KINDS = {
    "best": {},
    "retrained": "retrained",
    "averaged": {"model": "averaged", "epochs": 2},
    "ensemble": "ensemble",
    "finalists": {"model": "ensemble", "of": "finalists"},
}


def opened(home, spec, name):
    """A search on record, and the environment of its trainings."""
    material = split_dataset_of(spec.data, spec.base, home)
    ledger = open_search(LedgerStore.at(home.ledger), spec, material, name, {})
    splits = material.splits(spec.finalists.fresh, spec.finalists.seeds)
    folder = home.search(name)
    staging = DataStaging.of(spec.trainable, spec.base, material.prepared.folder, splits, folder.root)
    return ledger, assembly.environment_of(spec, staging, folder)


def run(spec, ledger, place, until=lambda order, message: False):
    """Train in this process to the end, or until a condition holds."""
    conductor = Conductor(assembly.plan_of(spec, 1), ledger, assembly.searcher_of(spec))
    conductor.replay(ledger.read())
    worker = Worker(place)
    while order := conductor.next():
        worker.start(order)
        goes_on = True
        while goes_on:
            said = worker.advance()
            if said.failure:
                conductor.failed(order.key, *said.failure)
                break
            if said.reports or said.weights[0]:
                goes_on = conductor.reported(
                    order.key, said.reports, said.checkpoint, said.weights, said.scores, said.examples
                )
            if until(order, said):
                worker.abandon()
                return
    worker.abandon()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return Home(tmp_path_factory.mktemp("shipping") / "home").create()


@pytest.fixture(scope="module")
def specs(home):
    def make(kind):
        (home.root / "digits.yaml").write_text(DIGITS)
        ship = KINDS[kind]
        settings = [f"ship={ship}"] if isinstance(ship, str) else [f"ship.{k}={v}" for k, v in ship.items()]
        return read_spec(str(home.root / "digits.yaml"), settings)

    return make


@pytest.fixture(scope="module")
def shipped(home, specs):
    """The recipe file of a search that was tested, made once for each kind."""
    models = {}

    def make(kind):
        if kind not in models:
            spec = specs(kind)
            ledger, place = opened(home, spec, kind)
            run(spec, ledger, place)
            score_winner(home, kind)
            ledger.append([SearchEnded("done")])
            models[kind] = home.root / f"{kind}.yaml"
            export_recipe(kind, home=home, out=models[kind])
        return models[kind]

    return make


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    part = ScikitLearnSet("digits").test()
    path = tmp_path_factory.mktemp("given") / "digits.npy"
    np.save(path, part.inputs)
    return path, part.targets


def said(recipe):
    return YAML(typ="safe", pure=True).load(recipe.read_text())["provenance"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_predicting_model_is_the_tested_one(kind, shipped, given, home):
    recipe, (data, truth) = shipped(kind), given
    found = predict_file(recipe, data)
    assert (
        np.mean([int(name) == label for name, label in zip(found.predicted, truth, strict=True)])
        == (said(recipe)["test"]["accuracy"]["value"])
    )
    np.testing.assert_allclose(found.probabilities.sum(1), 1)
    model, ledger = said(recipe)["model"], LedgerStore.at(home.ledger).open(kind)
    (claim,) = ledger.read(kinds=[TestClaimed])
    assert found.digest == model["digest"] == claim.event.sha256 == read_history(ledger).model.digest
    assert found.kind == model["kind"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_trained_again_on_one_thread_is_identical(kind, shipped, home):
    verdict = verify_recipe(shipped(kind), home=home)
    assert (verdict.result, verdict.difference, verdict.same_weights) == ("identical", 0.0, True)
    assert verdict.members == len(said(shipped(kind))["model"]["members"])


def test_the_model_was_fixed_before_the_test_part_was_claimed(shipped, home):
    shipped("ensemble")
    kinds = [type(each.event).__name__ for each in LedgerStore.at(home.ledger).open("ensemble").read()]
    assert kinds.index("WinnerNamed") < kinds.index("ModelFixed") < kinds.index("TestClaimed")
    assert kinds.count("ModelFixed") == 1


def test_each_examples_share_of_a_fresh_value_is_kept_for_the_account(shipped, specs, home):
    shipped("best")
    ledger, kept = LedgerStore.at(home.ledger).open("best"), home.search("best").weights
    history = read_history(ledger)
    found = evidence_of(specs("best"), ledger, history, kept)
    for trial, rows in found.examples.items():
        assert set(np.unique(rows)) == {0, 1}
        assert rows.mean(axis=1).tolist() == pytest.approx(list(found.replicates[trial]))
    assert list(found.examples) == list(history.finalists.trials)
    assert {rows.shape for rows in found.examples.values()} == {(2, 288)}
    for file in kept.glob("examples-*"):
        assert file.stat().st_size < 500
        file.rename(file.with_suffix(".gone"))
    assert evidence_of(specs("best"), ledger, history, kept).examples == {}
    for file in kept.glob("examples-*.gone"):
        file.rename(file.with_suffix(".safetensors"))


def test_a_retrained_model_has_seen_all_rows_and_no_validation_score(shipped, home):
    shipped("retrained")
    history = read_history(LedgerStore.at(home.ledger).open("retrained"))
    training = history.trainings[history.winner.trial, 3]
    assert training.split == "all"
    assert {name.split("/")[0] for name in training.metrics if "/" in name} == {"train", "seen"}
    assert np.isnan(training.value)
    assert said(home.root / "retrained.yaml")["validation"]["this_model"] is None


def test_averaged_weights_have_a_validation_score_of_their_own(shipped):
    (member,) = said(shipped("averaged"))["model"]["members"]
    assert (member["averages"], member["score"]["metric"]) == (2, "averaged/accuracy")


def test_a_search_killed_while_retraining_ends_with_the_same_model(shipped, specs, home):
    spec = specs("retrained")
    ledger, place = opened(home, spec, "cut")
    run(spec, ledger, place, lambda order, message: order.until and message.checkpoint)
    history = read_history(ledger)
    assert history.winner is not None
    if (key := to_train(history)) is not None:
        assert history.trainings[key].checkpoints
        for refused in (lambda: fix_model(ledger), lambda: export_recipe("cut", home=home)):
            with pytest.raises(UserError, match="is not trained yet; `hpo resume cut` trains it"):
                refused()
    run(spec, ledger, place)
    assert all_trained(read_history(ledger))
    shipped("retrained")
    whole = read_history(LedgerStore.at(home.ledger).open("retrained")).model
    assert fix_model(ledger).model == whole


def test_a_moved_model_still_predicts(shipped, given, home, tmp_path):
    shipped("ensemble")
    target = tmp_path / "there" / "model.yaml"
    target.parent.mkdir()
    export_recipe("ensemble", home=home, out=target, weights=True)
    text = target.read_text().replace(str(home.root), "/nowhere")
    target.write_text(text)
    assert predict_file(target, given[0]).predicted == predict_file(shipped("ensemble"), given[0]).predicted
    for file in (tmp_path / "there" / "model.weights").iterdir():
        shutil.move(file, target.parent)
    assert predict_file(target, given[0]).kind == "ensemble"


def test_other_weights_are_refused(shipped, given, home, tmp_path):
    shipped("best")
    target = tmp_path / "model.yaml"
    export_recipe("best", home=home, out=target, weights=True)
    target.write_text(target.read_text().replace(str(home.root), "/nowhere"))
    (file,) = (tmp_path / "model.weights").iterdir()
    content = file.read_bytes()
    file.write_bytes(content[:-4] + b"\0\0\0\1")
    with pytest.raises(UserError, match="not the weights that were tested"):
        predict_file(target, given[0])
    file.unlink()
    with pytest.raises(UserError, match=r"are not in any of .*model\.weights.*--weights"):
        predict_file(target, given[0])
    file.write_bytes(content)
    target.write_text(target.read_text().replace(said(target)["model"]["digest"], "f" * 64, 1))
    with pytest.raises(UserError, match="digest of its model"):
        predict_file(target, given[0])


def typed(*words):
    """The exit code of a command."""
    with pytest.raises(SystemExit) as left:
        command.main(list(map(str, words)))
    return left.value.code


def test_the_command_writes_a_table_and_json(shipped, given, tmp_path, capfd):
    out = tmp_path / "predictions.csv"
    assert typed("predict", shipped("best"), given[0], "--out", out) == 0
    assert capfd.readouterr().out.strip() == str(out)
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert list(rows[0]) == ["row", "predicted", *(f"probability_{digit}" for digit in range(10))]
    assert len(rows) == len(given[1])
    assert typed("predict", shipped("best"), given[0], "--json") == 0
    shown = json.loads(capfd.readouterr().out)
    assert [each["predicted"] for each in shown["rows"]] == [row["predicted"] for row in rows]
    with pytest.raises(UserError, match=r"nothing\.npy does not exist"):
        predict_file(shipped("best"), tmp_path / "nothing.npy")
    assert typed("predict", shipped("best"), tmp_path / "nothing.npy") == 2


def test_a_recipe_without_a_model_is_refused(tmp_path, shipped, given):
    bare = tmp_path / "bare.yaml"
    text = shipped("best").read_text()
    bare.write_text(text[: text.index("provenance:")])
    with pytest.raises(UserError, match="does not name a model"):
        predict_file(bare, given[0])


def test_a_user_trainable_combines_its_models_in_its_own_way(tmp_path):
    (tmp_path / "shipped_line.py").write_text(LINE)
    (tmp_path / "spec.yaml").write_text(ROWS)
    values = np.random.default_rng(0).normal(size=(150, 2))
    lines = [f"{a:.4f},{b:.4f},{a - b:.4f}" for a, b in values]
    (tmp_path / "rows.csv").write_text("\n".join(["a,b,y", *lines]))
    spec, home = read_spec(str(tmp_path / "spec.yaml"), []), Home(tmp_path / "home").create()
    ledger, place = opened(home, spec, "line")
    run(spec, ledger, place)
    fix_model(ledger)
    ledger.append([SearchEnded("done")])
    export_recipe("line", home=home, out=tmp_path / "line.yaml")
    (tmp_path / "new.csv").write_text("b,name,a\n2,x,1\n-1,y,0.5\n")
    found = predict_file(tmp_path / "line.yaml", tmp_path / "new.csv")
    assert (found.kind, found.classes, found.probabilities) == ("ensemble", (), None)
    members = [
        checkpoints.read(home.search("line").weights / each["file"], each["sha256"])["line"]
        for each in said(tmp_path / "line.yaml")["model"]["members"]
    ]
    assert len(members) == 3
    rows = np.array([[1, 2], [0.5, -1]], np.float32)
    np.testing.assert_allclose(found.predicted, np.median([rows @ line for line in members], axis=0))
    assert found.to_csv().splitlines()[0] == "row,predicted"
    assert verify_recipe(tmp_path / "line.yaml", home=home).result == "identical"
