"""A new home does not make a first look: finished searches, scored one after another on the same data."""

import dataclasses
import json
import math

import numpy as np
import pytest

from hpo.cli import main as command
from hpo.core import events
from hpo.core.errors import HpoError, Refused
from hpo.core.events import End
from hpo.core.home import Home
from hpo.ledger.searches import read_history
from hpo.ledger.store import LedgerStore
from hpo.running import checkpoints
from hpo.spec import read_spec
from hpo.spec.recipe_files import recipe_text
from hpo.use_cases.dataset.split_dataset import split_dataset_of
from hpo.use_cases.model import evaluation, register_policy, scoring
from hpo.use_cases.model.code_policy import accepted_code
from hpo.use_cases.model.evaluation import score_winner
from hpo.use_cases.model.winning_recipe import recipe_file
from hpo.use_cases.submit import open_search
from tests.use_cases.model.line_model import MODEL

SPEC = """
version: 1
data: {source: csv, arguments: {file: rows.csv, test_file: test.csv, target: y}}
trainable: line_model:Line
space: {rate: {loguniform: [0.01, 0.3]}}
scheduler: {name: asha, max_epochs: 3, first_rung: 1}
budget: {trials: 3}
finalists: {count: 1, seeds: 2}
"""


def table(path, seed, n, drop=0):
    random = np.random.default_rng(seed)
    lines = [f"{a:.6f},{b:.6f},{a + b:.6f}" for a, b in random.normal(size=(n, 2))]
    path.write_text("a,b,y\n" + "\n".join(lines[drop:][::-1]) + "\n")


def finished(home, name):
    """Events of a search that has a winner, whose weights are written here."""
    recipe = {"rate": 0.1}
    sha256 = checkpoints.write(home.search(name).weights / "w", {"line": np.ones(2, np.float32)})
    return [
        events.TrialStarted(0, 0, recipe, recipe, 1, "sampler"),
        events.TrialEnded(0, 0, End.FINISHED, 3, 0.2),
        events.FinalistsNamed((0,)),
        events.TrialStarted(0, 1, recipe, recipe, 2, "finalist"),
        events.TrialEnded(0, 1, End.FINISHED, 3, 0.2, weights="w", sha256=sha256),
        events.WinnerNamed(0, 1, 0.2, 0.01, 2, "the only one"),
        events.SearchEnded("done"),
    ]


@pytest.fixture
def searched(tmp_path, monkeypatch):
    """Make a folder of its own with a search that has a winner and a sealed test part."""

    monkeypatch.chdir(tmp_path)  # code in the working folder needs no --trust

    def make(name, drop=0, test_seed=1, edit=None):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "line_model.py").write_text(MODEL)
        (folder / "spec.yaml").write_text(SPEC)
        table(folder / "rows.csv", 0, 100)
        table(folder / "test.csv", test_seed, 80, drop)
        if edit:
            edited(folder / "rows.csv", edit)
            edited(folder / "test.csv", edit)
        spec, home = read_spec(str(folder / "spec.yaml"), []), Home(folder / "home").create()
        dataset = split_dataset_of(spec.data, spec.base, home)
        ledger = open_search(LedgerStore.at(home.ledger), spec, dataset, name, {})
        ledger.append(finished(home, name))
        return home, ledger

    return make


def test_the_first_look_is_recorded_and_the_second_refused(searched):
    home, ledger = searched("one")
    score_winner(home, "one")
    score = read_history(ledger).score
    (opening,) = register_policy.all_openings()
    assert (score.look, score.reason) == (1, "")
    assert (opening.state, opening.search, opening.scores) == ("completed", "one", score.scores)

    home, ledger = searched("two", drop=10)
    assert "opened before" in read_history(ledger).warnings[0]
    with pytest.raises(Refused, match=r"first by .* for one"):
        score_winner(home, "two")
    history = read_history(ledger)
    assert history.claim is None
    assert history.refused.first["scores"] == score.scores
    assert history.refused.looks == 1
    assert recipe_file(spec_of(home), "two", history, home).provenance["test_refused"]["looks"] == 1


def test_a_refusal_for_a_score_without_an_interval_is_in_the_recipe(searched):
    home, _ = searched("one")
    score_winner(home, "one")
    home, ledger = searched("two", drop=10)
    with pytest.raises(Refused):
        score_winner(home, "two")
    history = read_history(ledger)
    bare = {"mse": {"value": 0.5, "low": math.nan, "high": math.nan}}
    history.refused = dataclasses.replace(history.refused, first={**history.refused.first, "scores": bare})
    text = recipe_text(recipe_file(spec_of(home), "two", history, home), "json")
    shown = json.loads(text)["provenance"]["test_refused"]["first"]["scores"]
    assert shown == {"mse": {"value": 0.5, "low": None, "high": None}}


def spec_of(home):
    return read_spec(str(home.root.parent / "spec.yaml"), [])


def edited(path, edit):
    """Rewrite a table of numbers, its columns as arrays by name."""
    header, *lines = path.read_text().splitlines()
    columns = dict(
        zip(header.split(","), np.array([line.split(",") for line in lines], float).T, strict=True)
    )
    columns = edit(columns)
    rows = zip(*columns.values(), strict=True)
    path.write_text(
        "\n".join([",".join(columns), *(",".join(map(repr, map(float, row))) for row in rows)]) + "\n"
    )


EDITS = {
    "renamed": lambda table: {"u": table["a"], "v": table["b"], "y": table["y"]},
    "scaled": lambda table: {**table, "a": table["a"] * 1000, "b": table["b"] / 10},
    "added": lambda table: {"id": np.arange(len(table["y"])), **table, "one": np.ones(len(table["y"]))},
    "dropped": lambda table: {"a": table["a"], "y": table["y"]},
    "standardised": lambda table: {
        **table,
        "a": (table["a"] - table["a"].mean()) / table["a"].std(),
        "b": table["b"] * 2.54 + 1,
    },
    "noise": lambda table: {
        **table,
        "a": table["a"] + np.random.default_rng(3).normal(0, 1e-6, len(table["y"])),
    },
}


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(edit, id=name, marks=() if name == "renamed" else pytest.mark.slow)
        for name, edit in EDITS.items()
    ],
)
def test_edited_test_data_is_recognised(searched, edit):
    score_winner(searched("one")[0], "one")
    home, ledger = searched("two", edit=edit)
    assert "opened before" in read_history(ledger).warnings[0]
    with pytest.raises(Refused, match=r"first by .* for one"):
        score_winner(home, "two")


def test_again_with_a_reason_is_marked_and_widened(searched):
    home, ledger = searched("one")
    score_winner(home, "one")
    first = read_history(ledger).score.scores["mse"]
    home, ledger = searched("two")
    score_winner(home, "two", "a referee asked")
    history = read_history(ledger)
    second = history.score.scores["mse"]
    assert (history.score.look, history.score.reason) == (2, "a referee asked")
    assert second["value"] == first["value"]
    assert second["low"] <= first["low"] <= first["high"] <= second["high"]
    provenance = recipe_file(spec_of(home), "two", history, home).provenance
    assert (provenance["test_look"], provenance["test_reason"]) == (2, "a referee asked")


def test_other_test_data_is_a_first_look(searched):
    score_winner(searched("one")[0], "one")
    home, ledger = searched("two", test_seed=2)
    score_winner(home, "two")
    assert read_history(ledger).score.look == 1


def test_a_crash_after_opening_is_finished_as_the_same_look(searched, monkeypatch):
    home, ledger = searched("one")
    whole = scoring.open_test

    def dies(*arguments):
        whole(*arguments)
        raise HpoError("the machine went away")

    monkeypatch.setattr(scoring, "open_test", dies)
    with pytest.raises(HpoError):
        score_winner(home, "one")
    monkeypatch.setattr(scoring, "open_test", whole)
    assert [opening.state for opening in register_policy.all_openings()] == ["opening"]
    with pytest.raises(Refused):
        score_winner(searched("two")[0], "two")
    score_winner(home, "one")
    assert read_history(ledger).score.look == 1
    assert [opening.state for opening in register_policy.all_openings()] == ["completed"]


def test_data_changed_since_it_was_sealed_does_not_count_as_a_look(searched):
    home, _ = searched("one")
    table(home.root.parent / "test.csv", 5, 80)
    with pytest.raises(Refused, match="changed since it was sealed"):
        score_winner(home, "one")
    assert [opening.state for opening in register_policy.all_openings()] == ["withdrawn"]


def hpo(*typed):
    with pytest.raises(SystemExit) as left:
        command.main([*typed])
    return left.value.code


def test_the_commands_report_earlier_looks(searched, capfd):
    home, _ = searched("one")
    home_option = ("--home", str(home.root))
    spec = str(home.root.parent / "spec.yaml")
    assert hpo("check", spec, *home_option, "--json") == 0
    assert json.loads(capfd.readouterr().out)["warnings"] == []
    assert hpo("ledger", "--json") == 0
    assert json.loads(capfd.readouterr().out) == []
    score_winner(home, "one")
    assert hpo("check", spec, *home_option, "--json") == 0
    assert "opened before" in json.loads(capfd.readouterr().out)["warnings"][0]
    home, _ = searched("two")
    home_option = ("--home", str(home.root))
    assert hpo("test", "two", *home_option) == 3
    assert "for one" in capfd.readouterr().err
    assert hpo("best", "two", *home_option, "--json") == 0
    best = json.loads(capfd.readouterr().out)
    assert best["test"] is None
    assert best["test_refused"]["first"]["search"] == "one"
    for typed in (("--again",), ("--reason", "x"), ("--again", "--reason", " ")):
        assert hpo("test", "two", *typed, *home_option) == 2
    capfd.readouterr()
    assert hpo("test", "two", "--again", "--reason", "a referee asked", *home_option) == 0
    assert "look number 2" in capfd.readouterr().out
    assert hpo("ledger") == 0
    shown = capfd.readouterr().out
    assert "a referee asked" in shown
    assert len(shown.splitlines()) == 3


def test_practice_data_is_exempt_unless_the_spec_objects(tmp_path):
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "version: 1\ndata: {source: digits}\ntrainable: image_classifier\n"
        "space: {learning_rate: {loguniform: [1e-3, 0.3]}}\nscheduler: {max_epochs: 3}\nbudget: {trials: 3}\n"
    )
    free, held = read_spec(str(spec), []), read_spec(str(spec), ["data.practice=false"])
    prepared = split_dataset_of(free.data, free.base, Home(tmp_path / "home").create()).prepared
    assert register_policy.is_exempt(free.data, prepared)
    assert not register_policy.is_exempt(held.data, prepared)


def test_another_register_does_not_make_an_opened_part_of_this_home_unseen(searched, monkeypatch, tmp_path):
    home, ledger = searched("one")
    score_winner(home, "one")
    assert read_history(ledger).score.register == str(register_policy.existing_register().location)
    spec = spec_of(home)
    monkeypatch.setenv("HPO_REGISTER", str(tmp_path / "another.db"))
    dataset = split_dataset_of(spec.data, spec.base, home)
    second = open_search(LedgerStore.at(home.ledger), spec, dataset, "second", {})
    (warning,) = [text for text in read_history(second).warnings if "opened before" in text]
    assert "for one" in warning
    second.append(finished(home, "second"))
    with pytest.raises(Refused, match=r"first by .* for one"):
        score_winner(home, "second")
    score_winner(home, "second", "a referee asked")
    history = read_history(second)
    assert history.score.look == 2
    assert evaluation.NOT_COMPARED in history.warnings  # sealed under the key of the first register


def test_a_score_that_fails_after_it_has_seen_predictions_counts_as_a_look(searched):
    home, ledger = searched("one")

    def edit(code):
        (home.root.parent / "line_model.py").write_text(code)
        ledger.append(accepted_code("one", spec_of(home), read_history(ledger), "test", accept=True))

    edit(MODEL.replace("return {", "raise ValueError('no such metric')\n        return {"))
    with pytest.raises(HpoError, match="counts as a look"):
        evaluation.evaluate(home, "one")
    (opening,) = register_policy.all_openings()
    assert (opening.state, opening.scores) == ("failed", {})
    edit(MODEL)
    with pytest.raises(Refused, match="no score on record"):
        evaluation.evaluate(home, "one")
    evaluation.evaluate(home, "one", "the metric was misspelt")
    score = read_history(ledger).score
    assert (score.look, score.reason) == (2, "the metric was misspelt")
    assert [opening.state for opening in register_policy.all_openings()] == ["failed", "completed"]


def test_checking_the_data_in_a_new_home_warns_the_first_time(searched, tmp_path, capfd):
    home, _ = searched("one")
    score_winner(home, "one")
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for name in ("line_model.py", "rows.csv", "test.csv"):
        (folder / name).write_text((home.root.parent / name).read_text())
    (folder / "spec.yaml").write_text(SPEC)
    capfd.readouterr()
    assert hpo("check", str(folder / "spec.yaml"), "--data", "--home", str(folder / "new"), "--json") == 0
    warnings = json.loads(capfd.readouterr().out)["warnings"]
    assert ["opened before" in warning for warning in warnings].count(True) == 1
