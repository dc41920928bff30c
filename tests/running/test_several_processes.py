"""Trainings in several processes of a worker: torch's group, verdicts, failures, losses and equal curves."""

import os

import psutil
import pytest

from hpo.core.events import Cause
from hpo.running import ranks
from hpo.running.worker import Worker
from tests.running.several_processes import (
    environment,
    open_digits,
    open_ranks,
    open_table,
    task,
    train,
)
from trainables.registry import SHIPPED

TIMED = ("images_per_second", "seconds_per_example", "peak_memory")

TOLERANCE = 1e-5
"""Relative difference up to which the curves of one and of several processes are the same."""


def rank_processes():
    """The other processes of this process's workers."""
    children = psutil.Process().children()
    return [child for child in children if "hpo.running.rank_process" in " ".join(child.cmdline())]


@pytest.fixture
def worker_of():
    """Makes workers whose processes end with the test."""
    workers = []

    def build(*arguments, **settings):
        workers.append(Worker(environment(*arguments, **settings)))
        return workers[-1]

    yield build
    for worker in workers:
        worker.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_processes_of_a_training_form_a_group_and_follow_the_first_ones_verdicts(worker_of, tmp_path):
    worker = worker_of(open_ranks, tmp_path, checkpoint_epochs=1)
    reports, _ = train(worker, task({"mishap": "none"}))
    expected = {"validation/ranks": 3.0, "world": 2.0, "launcher": 2.0}
    assert [(report.epoch, report.metrics) for report in reports] == [(n, expected) for n in (1, 2, 3, 4)]
    started = rank_processes()
    worker.start(task({"mishap": "none"}, trial=1, pauses=(2,)))
    message = worker.advance()
    while not (message.reports and message.reports[-1].epoch == 2):
        message = worker.advance()
    worker.abandon()  # stopped at a rung
    assert "WORLD_SIZE" not in os.environ
    continued, _ = train(worker, task({"mishap": "none"}, trial=1, checkpoints=(message.checkpoint,)))
    assert [report.epoch for report in continued] == [3, 4]
    worker.abandon()
    assert rank_processes() == started  # reused
    log = (tmp_path / "logs" / "1-0.log").read_text()
    assert log.count("epoch 4 in process 0") == log.count("epoch 4 in process 1") == 1
    worker.close()
    assert not rank_processes()


def test_one_process_starts_no_other_and_knows_of_none(worker_of, tmp_path):
    reports, _ = train(worker_of(open_ranks, tmp_path, processes=1), task({"mishap": "none"}))
    assert [report.metrics["world"] for report in reports] == [1.0] * 4
    assert not rank_processes()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_failure_or_loss_of_any_process_is_that_of_the_training(worker_of, tmp_path):
    worker = worker_of(open_ranks, tmp_path)
    for mishap, cause, text in (
        ("error in rank 0", Cause.CODE_ERROR, "the mistake of rank 0"),
        ("memory", Cause.OUT_OF_MEMORY, "in process 1 of the training"),
    ):
        reports, last = train(worker, task({"mishap": mishap}))
        assert [report.epoch for report in reports] == [1]
        assert last.failure[0] is cause
        assert text in last.failure[1]
        assert not last.lost
    _, last = train(worker, task({"mishap": "killed"}))
    assert (last.failure, last.lost) == (None, "process 1 of the training was killed by SIGKILL")
    reports, last = train(worker, task({"mishap": "none"}))
    assert len(reports) == 4
    worker.abandon()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_loss_that_the_first_process_does_not_notice_ends_the_attempt(worker_of, tmp_path, monkeypatch):
    monkeypatch.setattr(ranks, "SETTLING", 1.0)
    worker = worker_of(open_ranks, tmp_path)
    _, last = train(worker, task({"mishap": "killed, and rank 0 does not notice"}))
    assert last.lost == "process 1 of the training was killed by SIGKILL"
    assert last.lost_worker
    (tmp_path / "trials" / "0-0" / "goes on").touch()
    worker.abandon()


CNN = {"model": {"name": "cnn"}, "normalization": {"name": "group_norm"}}
RECIPES = {
    "table": (
        open_table,
        "tabular",
        {
            "normalization": {"name": "layer_norm"},
            "loss": {"name": "cross_entropy", "class_weights": "balanced"},
        },
    ),
    "images": (open_digits, "image_classifier", {**CNN, "augment": {"mixup": {}, "random_crop": {}}}),
    "penalties, passes and an average": (
        open_digits,
        "image_classifier",
        {
            **CNN,
            "regularize": {"gradient_penalty": {"rate": 0.01}, "l1": {"rate": 1e-5}},
            "accumulation": 2,
            "loss": {"name": "cross_entropy", "class_weights": "balanced"},
            "averaging": {"name": "ema"},
            "gradient_clipping": {"name": "norm", "limit": 1.0},
        },
    ),
}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("kind", "processes"), [*zip(RECIPES, (3, 2, 3), strict=True)])
def test_shipped_trainables_have_the_learning_curve_of_one_process(kind, processes, worker_of, tmp_path):
    """301 rows in batches of 48: the last one of an epoch has 13 rows, which cannot be shared equally."""
    opened, name, choices = RECIPES[kind]
    recipe = SHIPPED[name].grammar.resolve({"batch_size": 48, **choices})
    curves = {}
    for count in (1, processes):
        worker = worker_of(opened, tmp_path / str(count), count, "accuracy")
        reports, last = train(worker, task(recipe, epochs=3))
        assert last.failure is None
        worker.abandon()
        curves[count] = [dict(report.metrics) for report in reports]
    for alone, together in zip(curves[1], curves[processes], strict=True):
        assert list(alone) == list(together)
        for metric in alone.keys() - set(TIMED):
            assert together[metric] == pytest.approx(alone[metric], rel=TOLERANCE, abs=1e-6), metric


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_batch_that_the_processes_cannot_share_is_refused(worker_of, tmp_path):
    recipe = SHIPPED["tabular"].grammar.resolve({"batch_size": 33})
    _, last = train(worker_of(open_table, tmp_path, 2, "accuracy"), task(recipe))
    assert "33 rows cannot be shared equally by 2 processes" in last.failure[1]
