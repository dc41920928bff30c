"""Commands on a real search: submit, inspect, extend, test and export, each in its own process."""

import json
import re
import shutil

import pytest

pytestmark = pytest.mark.timeout(600)

DATA = """
import numpy as np

def waves(part):
    random = np.random.default_rng(0 if part == "development" else 1)
    inputs = random.uniform(-3, 3, size=(60, 2)).astype("float32")
    return inputs, np.sin(inputs).sum(axis=1)
"""
MODEL = """
import numpy as np
from hpo.core.grammar import Grammar, Hyperparameter
from hpo.core.trainable import Metric

class Line:
    grammar = Grammar((Hyperparameter("rate", "float", 0.1, low=1e-6, high=1.0, log=True),))
    metrics = (Metric("mse", "min"),)

    def train(self, recipe, train, validation, context):
        model = Fitted(np.zeros(train.inputs.shape[1]))
        inputs, targets = train.inputs[train.rows], train.targets[train.rows]
        print("training at", recipe["rate"])
        for _ in context.epochs():
            model.line -= recipe["rate"] * inputs.T @ (inputs @ model.line - targets) / len(train)
            mse = self.score(model.predict(validation), validation.targets[validation.rows])["mse"]
            context.report({"validation/mse": mse}, model)

    def load(self, recipe, weights, info):
        return Fitted(weights["line"])

    def score(self, outputs, targets):
        return {"mse": float(((outputs - targets) ** 2).mean())}

class Fitted:
    def __init__(self, line):
        self.line = line

    def predict(self, examples):
        return examples.inputs[examples.rows] @ self.line

    def weights(self):
        return {"line": self.line}
"""
SPEC = """
version: 1
data: {source: "tiny_data:waves"}
trainable: tiny_model:Line
space: {rate: {loguniform: [0.01, 0.3]}}
scheduler: {name: asha, max_epochs: 3, first_rung: 1}
budget: {trials: 3}
finalists: {count: 1, seeds: 2}
on_end: {command: [tee, outcome.json]}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search")
    (folder / "tiny_data.py").write_text(DATA)
    (folder / "tiny_model.py").write_text(MODEL)
    (folder / "tiny.yaml").write_text(SPEC)
    return folder


@pytest.fixture(scope="module")
def submitted(folder, hpo):
    return hpo("submit", "tiny.yaml", "--no-test", "--tag", "purpose=try", "--json", cwd=folder)


def test_submit_streams_events_and_ends_with_the_outcome(submitted):
    assert submitted.returncode == 0, submitted.stderr
    *events, outcome = [json.loads(line) for line in submitted.stdout.splitlines()]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert {event["search"] for event in events} == {"tiny-1"}
    assert (events[0]["event"], events[-1]["event"]) == ("SearchOpened", "SearchEnded")
    assert events[0]["tags"] == {"purpose": "try"}
    assert set(outcome) == {
        "search",
        "status",
        "trials",
        "best",
        "numbers",
        "test",
        "baselines",
        "attention",
        "recipe_path",
    }
    assert (outcome["search"], outcome["status"], outcome["test"]) == ("tiny-1", "done", None)
    assert sum(outcome["trials"].values()) == 3
    assert set(outcome["best"]) == {"trial", "recipe", "validation"}
    assert outcome["best"]["validation"]["n"] == 2


def test_the_command_of_on_end_gets_the_outcome(submitted, folder):
    assert json.loads((folder / "outcome.json").read_text()) == json.loads(submitted.stdout.splitlines()[-1])


def test_output_of_trials_goes_to_their_logs(submitted, folder, hpo):
    assert "training at" not in submitted.stdout
    assert "training at" in hpo("logs", "tiny-1", "0", cwd=folder).stdout
    assert "training at" in "".join(json.loads(hpo("logs", "tiny-1", "--json", cwd=folder).stdout))


def test_list_status_and_best_read_the_ledger(submitted, folder, hpo):
    (only,) = json.loads(hpo("list", "--json", cwd=folder).stdout)
    assert (only["name"], only["status"], only["trials"]) == ("tiny-1", "done", 3)
    outcome = json.loads(submitted.stdout.splitlines()[-1])
    status = json.loads(hpo("status", "tiny-1", "--json", cwd=folder).stdout)
    assert {key: status[key] for key in outcome} == outcome
    assert status["tracking_behind"] == 0
    assert json.loads(hpo("best", "tiny-1", "--json", cwd=folder).stdout) == outcome
    assert "tiny-1: done" in hpo("status", "tiny-1", cwd=folder).stdout
    assert re.search(r"rate +0\.", hpo("best", "tiny-1", cwd=folder).stdout)
    assert "tiny-1" in hpo("list", cwd=folder).stdout


def test_watch_replays_an_ended_search(submitted, folder, hpo):
    watched = hpo("watch", "tiny-1", "--json", cwd=folder)
    assert watched.stdout == submitted.stdout
    shown = hpo("watch", "tiny-1", cwd=folder)
    assert shown.returncode == 0
    assert "still sealed" in shown.stdout


def test_export_prints_or_writes_the_recipe(submitted, folder, hpo, tmp_path):
    recipe = json.loads(hpo("export", "tiny-1", "--format", "json", cwd=folder).stdout)
    best = json.loads(submitted.stdout.splitlines()[-1])["best"]
    assert recipe["recipe"] == best["recipe"]
    out = tmp_path / "recipe.yaml"
    assert hpo("export", "tiny-1", "--out", str(out), cwd=folder).returncode == 0
    assert "trainable: tiny_model:Line" in out.read_text()


def test_train_repeats_the_exported_model(submitted, folder, hpo):
    exported = hpo("export", "tiny-1", "--out", "beside-the-code.yaml", "--json", cwd=folder)
    assert json.loads(exported.stdout) == {"search": "tiny-1", "path": "beside-the-code.yaml"}
    recipe = json.loads(hpo("export", "tiny-1", "--json", cwd=folder).stdout)
    trained = hpo("train", "beside-the-code.yaml", "--json", cwd=folder)
    assert trained.returncode == 0, trained.stderr
    assert json.loads(trained.stdout)["validation/mse"] == recipe["provenance"]["validation"]["this_model"]
    shown = hpo("train", "beside-the-code.yaml", cwd=folder).stdout
    assert "epoch 3: validation/mse" in shown
    assert "training at" not in shown


@pytest.mark.parametrize(
    "typed",
    [
        ("status", "nope"),
        ("best", "nope"),
        ("watch", "nope"),
        ("logs", "nope"),
        ("stop", "nope"),
        ("resume", "nope"),
        ("export", "nope"),
        ("test", "nope"),
        ("mirror", "nope"),
    ],
)
def test_an_unknown_search_lists_existing_ones(typed, submitted, folder, hpo):
    ran = hpo(*typed, cwd=folder)
    assert ran.returncode == 2
    assert "tiny-1" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_mistakes_about_an_existing_search(submitted, folder, hpo):
    for typed, message in (
        (("stop", "tiny-1"), "not running"),
        (("logs", "tiny-1", "7"), "no trial 7"),
        (("resume", "tiny-1", "--trials", "many"), "--trials many"),
        (("submit", "tiny.yaml", "--tag", "x"), "--tag x"),
        (("submit", "tiny.yaml", "--name", "tiny-1"), "tiny-1"),
        (("train", "nowhere.yaml"), "nowhere.yaml"),
    ):
        ran = hpo(*typed, cwd=folder)
        assert (ran.returncode, ran.stdout) == (2, ""), (typed, ran.stderr)
        assert message in ran.stderr
        assert "Traceback" not in ran.stderr


def test_mirror_finds_nothing_to_add(submitted, folder, hpo):
    events = len(submitted.stdout.splitlines()) - 1
    ran = hpo("mirror", "tiny-1", "--json", cwd=folder)
    assert json.loads(ran.stdout) == {"search": "tiny-1", "events": events}, ran.stderr


@pytest.mark.slow
def test_a_copied_home_is_extended_and_tested_once(submitted, folder, hpo, tmp_path):
    shutil.copytree(folder / ".hpo", tmp_path / "elsewhere")
    home = ("--home", str(tmp_path / "elsewhere"))
    extended = hpo("resume", "tiny-1", "--trials", "+1", "--no-test", *home, cwd=folder)
    assert extended.returncode == 0, extended.stderr
    lines = extended.stdout.splitlines()
    assert lines[0] == "search tiny-1"
    assert "test part stays sealed" in lines[1], lines
    assert lines[2:4] == ["resumed", "extended by 1 trial"]
    assert json.loads(hpo("list", "--json", *home, cwd=folder).stdout)[0]["trials"] == 4
    tested = hpo("test", "tiny-1", *home, cwd=folder)
    assert tested.returncode == 0, tested.stderr
    assert "95 % interval" in tested.stdout
    assert f"hpo --home {tmp_path / 'elsewhere'} ui" in tested.stdout
    again = hpo("test", "tiny-1", *home, cwd=folder)
    assert (again.returncode, again.stdout) == (3, "")
    refused = hpo("resume", "tiny-1", "--trials", "+1", *home, cwd=folder)
    assert refused.returncode == 3
