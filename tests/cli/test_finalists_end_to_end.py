"""Digits with finalists that race over folds, from the data to a verified recipe."""

import json

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SPEC = """
version: 1
data: {source: digits}
trainable: image_classifier
recipe: {model: {name: mlp}}
space: {learning_rate: {loguniform: [0.003, 0.1]}}
scheduler: {name: none, max_epochs: 2}
budget: {trials: 3}
finalists: {count: 2, seeds: 2, folds: 2, rule: race}
"""


def test_a_race_over_folds_is_one_search_from_data_to_a_verified_recipe(hpo, tmp_path):
    (tmp_path / "cv.yaml").write_text(SPEC)
    home = ("--home", str(tmp_path / "home"))

    shown = json.loads(hpo("data", str(tmp_path / "cv.yaml"), *home, "--json").stdout)
    folds = shown["split"]["folds"]
    assert (folds["count"], folds["deals"], sum(folds["held_out"])) == (2, 2, folds["rows"])

    ran = hpo("submit", str(tmp_path / "cv.yaml"), "--name", "cv", *home, "--json")
    assert ran.returncode == 0, ran.stderr
    *events, last = map(json.loads, ran.stdout.splitlines())
    starts = [event for event in events if event["event"] == "TrialStarted" and event["replicate"]]
    assert {event["split"] for event in starts} == {"fold-1.1", "fold-1.2", "fold-2.1", "fold-2.2"}
    assert len(starts) == 8
    (winner,) = [event for event in events if event["event"] == "WinnerNamed"]
    assert (winner["n"], winner["saved"]) == (2, 0)
    assert last["best"]["validation"]["n"] == 2
    assert last["numbers"]["winner"]["value"] == winner["mean"]

    account = json.loads(hpo("account", "cv", *home, "--json").stdout)
    assert account["finalists"]["on"] == "folds"
    assert account["data"]["folds"]["fingerprint"] == folds["fingerprint"]
    assert account["comparisons"]["fresh"] == 8
    assert "fold-1" in hpo("export", "cv", *home).stdout

    recipe = str(tmp_path / "recipe.yaml")
    assert hpo("export", "cv", *home, "--out", recipe).returncode == 0
    verdict = json.loads(hpo("verify", recipe, *home, "--json").stdout)
    assert verdict["result"] == "identical"
