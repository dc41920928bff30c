"""Trying a recipe: what holds, what does not, and no test row is read."""

import bdb

import pytest

from hpo.core.errors import UserError
from hpo.core.home import Home
from hpo.spec import read_spec
from hpo.use_cases.try_recipe import try_recipe

CODE = """
import numpy as np
import hpo

def line(part, n=900):
    if part == "test":
        raise_if_scored()
    random = np.random.default_rng(0)
    inputs = random.normal(size=(n, 2)).astype("float32")
    return inputs, inputs.sum(1)

def raise_if_scored():
    pass

COUNT = []

@hpo.trainable(metrics={"mse": "min"})
def fit(run, data, *, fault="none", rate=0.1):
    weights = run.build()
    extra = {"momentum": np.zeros(1)}
    if fault != "unsaved":
        run.track(extra=extra)
    if fault == "untracked":
        run.track(extra={"unrelated": np.zeros(1)})
    if fault == "raises":
        raise KeyError("the user's own mistake")
    if fault == "returns":
        return
    if fault == "stops in the debugger":
        breakpoint()
    COUNT.append(1)
    for epoch in run.epochs():
        noise = len(COUNT) if fault == "random" else 0
        extra["momentum"] += 0.01
        weights["slope"] += rate * np.random.rand() + extra["momentum"] + noise
        run.report(evaluate(run, weights, data.validation))
        if fault == "stops":
            return

@fit.build
def build(run):
    return {"slope": np.zeros(1)}

@fit.evaluate
def evaluate(run, model, dataset):
    error = np.square(dataset.targets - model["slope"] * dataset.inputs.sum(1))
    wrong = 1.0 if run.params["fault"] == "forgets" and run.horizon else 0.0
    return {"mse": error + wrong}

@fit.predict
def predict(run, model, dataset):
    return model["weights" if run.params["fault"] == "predicts" else "slope"] * dataset.inputs.sum(1)
"""
SPEC = """
version: 1
data: {source: "tried:line"}
trainable: tried:fit
space: {rate: {uniform: [0.01, 0.2]}}
scheduler: {name: none, max_epochs: 4}
budget: {trials: 3}
resources: {trials_at_once: 1}
finalists: {count: 1, seeds: 2}
"""


@pytest.fixture
def tried(tmp_path):
    (tmp_path / "tried.py").write_text(CODE)
    (tmp_path / "spec.yaml").write_text(SPEC)
    spec = read_spec(tmp_path / "spec.yaml")

    def of(fault, **more):
        return try_recipe(spec, home=Home(tmp_path / "home"), values={"fault": fault}, **more)

    return of


def results(attempt):
    return {finding.name: finding.result for finding in attempt.findings}


def test_what_holds_is_reported_with_times_and_the_rows_used(tried):
    attempt = tried("none")
    names = ["trains", "weights", "resuming", "same seed"]
    assert results(attempt) == dict.fromkeys(names, "holds")
    assert attempt.exit_code == 0
    assert attempt.rows == {"train": (200, 720), "validation": (180, 180)}
    # 3 trials of 4 epochs and 2 fresh seeds, one training at a time
    assert attempt.search_seconds == pytest.approx(20 * attempt.epoch_seconds)


@pytest.mark.parametrize(
    ("fault", "name", "text"),
    [
        ("forgets", "weights", "but its saved weights, loaded in another process, give"),
        ("untracked", "resuming", "of epoch 2 is"),
        ("random", "same seed", "of epoch 1 is"),
        ("raises", "trains", 'KeyError: "the user\'s own mistake" (line'),
        ("returns", "trains", "ended without a report"),
        (
            "predicts",
            "predicting",
            "cannot be used: `predict` fails: KeyError: 'weights' (line",
        ),
    ],
)
def test_what_does_not_hold_is_reported_with_what_was_observed(tried, fault, name, text):
    attempt = tried(fault)
    (found,) = [finding for finding in attempt.findings if finding.name == name]
    assert found.result == "fails"
    assert text in found.detail
    assert attempt.exit_code == 1


def test_what_cannot_be_found_out_is_open(tried):
    unsaved, stops = tried("unsaved"), tried("stops")
    assert results(unsaved)["resuming"] == "open"
    assert results(stops)["length"] == "open"
    assert stops.exit_code == 0


def test_a_debugger_is_given_the_error_of_the_users_code(tried):
    caught = []
    tried("raises", debug=caught.append)
    assert [type(error) for error in caught] == [KeyError]


def test_a_breakpoint_stops_once_and_not_in_the_trainings_that_repeat_it(tried, monkeypatch):
    stopped = []
    monkeypatch.setattr("sys.breakpointhook", lambda: stopped.append(1))
    assert set(results(tried("stops in the debugger")).values()) == {"holds"}
    assert stopped == [1]


def test_leaving_the_debugger_is_said(tried, monkeypatch):
    def leave():
        raise bdb.BdbQuit

    monkeypatch.setattr("sys.breakpointhook", leave)
    (found,) = tried("stops in the debugger").findings
    assert (found.name, found.detail) == ("trains", "it was ended in the debugger")


def test_a_value_that_is_not_legal_is_named(tried):
    with pytest.raises(UserError, match="fault: 3 is not a text"):
        tried(3)
