"""The weights that a worker keeps of a training that gives a model: the last epoch's, or a mean."""

import numpy as np
import pytest

from hpo.core.events import Cause
from hpo.core.home import SearchFolder
from hpo.core.objective import Objective
from hpo.core.ports import TrainingTask
from hpo.core.trainable import DataInfo, Examples
from hpo.metrics.assessment import Assessment
from hpo.running import checkpoints
from hpo.running.environment import OpenedStage, TrainingData, TrainingEnvironment
from hpo.running.final_scores import contributions, dependence
from hpo.running.worker import Worker
from tests.running.curves import Curves, open_stage

INFO = DataInfo("array", "regression", (1,))
PART = Examples(np.zeros((4, 1)), np.zeros(4, np.float32), np.arange(4), INFO)
UNTOUCHED = Examples(np.zeros((4, 1)), np.zeros(4, np.float32), np.arange(2), INFO)


class Averaged(Curves):
    """Curves whose weights can be averaged; a hundredth is added to make that visible."""

    def average(self, recipe, mean, train, context):
        assert len(train) == 4
        return {"value": mean["value"] + 0.01}


def open_averaged():
    return OpenedStage(Averaged(), lambda split: TrainingData(PART, PART))


def open_with_final():
    return OpenedStage(Averaged(), lambda split: TrainingData(PART, PART), lambda: UNTOUCHED)


@pytest.fixture
def place(tmp_path):
    def build(open=open_stage, **settings):
        return TrainingEnvironment(
            open, SearchFolder(tmp_path / "search"), Objective("score", "max"), **settings
        )

    return build


def order(**fields):
    recipe = {"height": 0.9, "mishap": "none", "seconds": 0.0}
    common = {"trial": 0, "replicate": 1, "recipe": recipe, "seed": 5, "horizon": 6, "keep_weights": True}
    return TrainingTask(**{**common, **fields})


def trained(worker, what, until=None):
    """Reports and the last message, up to the kept weights or another end."""
    worker.start(what)
    reports = []
    for _ in range(50):
        message = worker.advance()
        reports += message.reports
        if message.failure or message.weights[0] or (until and until(message)):
            worker.abandon()
            return reports, message
    raise AssertionError("it never ended")


def kept(message, tmp_path):
    return float(checkpoints.read(tmp_path / "search" / "weights" / message.weights[0])["value"])


def test_it_ends_early_with_the_weights_of_its_last_epoch(place, tmp_path):
    whole, _ = trained(Worker(place()), order())
    reports, last = trained(Worker(place()), order(until=4))
    assert [r.epoch for r in reports] == [1, 2, 3, 4]
    assert kept(last, tmp_path) == reports[-1].metrics["seen/score"]
    assert [r.metrics["validation/score"] for r in whole[:4]] == [r.metrics["seen/score"] for r in reports]


def test_training_rows_are_neither_validation_nor_final_scores(place):
    reports, last = trained(Worker(place(open_with_final)), order(until=4))
    assert {name for r in reports for name in r.metrics} == {"seen/score"}
    assert last.scores == {}


def test_a_mean_of_weights_is_kept_completed_and_scored(place, tmp_path):
    reports, last = trained(Worker(place(open_with_final)), order(averages=3))
    expected = np.mean([r.metrics["validation/score"] for r in reports[3:]]) + 0.01
    assert kept(last, tmp_path) == pytest.approx(expected, abs=1e-12)
    assert last.scores == {"averaged/score": kept(last, tmp_path), "final/score": kept(last, tmp_path)}


@pytest.mark.parametrize("fields", [{"until": 5}, {"averages": 4}])
def test_a_training_resumes_from_a_checkpoint_as_if_undisturbed(place, fields):
    _, undisturbed = trained(Worker(place(open_averaged)), order(**fields))
    worker = Worker(place(open_averaged, checkpoint_epochs=1))
    _, broken = trained(
        worker, order(**fields, pauses=(4,)), lambda m: m.checkpoint and m.checkpoint.epoch == 4
    )
    resumed = Worker(place(open_averaged))
    rest, last = trained(resumed, order(**fields, checkpoints=(broken.checkpoint,)))
    assert rest[0].epoch == 5
    assert last.weights == undisturbed.weights


class Faulty(Averaged):
    def average(self, recipe, mean, train, context):
        raise ValueError("no mean")


def open_faulty():
    return OpenedStage(Faulty(), lambda split: TrainingData(PART, PART))


def test_a_faulty_average_is_the_trainings_failure(place):
    _, last = trained(Worker(place(open_faulty)), order(averages=2))
    assert last.failure[0] is Cause.CODE_ERROR
    assert "no mean" in last.failure[1]


class Shares:
    """Scores that are means over examples, and one that is not."""

    def score(self, outputs, targets):
        return {
            "accuracy": float((outputs == targets).mean()),
            "loss": float(((outputs - targets) ** 2).mean()),
            "root": float(((outputs - targets) ** 2).mean() ** 0.5),
            "range": float(outputs.max()),
        }


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("accuracy", np.array([1, 0, 1, 0], np.uint8)),
        ("loss", np.array([0, 0.25, 0, 1], np.float32)),
        ("root", np.array([0.2795085, 0.5031153, 0.2795085, 1.1739357], np.float32)),
        ("range", None),
        ("unknown", None),
    ],
)
def test_contributions_are_recorded_only_for_smooth_scores(metric, expected):
    outputs, targets = np.array([1.0, 0.5, 0.0, 2.0]), np.array([1.0, 1.0, 0.0, 1.0])
    found = contributions(Assessment({}, {}, Shares().score, outputs, targets), metric)
    if expected is None:
        assert found is None
    else:
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        assert found.dtype == expected.dtype


@pytest.mark.parametrize("fields", [{"until": 4}, {"averages": 2}, {"split": "fold-1.1"}])
def test_only_plain_fresh_trainings_record_validation_contributions(place, tmp_path, fields):
    _, plain = trained(Worker(place(open_averaged)), order())
    name, sha256 = plain.examples
    each = checkpoints.read(tmp_path / "search" / "weights" / name, sha256)["contributions"]
    assert each.mean() == pytest.approx(kept(plain, tmp_path), abs=1e-6)
    _, other = trained(Worker(place(open_averaged)), order(**fields))
    assert other.examples == ("", "")


def test_a_model_without_predictions_does_not_fail_its_training(place):
    _, last = trained(Worker(place(open_stage)), order())
    assert last.failure is None
    assert (bool(last.weights[0]), last.examples) == (True, ("", ""))


def test_groups_that_are_texts_are_kept_as_numbers(tmp_path):
    groups = np.array(["ann", "bob", "ann", "eve"])
    info = DataInfo("array", "regression", (1,))
    examples = Examples(np.zeros((4, 1)), np.zeros(4), np.array([0, 2, 3]), info, groups, np.arange(4.0))
    file = tmp_path / "examples-0-1.safetensors"
    kept = checkpoints.read(file, checkpoints.write(file, dependence(examples)))
    assert kept["groups"].tolist() == [0, 0, 1]
    assert kept["times"].tolist() == [0.0, 2.0, 3.0]
