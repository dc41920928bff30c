"""A fault in loading or scoring is found when the first trial has reported once."""

from types import SimpleNamespace

import numpy as np
import pytest

from hpo.core.events import Cause
from hpo.core.home import Home, SearchFolder
from hpo.core.objective import Objective
from hpo.core.ports import TrainingTask
from hpo.running.environment import TrainingEnvironment
from hpo.running.worker import Worker
from hpo.spec.data_fields import READING, Data
from hpo.use_cases.dataset.split_dataset import split_dataset_of
from hpo.use_cases.dataset.staging import DataStaging
from hpo.use_cases.model.weights_check import WeightsCheck

CODE = """
import os
from pathlib import Path

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
        weights["slope"] += 0.1
        if fault == "unseeded":
            weights["slope"] += np.random.default_rng().normal()
        if fault == "seeded":
            weights["slope"] += np.random.normal()
        if fault == "only once":
            Path(os.environ["ONCE"]).touch(exist_ok=False)
        if fault == "outside":
            SEEN.append(1)
        part = data.train if fault == "other rows" else data.validation
        values = evaluate(run, weights, part)
        if fault == "other rows":
            values = {name: float(np.mean(value)) for name, value in values.items()}
        if fault == "other type":
            values = {"mse": np.square(part.targets - 0.1 * part.inputs.astype(np.int8).sum(1))}
        run.report({"mse": np.mean(list(values.values())[0])})

SEEN = []

@fit.build
def build(run):
    return {"slope": np.zeros(1)}

@fit.evaluate
def evaluate(run, model, dataset):
    fault = run.params["fault"]
    slope = model["slope"]
    if fault == "outside" and not SEEN:
        raise KeyError("what only the training process has")
    if fault == "random":
        slope = np.random.default_rng().normal(size=1)
    errors = np.square(dataset.targets - slope * dataset.inputs.sum(1))
    if fault == "length" and not SEEN and run.horizon == 0:
        errors = errors[:-1]
    return {"other" if fault == "name" else "mse": errors}

@fit.predict
def predict(run, model, dataset):
    return model["weights" if run.params["fault"] == "predict" else "slope"] * dataset.inputs.sum(1)

class Forgets:
    "A class whose load returns untrained weights."
    def __init__(self):
        inner = fit.as_trainable()
        self.grammar, self.metrics, self._inner = inner.grammar, inner.metrics, inner
    def train(self, recipe, train, validation, context):
        self._inner.train(recipe, train, validation, context)
    def evaluate(self, models, examples):
        return self._inner.evaluate(models, examples)
    def load(self, recipe, weights, info):
        from trainables.functions.saved_state import saved
        return self._inner.load(recipe, saved("model", {"slope": np.zeros(1)}), info)

class SometimesForgets(Forgets):
    "A class whose load goes wrong under one choice alone."
    def load(self, recipe, weights, info):
        return (super() if recipe["fault"] == "forgets" else self._inner).load(recipe, weights, info)

class Rounds(Forgets):
    "A class that loads its weights in another precision, which its score does not show."
    def load(self, recipe, weights, info):
        rounded = {name: a.astype(np.float32) if a.dtype == np.float64 else a for name, a in weights.items()}
        return self._inner.load(recipe, rounded, info)

class Line:
    def __init__(self, slope):
        self.slope = slope
    def weights(self):
        return {"slope": self.slope}
    def predict(self, examples):
        return examples.inputs[examples.rows] @ self.slope

class Constant:
    "A class whose score is always 0.6."
    grammar, metrics = Forgets().grammar, Forgets().metrics
    def train(self, recipe, train, validation, context):
        for _ in context.epochs():
            context.report({"validation/mse": 0.3}, Line(np.ones(2)))
    def load(self, recipe, weights, info):
        return Line(weights["slope"])
    def score(self, outputs, targets):
        return {"mse": 0.6}

class Lucky(Constant):
    "A class whose score depends on the outputs, although they are as good in another order."
    def score(self, outputs, targets):
        return {"mse": float(np.mean(outputs**2))}

class Holes(Constant):
    "A class that predicts no number for three rows, which its score leaves out."
    def train(self, recipe, train, validation, context):
        model = self.load(recipe, {"slope": np.ones(2)}, None)
        score = self.score(model.predict(validation), validation.targets[validation.rows])
        for _ in context.epochs():
            context.report({"validation/mse": score["mse"]}, model)
    def load(self, recipe, weights, info):
        return Leaky(weights["slope"])
    def score(self, outputs, targets):
        return {"mse": float(np.nanmean((outputs - targets) ** 2))}

class Leaky(Line):
    def predict(self, examples):
        return np.where(np.arange(len(examples)) < 3, np.nan, super().predict(examples))
"""


@pytest.fixture
def warned():
    """Takes the warnings of a trial as `warnings`."""
    return SimpleNamespace(warnings=[])


@pytest.fixture
def searching(tmp_path, monkeypatch):
    """A worker of a search whose trainable has a name in the code above."""
    (tmp_path / "checked_code.py").write_text(CODE)
    monkeypatch.setenv("ONCE", str(tmp_path / "once"))
    data = Data(source="checked_code:line", reading=READING)
    dataset = split_dataset_of(data, tmp_path, Home(tmp_path / "home"))
    folder = SearchFolder(tmp_path / "search")

    def worker(name, **choices):
        staging = DataStaging.of(
            f"checked_code:{name}",
            tmp_path,
            dataset.prepared.folder,
            {"search": dataset.split},
            folder.root,
        )
        check = WeightsCheck(staging, **choices)
        return Worker(TrainingEnvironment(staging, folder, Objective("mse", "min"), check=check))

    return worker


def trained(worker, task):
    """What happens to a training until it fails or has trained two epochs: its last message, all warnings."""
    worker.start(task)
    reports, warnings = [], []
    while True:
        message = worker.advance()
        reports += message.reports
        warnings += message.warnings
        if message.failure or (reports and reports[-1].epoch == 2):
            worker.abandon()
            return message, warnings


@pytest.fixture
def ended(searching, warned):
    """How a trial ends, and whether its search need not check again."""

    def of(fault, name="fit", sealed=False, first=None):
        worker = searching(name, sealed=sealed, first=first)
        message, warned.warnings = trained(worker, TrainingTask(0, 0, {"fault": fault}, 3, 2))
        return message.failure, worker._weights_hold

    return of


def test_a_training_whose_weights_give_its_score_continues(ended):
    assert ended("none") == (None, True)


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("outside", "cannot be loaded and scored in another process: KeyError: 'what only the training"),
        ("random", "was reported as .* but its saved weights, loaded in another process, give"),
        ("other rows", "was reported as .* but its saved weights, loaded in another process, give"),
        ("other type", "was reported as .* but its saved weights, loaded in another process, give"),
        ("name", "evaluate returned other; the declared metrics are mse"),
        ("length", r"evaluate returned mse of shape \(15,\); .* each of the 16 rows"),
    ],
)
def test_a_fault_is_found_at_the_first_report(ended, fault, text):
    failure, passed = ended(fault)
    assert failure is not None
    assert failure[0] is Cause.CODE_ERROR
    assert not passed
    with pytest.raises(AssertionError, match=text):
        raise AssertionError(failure[1])


def test_weights_that_are_not_restored_are_found(ended):
    failure, passed = ended("none", "Forgets")
    assert not passed
    assert "was reported as" in failure[1]
    assert np.isfinite(float(failure[1].split("give ")[1].split()[0]))


def test_a_score_that_ignores_the_outputs_is_refused_before_it_opens_a_test_part(ended):
    failure, passed = ended("none", "Constant")
    assert failure[0] is Cause.CODE_ERROR
    assert not passed
    assert "`score` gives mse 0.6 whatever the model returns, and not what was reported" in failure[1]


def test_a_score_that_ignores_the_outputs_is_a_warning_while_the_test_part_stays_sealed(ended, warned):
    assert ended("none", "Constant", sealed=True) == (None, True)
    assert len(warned.warnings) == 1
    assert "whatever the model returns" in warned.warnings[0]


def test_weights_that_are_loaded_in_another_precision_are_a_warning(ended, warned):
    assert ended("none", "Rounds") == (None, True)
    (warning,) = warned.warnings
    assert warning.startswith(
        "1 array of its weights become another type when they are loaded: slope (float32"
    )


def test_predictions_that_are_not_numbers_are_a_warning_where_the_score_is_one(ended, warned):
    assert ended("none", "Holes") == (None, True)
    (warning,) = warned.warnings
    assert "3 of 16 predictions are not numbers on the validation rows" in warning


def test_predictions_that_fail_are_a_warning_where_no_score_needs_them(ended, warned):
    assert ended("predict") == (None, True)
    (warning,) = warned.warnings
    assert warning.startswith("`predict` fails: KeyError: 'weights' (line ")


def test_wrong_weights_are_refused_although_the_test_part_stays_sealed(ended, warned):
    failure, passed = ended("none", "Lucky", sealed=True)
    assert failure[0] is Cause.CODE_ERROR
    assert not passed
    assert "was reported as 0.3, but its saved weights" in failure[1]
    assert warned.warnings == []


def test_a_training_that_is_not_deterministic_is_found_at_the_first_trial(ended, warned):
    assert ended("unseeded", first=0) == (None, True)
    (warning,) = warned.warnings
    assert warning.startswith("its scores cannot be reproduced: validation/mse of the first epoch is ")
    assert "when it is trained again on the same seed; draw every random number from the run's" in warning


@pytest.mark.parametrize(("fault", "first"), [("seeded", 0), ("unseeded", 1), ("unseeded", None)])
def test_nothing_is_said_of_seeded_trainings_and_no_later_trial_is_trained_twice(ended, warned, fault, first):
    assert ended(fault, first=first) == (None, True)
    assert warned.warnings == []


def test_a_training_that_works_only_once_continues_with_a_warning(ended, warned):
    failure, _ = ended("only once", first=0)
    assert "FileExistsError" in failure[1], "the second epoch"
    (warning,) = warned.warnings
    assert warning.startswith("it is not known whether its scores can be reproduced: a second training fails")


def test_weights_that_are_kept_are_checked_whatever_earlier_ones_gave(searching):
    worker = searching("SometimesForgets")
    message, _ = trained(worker, TrainingTask(0, 0, {"fault": "none"}, 3, 2))
    assert (message.failure, worker._weights_hold) == (None, True)
    kept, _ = trained(worker, TrainingTask(0, 1, {"fault": "none"}, 3, 2, keep_weights=True))
    assert (kept.failure, kept.weights[0]) == (None, "0-1.safetensors")
    wrong, _ = trained(worker, TrainingTask(1, 1, {"fault": "forgets"}, 3, 2, keep_weights=True))
    assert wrong.failure[0] is Cause.CODE_ERROR
    assert "but its saved weights, loaded in another process, give" in wrong.failure[1]
    assert wrong.weights == ("", "")
