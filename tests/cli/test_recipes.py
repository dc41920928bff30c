"""Commands about the result of a search, on records of searches."""

import csv
import json

import pytest

from hpo.core import events
from hpo.tracking.model_registry import RegisteredModel
from hpo.use_cases.train import TrainedModel
from tests.use_cases.recorded_search import recorded, searched, won

RECIPE = '{"version": 1, "trainable": "image_classifier", "recipe": {}}'


@pytest.fixture
def home(tmp_path, monkeypatch):
    home = recorded(tmp_path, won())
    home.search("digits").root.mkdir(parents=True)
    monkeypatch.setenv("HPO_HOME", str(home.root))
    return home


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (
            ["--to", "mlflow", "--weights"],
            "--to mlflow takes no --out, --weights or --format: the model goes to MLflow",
        ),
        (
            ["--to", "mlflow", "--out", "f"],
            "--to mlflow takes no --out, --weights or --format: the model goes to MLflow",
        ),
        (
            ["--to", "mlflow", "--format", "csv"],
            "--to mlflow takes no --out, --weights or --format: the model goes to MLflow",
        ),
        (["--model", "m"], "--model needs --to mlflow"),
        (
            ["--weights", "--format", "csv"],
            "--weights belongs to a recipe, not to --format csv",
        ),
        (
            ["--weights", "--format", "optuna"],
            "--weights belongs to a recipe, not to --format optuna",
        ),
    ],
)
def test_options_that_do_not_go_together(home, typed, words, why):
    shown = typed("export", "digits", *words)
    assert (shown.code, shown.err) == (2, f"{why}\n")


def test_all_trials_are_printed_or_written(home, typed, tmp_path):
    shown = typed("export", "digits", "--format", "csv")
    rows = list(csv.DictReader(shown.out.splitlines()))
    assert [row["trial"] for row in rows] == ["1", "3", "2", "0", "4", "5"], "the best first"
    file = tmp_path / "trials.csv"
    assert typed("export", "digits", "--format", "csv", "--out", str(file)).out == f"{file}\n"
    assert file.read_text() == shown.out
    written = typed("export", "digits", "--format", "csv", "--out", str(file), "--json").json
    assert written == {"search": "digits", "path": str(file)}


def test_the_recipe_is_printed_in_the_format_asked_for(home, typed):
    recipe = json.loads(typed("export", "digits", "--format", "json").out)
    assert recipe["recipe"]["learning_rate"] == 3.1
    assert json.loads(typed("export", "digits", "--json").out) == recipe
    assert "learning_rate: 3.1" in typed("export", "digits").out


@pytest.mark.parametrize(("new", "text"), [(True, "is now"), (False, "was already")])
def test_registering_a_model(home, typed, monkeypatch, new, text):
    asked = []

    def register(name, *, home, model):
        asked.append((name, model))
        return RegisteredModel("digits", 3, "d" * 64, new)

    monkeypatch.setattr("hpo.use_cases.export_model.export_to_mlflow", register)
    shown = typed("export", "digits", "--to", "mlflow", "--model", "mine")
    assert (shown.code, shown.out) == (
        0,
        f"the model of digits {text} version 3 of digits in MLflow\nmodels:/digits/3\n",
    )
    assert typed("export", "digits", "--to", "mlflow", "--json").json == {
        "search": "digits",
        "name": "digits",
        "version": 3,
        "digest": "d" * 64,
        "is_new": new,
        "uri": "models:/digits/3",
    }
    assert asked == [("digits", "mine"), ("digits", "")]


@pytest.fixture
def training(monkeypatch, tmp_path):
    """A recipe whose training reports two epochs."""

    def train(path, *, home, spec, values, watch):
        for epoch, value in enumerate((0.5, 0.75), 1):
            watch(events.Reported(0, 0, epoch, {"validation/accuracy": value, "lr": 0.1 * epoch}, 1.0))
        return TrainedModel(2, {"validation/accuracy": 0.75, "n": values["n"]}, "/w.safetensors", "s" * 64)

    monkeypatch.setattr("hpo.use_cases.train.train_recipe", train)
    (tmp_path / "recipe.json").write_text(RECIPE)
    return str(tmp_path / "recipe.json")


def test_training_a_recipe_shows_each_epoch_and_the_result(home, typed, training):
    shown = typed("train", training, "--set", "n=4")
    assert (shown.code, shown.out.splitlines()) == (
        0,
        [
            "epoch 1: validation/accuracy 0.5000, lr 0.1000",
            "epoch 2: validation/accuracy 0.7500, lr 0.2000",
            "epoch                2",
            "validation/accuracy  0.75",
            "n                    4",
            "weights              /w.safetensors",
            f"sha256               {'s' * 64}",
        ],
    )
    assert typed("train", training, "--set", "n=4", "--json").json == {
        "epoch": 2,
        "validation/accuracy": 0.75,
        "n": 4,
        "weights": "/w.safetensors",
        "sha256": "s" * 64,
    }


def test_an_opened_test_part_is_not_opened_again(home, typed):
    shown = typed("test", "digits")
    assert (shown.code, shown.err.startswith("the test part of digits was opened before: ")) == (3, True)


@pytest.mark.parametrize("words", [["--again"], ["--reason", "why"]])
def test_opening_again_needs_both_words(home, typed, words):
    shown = typed("test", "digits", *words)
    assert shown.code == 2


def test_bringing_mlflow_up_to_date(tmp_path, typed, monkeypatch):
    monkeypatch.setenv("HPO_HOME", str(recorded(tmp_path, searched()).root))
    monkeypatch.setattr("hpo.use_cases.mirror.mirror_search", lambda *_, **__: 1234)
    assert typed("mirror", "digits").out == "MLflow shows digits up to event 1,234\n"
    assert typed("mirror", "digits", "--json").json == {"search": "digits", "events": 1234}
