"""Trials that failed are tried again after their code was fixed, in a search with every kind of range."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hpo.core.events import End
from hpo.core.home import Home
from hpo.ledger.searches import open_ledger, read_history

ROOT = Path(__file__).parent.parent.parent

CODE = """
import numpy as np
import hpo

def line(part):
    random = np.random.default_rng(0 if part == "development" else 1)
    inputs = random.normal(size=(80, 2)).astype("float32")
    return inputs, inputs.sum(1)

@hpo.trainable(metrics={"mse": "min"})
def fit(run, data, *, rate=0.1, bias=0.0, hidden=32, bottleneck=16, layers=1, widths=[16.0]):
    assert bottleneck == hidden // 2 and hidden % 16 == 0 and len(widths) == layers
    weights = run.build()
    run.track()
    for epoch in run.epochs():
        weights["slope"] += rate * (1 - weights["slope"])
        weights["bias"][:] = bias
        run.report(evaluate(weights, data.validation))

@fit.build
def build():
    return {"slope": np.zeros(1), "bias": np.zeros(1)}

@fit.evaluate
def evaluate(model, dataset):
    if model["bias"] < 0:
        raise KeyError("no column for a negative bias")  # MEND
    outputs = model["slope"] * dataset.inputs.sum(1) + model["bias"]
    return {"mse": np.square(dataset.targets - outputs)}
"""
SPEC = """
version: 1
data: {source: "retried_code:line"}
trainable: retried_code:fit
space:
  rate: {lognormal: [-2, 0.5]}
  bias: {normal: [0, 1]}
  hidden: {qloguniform: [16, 256, 16]}
  bottleneck: {expression: "hidden // 2"}
  layers: {randint: [1, 3]}
  widths: {list: {qlognormal: [3, 0.5, 4]}, length: layers}
sampler: random
scheduler: {name: none, max_epochs: 2}
budget: {trials: 8}
resources: {trials_at_once: 1}
finalists: {count: 1, seeds: 2}
"""


def run(folder, *arguments):
    variables = {**os.environ, "HPO_REGISTER": str(folder / "register.db"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "hpo.cli.main", "--home", str(folder / "home"), *arguments]
    return subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, timeout=280, check=False
    )


def states(folder):
    history = read_history(open_ledger("ranges", Home(folder / "home")))
    return {trial.trial: trial for trial in history.trials}


@pytest.mark.slow
def test_a_failed_trial_is_trained_at_the_same_point_by_the_fixed_code(tmp_path):
    code = tmp_path / "retried_code.py"
    code.write_text(CODE)
    (tmp_path / "spec.yaml").write_text(SPEC)
    first = run(tmp_path, "submit", "spec.yaml", "--name", "ranges", "--no-test")
    assert first.returncode == 0, first.stderr + first.stdout
    before = states(tmp_path)
    failed = [trial for trial in before.values() if trial.end is End.FAILED]
    assert 0 < len(failed) < 8
    assert all("no column for a negative bias" in trial.message for trial in failed)

    code.write_text(CODE.replace('raise KeyError("no column for a negative bias")  # MEND', "pass"))
    again = run(tmp_path, "retry", "ranges", "--failed", "--no-test")
    assert again.returncode == 0, again.stderr + again.stdout
    after = states(tmp_path)
    retried = [trial for number, trial in after.items() if number not in before]
    assert [trial.point for trial in retried] == [trial.point for trial in failed]
    assert {trial.end for trial in retried} == {End.FINISHED}
    assert all(after[trial.trial].end is End.FAILED for trial in failed)
    for trial in after.values():
        recipe = trial.recipe
        assert recipe["bottleneck"] == recipe["hidden"] // 2
        assert len(recipe["widths"]) == recipe["layers"]
    assert run(tmp_path, "audit", "ranges").returncode == 0
