"""Code that goes wrong under one choice alone cannot win a search."""

import pytest

from hpo.core.events import Cause, SearchEnded, TestClaimed, TrialEnded, WinnerNamed
from tests.faults.tiny_search import Place

CODE = """
import hpo
import numpy as np

TRAINED_HERE = []

def line(part):
    inputs = np.random.default_rng(len(part)).normal(size=(80, 2)).astype("float32")
    return inputs, inputs.sum(1)

@hpo.trainable(metrics={"mse": "min"})
def fit(run, data, *, kind="right"):
    TRAINED_HERE.append(1)
    weights = run.build()
    run.track()
    for epoch in run.epochs():
        weights["slope"] += 0.2 if kind == "right" else 0.3
        run.report({"mse": np.mean(evaluate(run, weights, data.validation)["mse"])})

@fit.build
def build(run):
    return {"slope": np.zeros(1)}

@fit.evaluate
def evaluate(run, model, dataset):
    lost = run.params["kind"] == "wrong" and not TRAINED_HERE
    slope = 0.0 if lost else model["slope"]
    return {"mse": np.square(dataset.targets - slope * dataset.inputs.sum(1))}
"""
SPEC = """
version: 1
name: kept
data: {source: "kept_code:line"}
trainable: kept_code:fit
space: {kind: {choice: [right, wrong]}}
start_from: [{kind: right}, {kind: wrong}]
sampler: random
scheduler: {name: none, max_epochs: 2}
budget: {trials: 2}
resources: {trials_at_once: 1}
"""


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    (tmp_path / "kept_code.py").write_text(CODE)
    (tmp_path / "kept.yaml").write_text(SPEC)
    yield place
    place.end()


def of(record, kind):
    return [recorded.event for recorded in record if isinstance(recorded.event, kind)]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_next_finalist_takes_its_place(place):
    done = place.run("submit", "kept.yaml", "--set", "finalists={count: 2, seeds: 1}")
    assert done.returncode == 0, done.stderr
    record = place.record("kept-1")
    (failed,) = [event for event in of(record, TrialEnded) if event.cause]
    assert (failed.trial, failed.replicate, failed.cause) == (1, 1, Cause.CODE_ERROR)
    assert "but its saved weights, loaded in another process, give" in failed.message
    assert [event.trial for event in of(record, WinnerNamed)] == [0]
    assert len(of(record, TestClaimed)) == 1


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_without_another_finalist_the_test_part_stays_sealed(place):
    ended = place.run("submit", "kept.yaml", "--set", "finalists={count: 1, seeds: 1}")
    assert ended.returncode == 4
    record = place.record("kept-1")
    assert (of(record, WinnerNamed), of(record, TestClaimed)) == ([], [])
    (end,) = of(record, SearchEnded)
    assert end.status == "no_trial_succeeded"
    assert "1 x code_error on a fresh seed" in end.reason
