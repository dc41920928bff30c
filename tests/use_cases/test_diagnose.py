"""The diagnosis: curves are read, mistakes are shown, and no test row is looked at."""

import math

import numpy as np
import pytest
import torch

import hpo
from hpo.core.diagnosis import CurvePoint, Diagnosis, SizeResult
from hpo.core.errors import UserError
from hpo.core.home import Home
from hpo.core.json_values import jsonable
from hpo.reports.page.diagnosis_sections import diagnosis_section
from hpo.reports.page.document import rendered
from hpo.use_cases import diagnose as module
from hpo.use_cases.diagnose import diagnose_recipe, diagnose_search, diagnosis_of
from hpo.use_cases.health.curve_reading import readings
from hpo.use_cases.health.data_size import forecast
from hpo.use_cases.health.mistakes import Answers
from tests.use_cases import planted
from tests.use_cases.recorded_search import recorded, searched

EPOCHS = range(1, 21)


def curve(train_loss, loss, train_error, error):
    return [CurvePoint(e, train_loss(e), loss(e), 1 - train_error(e), 1 - error(e)) for e in EPOCHS]


def falling(e):
    return 2.3 * math.exp(-e / 2) + 0.2


SHAPES = {
    "sound": (curve(falling, falling, lambda e: 0.02, lambda e: 0.03), {}),
    "overfitting": (
        curve(falling, lambda e: 0.5 + 0.03 * e, lambda e: 0.5 / e, lambda e: 0.2),
        {"fit": "overfitting"},
    ),
    "underfitting": (
        curve(lambda e: 1.5 + 0.3 / e, lambda e: 1.5 + 0.3 / e, lambda e: 0.4, lambda e: 0.41),
        {"fit": "underfitting"},
    ),
    "flat start": (
        curve(
            lambda e: 2.3 if e < 10 else 2.3 * 0.8 ** (e - 9),
            lambda e: 0.2,
            lambda e: 0.03,
            lambda e: 0.03,
        ),
        {"start": "flat"},
    ),
    "wrong loss": (
        curve(falling, falling, lambda e: 0.9, lambda e: 0.9),
        {"loss and score": "the score stays", "fit": "underfitting"},
    ),
    "too short": (
        curve(lambda e: 2.3 - e / 10, lambda e: 2.3 - e / 10, lambda e: 0.04, lambda e: 0.04),
        {"length": "still falls"},
    ),
    "diverging": (
        curve(lambda e: 1.0 * e, lambda e: 1.0 * e, lambda e: 0.04, lambda e: 0.04),
        {"length": "diverges"},
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_curve_is_read(shape):
    points, expected = SHAPES[shape]
    found = {c.name: c for c in readings(points, maximize=True, proportion=True, rows=1000)}
    doubts = {name: c for name, c in found.items() if c.verdict in ("doubtful", "wrong")}
    assert doubts.keys() == expected.keys()
    assert all(text in doubts[name].reason for name, text in expected.items())
    assert all(check.advice for check in doubts.values())


def test_a_curve_without_losses_or_with_few_epochs_is_open():
    silent = [CurvePoint(e, math.nan, math.nan, math.nan, 0.9) for e in EPOCHS]
    (fit,) = readings(silent, maximize=True, proportion=True, rows=10)
    assert fit.verdict == "open"
    (short,) = readings(silent[:2], maximize=True, proportion=True, rows=10)
    assert short.verdict == "open"


def test_twice_the_data_follows_a_power_law():
    results = [SizeResult(n, 3 * n**-0.5) for n in (100, 200, 400, 800)]
    assert "from about 0.1061 to about 0.07500" in forecast(results, "error")
    assert "hardly help" in forecast([SizeResult(n, 0.2) for n in (100, 200, 400)], "error")
    assert forecast(results[:2], "error") == ""


class Fixed:
    def __init__(self, outputs):
        self.outputs = outputs

    def predict(self, examples):
        return self.outputs[: len(examples)]


def test_mistakes_are_sorted_by_their_loss_and_shown_as_pictures():
    _, validation = planted.digits()
    truth = validation.targets[validation.rows]
    outputs = np.full((len(truth), 10), -5.0, np.float32)
    outputs[np.arange(len(truth)), truth] = 5
    outputs[7], outputs[9] = -5, -5
    outputs[7, (truth[7] + 1) % 10], outputs[9, (truth[9] + 1) % 10] = 2, 8
    answers = Answers.of(planted.ImageClassifier(), Fixed(outputs), validation)
    worst = answers.worst(5)
    assert [row.row for row in worst] == [int(validation.rows[9]), int(validation.rows[7])]
    assert all(row.picture for row in worst)
    assert sum(map(sum, answers.confusion())) == len(truth)
    bins, error = answers.calibration()
    assert sum(each.count for each in bins) == len(truth)
    assert 0 < error < 0.05


def test_a_regression_names_rows_with_their_columns():
    _, validation = planted.table("diabetes")
    outputs = validation.targets[validation.rows] + np.arange(len(validation), dtype=np.float32)
    answers = Answers.of(planted.Tabular(), Fixed(outputs), validation)
    (worst,) = answers.worst(1)
    assert worst.row == int(validation.rows[-1])
    assert worst.shown.startswith("c0 ")
    assert math.isnan(worst.confidence)


def test_a_search_is_diagnosed_on_validation_rows_and_the_result_is_kept(tmp_path, monkeypatch):
    home = recorded(tmp_path, searched())
    home.search("digits").root.mkdir(parents=True)
    train, validation = planted.digits()
    monkeypatch.setattr(
        module, "subject_of_spec", lambda spec, home, values, point: planted.subject("digits", model="mlp")
    )
    recipe = planted.subject("digits", model="mlp", epochs=6).recipe
    monkeypatch.setattr(module, "Recipe", lambda choices: recipe)
    diagnosis = diagnose_search("digits", home=home, with_sizes=False)
    assert {row.row for row in diagnosis.mistakes} <= set(validation.rows.tolist())
    assert not {row.row for row in diagnosis.at_work} & set(train.rows.tolist())
    kept = diagnosis_of("digits", home)
    assert kept is not None
    assert jsonable(kept.to_json()) == jsonable(diagnosis.to_json())
    html = rendered("t", "m", [], [diagnosis_section(kept)])
    assert "data:image/png;base64," in html
    assert "Confusion matrix" in html


def diagnosed(subject, metric, *, with_sizes=False):
    return module._diagnosed(subject, subject.recipe, 4, metric, 0, "mine", with_sizes)


def test_a_recipe_without_a_metric_is_judged_by_one_that_is_reported():
    """The first metric of the trainable is the accuracy, which a table of values does not have."""
    subject = planted.subject("diabetes", model={"name": "mlp"}, epochs=4)
    diagnosis = diagnosed(subject, subject.trainable.metrics[0].name, with_sizes=True)
    assert diagnosis.metric != "accuracy"
    assert math.isfinite(diagnosis.curve[-1].score)
    assert all(math.isfinite(result.error) for result in diagnosis.sizes)


@hpo.trainable(metrics={"accuracy": "max"})
def fit(run, data, *, learning_rate=0.1):
    """A trainable that reports a score and cannot predict."""
    model = run.build()
    for epoch in run.epochs():
        run.report({"accuracy": 0.2 * epoch})
    assert model is not None


@fit.build
def build(run):
    return torch.nn.Linear(4, 2)


@fit.evaluate
def evaluate(model, dataset):
    return {"accuracy": np.ones(len(dataset))}


def test_code_without_predictions_is_diagnosed_as_far_as_it_goes():
    diagnosis = diagnosed(planted.subject("wine", fit.as_trainable()), "accuracy")
    checks = {check.name: check for check in diagnosis.checks}
    assert len(diagnosis.curve) == 4
    assert checks["mistakes"].verdict == "open"
    assert "@fit.predict" in checks["mistakes"].reason
    assert "does not report its loss" in checks["fit"].reason
    assert (diagnosis.mistakes, diagnosis.confusion, diagnosis.calibration) == ((), (), ())


def test_a_search_without_a_value_has_nothing_to_diagnose(tmp_path):
    with pytest.raises(UserError, match="no trial has a value yet"):
        diagnose_search("digits", home=recorded(tmp_path, []))


@pytest.mark.slow
def test_a_recipe_is_diagnosed_with_the_spec_beside_it(tmp_path):
    from hpo.spec.recipe_files import yaml_text

    spec = {
        "version": 1,
        "data": {"source": "digits"},
        "trainable": "image_classifier",
        "space": {"learning_rate": {"loguniform": [1e-3, 0.3]}},
        "scheduler": {"name": "none", "max_epochs": 5},
        "budget": {"trials": 4},
    }
    (tmp_path / "digits.yaml").write_text(yaml_text(spec))
    recipe = {"version": 1, "trainable": "image_classifier", "recipe": {"model": "mlp"}}
    (tmp_path / "mine.yaml").write_text(yaml_text(recipe))
    diagnosis = diagnose_recipe(tmp_path / "mine.yaml", home=Home(tmp_path / "home"))
    assert [result.rows for result in diagnosis.sizes] == sorted(result.rows for result in diagnosis.sizes)
    assert len(diagnosis.sizes) == 4
    assert "training rows" in diagnosis.forecast
    assert isinstance(Diagnosis.of_json(jsonable(diagnosis.to_json())), Diagnosis)
