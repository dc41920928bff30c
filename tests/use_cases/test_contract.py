"""Planted faults of each kind are found by `hpo try` and by the checks that users run on their code."""

import pytest

from hpo.core.home import Home
from hpo.spec import read_spec
from hpo.testing import check_trainable
from hpo.use_cases.try_recipe import try_recipe

CODE = """
import numpy as np
import hpo

def line(part):
    random = np.random.default_rng(0)
    inputs = random.normal(size=(80, 2)).astype("float32")
    return inputs, inputs.sum(1)

@hpo.trainable(metrics={"mse": "min"})
def fit(run, data, *, fault="none"):
    weights = run.build()
    run.track()
    for epoch in run.epochs():
        weights["slope"] += 0.1 + (np.random.default_rng().random() if fault == "not seeded" else 0)
        SEEN.append(1)
        if fault == "writes":
            data.validation.examples.inputs[:] *= 2
        part = data.train if fault == "other rows" else data.validation
        errors = errors_of(weights, part, np.int8 if fault == "other type" else None)
        run.report({"mse": errors.mean()})

SEEN = []

def errors_of(model, dataset, dtype=None):
    inputs = dataset.inputs.astype(dtype or np.float32)
    return np.square(dataset.targets - model["slope"] * inputs.sum(1))

@fit.build
def build(run):
    slope = np.zeros(1, np.float64)
    if run.params["fault"] == "forgets":
        slope[:] = len(SEEN)
    return {"slope": slope}

@fit.evaluate
def evaluate(run, model, dataset):
    fault = run.params["fault"]
    errors = errors_of(model, dataset)
    if fault == "random":
        errors = errors * np.random.default_rng().random()
    if fault == "length" and not SEEN:
        errors = errors[:-1]
    if fault == "batch":
        errors = errors - errors.mean() + np.square(dataset.targets).mean()
    return {"other" if fault == "name" else "mse": errors}

class Trainable:
    def __init__(self):
        inner = fit.as_trainable()
        self.grammar, self.metrics, self._inner = inner.grammar, inner.metrics, inner
    def train(self, recipe, train, validation, context):
        self._inner.train(recipe, train, validation, context)
    def evaluate(self, models, examples):
        return self._inner.evaluate(models, examples)
    def load(self, recipe, weights, info):
        return self._inner.load(recipe, self.changed(weights), info)

class Forgets(Trainable):
    "Its load returns untrained weights."
    def changed(self, weights):
        from trainables.functions.saved_state import saved
        return saved("model", {"slope": np.zeros(1)})

class Rounds(Trainable):
    "Its load changes their type, and so little that no score shows it."
    def changed(self, weights):
        return {name: a.astype(np.float32) if a.dtype == np.float64 else a for name, a in weights.items()}
"""
SPEC = """
version: 1
data: {source: "planted_code:line"}
trainable: planted_code:NAME
space: {fault: {choice: [none, random]}}
scheduler: {name: none, max_epochs: 3}
budget: {trials: 2}
finalists: {count: 1, seeds: 2}
"""

FOUND_BY_TRY = {
    "random": ("weights", "but its saved weights, loaded in another process, give"),
    "not seeded": ("same seed", "of epoch 1 is"),
    "other rows": ("weights", "but its saved weights, loaded in another process, give"),
    "other type": ("weights", "but its saved weights, loaded in another process, give"),
    "name": ("weights", "evaluate returned other; the declared metrics are mse"),
    "length": ("weights", "evaluate returned mse of shape (15,)"),
}


@pytest.fixture
def spec(tmp_path):
    (tmp_path / "planted_code.py").write_text(CODE)

    def of(name="fit"):
        file = tmp_path / f"{name}.yaml"
        file.write_text(SPEC.replace("NAME", name))
        return file

    return of


@pytest.mark.slow
@pytest.mark.parametrize("fault", FOUND_BY_TRY)
def test_try_finds_a_planted_fault(spec, tmp_path, fault):
    name, text = FOUND_BY_TRY[fault]
    attempt = try_recipe(read_spec(spec()), home=Home(tmp_path / "home"), values={"fault": fault})
    wrong = {found.name: found.detail for found in attempt.findings if found.result == "fails"}
    assert text in wrong[name]


@pytest.mark.slow
def test_try_finds_weights_that_are_not_restored(spec, tmp_path):
    attempt = try_recipe(read_spec(spec("Forgets")), home=Home(tmp_path / "home"), values={"fault": "none"})
    assert [found.name for found in attempt.findings if found.result == "fails"] == ["weights"]


def test_a_sound_trainable_passes_every_check(spec):
    attempt = check_trainable(spec(), values={"fault": "none"})
    names = ["loading", "data", "scoring", "order of rows", "single rows"]
    assert [found.name for found in attempt.findings][-5:] == names
    assert {found.result for found in attempt.findings} == {"holds"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trainable", "fault", "text"),
    [
        ("fit", "writes", "data: the training wrote to its arrays"),
        ("fit", "batch", "single rows: a row alone has another mse"),
        ("fit", "random", "scoring: the same rows scored twice has another mse"),
        ("Rounds", "none", "loading: a model that was loaded has other weights than it was given"),
        ("Forgets", "none", "weights: validation/mse was reported as"),
        ("fit", "length", "weights: its weights cannot be loaded and scored"),
    ],
)
def test_a_fault_fails_a_users_own_test_with_what_was_seen(spec, trainable, fault, text):
    with pytest.raises(AssertionError) as caught:
        check_trainable(spec(trainable), values={"fault": fault})
    assert text in str(caught.value)
