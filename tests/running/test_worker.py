"""A worker: its reports, waits, failures and leftovers."""

import dataclasses
import errno
import json
import logging
import math
import platform
import struct
import sys
import threading
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from hpo.core.errors import ChangedCode
from hpo.core.events import Cause
from hpo.core.home import SearchFolder
from hpo.core.objective import Objective
from hpo.core.ports import TrainingTask
from hpo.running import channel as channels
from hpo.running import checkpoints
from hpo.running.environment import OpenedStage, TrainingData, TrainingEnvironment
from hpo.running.worker import Worker
from tests.running.curves import Curves, open_stage


@pytest.fixture
def place(tmp_path):
    def build(**settings):
        folder = SearchFolder(tmp_path / "search")
        return TrainingEnvironment(open_stage, folder, Objective("score", "max"), **settings)

    return build


def order(mishap="none", **fields):
    recipe = {"height": 0.9, "mishap": mishap, "seconds": 0.0}
    return TrainingTask(**{"trial": 0, "replicate": 0, "recipe": recipe, "seed": 5, "horizon": 6, **fields})


def hear(worker, until):
    """Collect messages until a condition holds for all reports, the failure and the weights."""
    reports, warnings = [], []
    for _ in range(50):
        message = worker.advance()
        reports += message.reports
        warnings += message.warnings
        if until(message, reports):
            return reports, warnings, message
    raise AssertionError("the worker never said it")


def whole(worker, what):
    worker.start(what)
    reports, _, last = hear(worker, lambda m, r: m.failure or (r and r[-1].epoch == what.horizon))
    worker.abandon()
    return reports, last


def test_it_reports_every_epoch_to_the_horizon(place):
    reports, last = whole(Worker(place()), order())
    assert [r.epoch for r in reports] == [1, 2, 3, 4, 5, 6]
    assert last.failure is None


def test_it_waits_at_a_rung_for_the_verdict(place):
    worker = Worker(place())
    worker.start(order(pauses=(2,)))
    reports, _, _ = hear(worker, lambda m, r: bool(r))
    assert [r.epoch for r in reports] == [1, 2]
    reports, _, _ = hear(worker, lambda m, r: bool(r) and r[-1].epoch == 6)
    assert [r.epoch for r in reports] == [3, 4, 5, 6]
    worker.abandon()


def test_a_pause_before_the_first_poll_is_kept(place):
    worker = Worker(place())
    worker.start(order(pauses=(1,)))
    worker._channel.wait(30, 0)
    reports, _, _ = hear(worker, lambda m, r: bool(r))
    assert [r.epoch for r in reports] == [1]
    worker.abandon()


def test_a_reused_worker_gives_the_numbers_of_a_fresh_one(place):
    used = Worker(place())
    whole(used, order(seed=1))
    again, _ = whole(used, order(seed=2, trial=1))
    fresh, _ = whole(Worker(place()), order(seed=2, trial=1))
    assert [r.metrics for r in again] == [r.metrics for r in fresh]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is asked to give memory back")
def test_freed_memory_is_returned_to_the_system(place):
    """Blocks of 48 KiB separated by small lasting ones, so that freeing them returns no memory by itself."""
    lasting, held = [], psutil.Process().memory_info

    class Crumbs(Curves):
        def train(self, recipe, train, validation, context):
            blocks = []
            for _ in range(4000):
                blocks.append(np.full(6000, 1.0))
                lasting.append(np.empty(500))
            self.at_most = held().rss
            super().train(recipe, train, validation, context)

    crumbs = Crumbs()
    stage = OpenedStage(crumbs, lambda split: TrainingData(None, None))
    worker = Worker(dataclasses.replace(place(), open=lambda: stage))
    whole(worker, order())
    assert crumbs.at_most - held().rss > 100 * 2**20


def test_a_training_resumes_from_a_checkpoint_as_if_undisturbed(place):
    undisturbed, _ = whole(Worker(place()), order())
    worker = Worker(place(checkpoint_epochs=1))
    worker.start(order(pauses=(3,)))
    _, _, message = hear(worker, lambda m, r: m.checkpoint is not None and r[-1].epoch == 3)
    worker.abandon()
    rest, _ = whole(Worker(place()), order(checkpoints=(message.checkpoint,)))
    assert [r.epoch for r in rest] == [4, 5, 6]
    assert [r.metrics for r in rest] == [r.metrics for r in undisturbed[3:]]


def test_a_worker_of_an_earlier_attempt_overwrites_no_checkpoint(place, tmp_path):
    for attempt in (1, 2):
        worker = Worker(place(checkpoint_epochs=1, attempt=attempt))
        worker.start(order(pauses=(1,)))
        _, _, message = hear(worker, lambda m, r: m.checkpoint is not None and r[-1].epoch == 1)
        worker.abandon()
    assert message.checkpoint.file == "0-0-1-a2.safetensors"
    folder = tmp_path / "search" / "checkpoints"
    names = {"0-0-1.safetensors", "0-0-1-a2.safetensors"}
    assert {path.name for path in checkpoints.files_of(folder, (0, 0))} == names
    checkpoints.discard(folder, (0, 0), keep=message.checkpoint.file)
    assert [path.name for path in folder.iterdir()] == [message.checkpoint.file]


def test_a_damaged_checkpoint_is_reported_and_the_previous_one_is_used(place, tmp_path):
    worker = Worker(place(checkpoint_epochs=1))
    worker.start(order(pauses=(2, 3)))
    _, _, second = hear(worker, lambda m, r: bool(r) and r[-1].epoch == 2)
    _, _, third = hear(worker, lambda m, r: bool(r) and r[-1].epoch == 3)
    worker.abandon()
    file = tmp_path / "search" / "checkpoints" / third.checkpoint.file
    file.write_bytes(file.read_bytes()[:40])
    worker.start(order(checkpoints=(third.checkpoint, second.checkpoint)))
    rest, warnings, _ = hear(worker, lambda m, r: bool(r) and r[-1].epoch == 6)
    worker.abandon()
    assert [r.epoch for r in rest] == [3, 4, 5, 6]
    assert any(third.checkpoint.file in warning for warning in warnings)


def test_the_weights_of_the_best_epoch_are_kept(place, tmp_path):
    reports, last = whole(Worker(place()), order(keep_weights=True))
    name, sha256 = last.weights
    arrays = checkpoints.read(tmp_path / "search" / "weights" / name, sha256)
    assert float(arrays["value"]) == max(r.metrics["validation/score"] for r in reports)


@pytest.mark.parametrize(
    ("mishap", "cause", "text"),
    [
        ("error", Cause.CODE_ERROR, "the user's own mistake"),
        ("memory", Cause.OUT_OF_MEMORY, "MemoryError"),
    ],
)
def test_a_failure_has_its_cause_and_the_users_own_lines(place, mishap, cause, text):
    worker = Worker(place())
    _, last = whole(worker, order(mishap))
    assert last.failure[0] is cause
    assert text in last.failure[1]
    assert "hpo/running" not in last.failure[1]
    reports, _ = whole(worker, order(trial=1))
    assert len(reports) == 6


def test_user_errors_are_reported_without_a_traceback(place, tmp_path):
    _, last = whole(Worker(place()), order("refused"))
    assert last.failure == (Cause.CODE_ERROR, "batch_size: 1 is too small")
    (log,) = tmp_path.rglob("*.log")
    assert log.read_text() == "batch_size: 1 is too small\n"


@pytest.mark.parametrize("where", ["checkpoints", "logs"])
def test_a_full_disk_is_not_a_failure_of_the_training(place, monkeypatch, where):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device", where)

    if where == "checkpoints":
        monkeypatch.setattr(checkpoints, "write", full)
    else:
        monkeypatch.setattr("hpo.running.worker.open_log", full)
    worker = Worker(place(checkpoint_epochs=1))
    worker.start(order())
    _, _, last = hear(worker, lambda m, r: bool(m.failure))
    assert "No space left on device" in last.full
    worker.abandon()


class Noted(Curves):
    """Notes when its trainings begin and end; the first ends only when it is let go."""

    def __init__(self):
        self.notes, self.let_go = [], threading.Event()

    def train(self, recipe, train, validation, context):
        self.notes.append(("begins", context.seed))
        try:
            super().train(recipe, train, validation, context)
        finally:
            if context.seed == 1:
                self.let_go.wait(60)
            self.notes.append(("ends", context.seed))


def noting(tmp_path):
    trainable = Noted()
    stage = OpenedStage(trainable, lambda split: TrainingData(None, None))
    folder = SearchFolder(tmp_path / "search")
    return trainable, Worker(TrainingEnvironment(lambda: stage, folder, Objective("score", "max")))


def test_a_training_begins_after_the_one_before_it_has_ended(tmp_path):
    trainable, worker = noting(tmp_path)
    trainable.let_go.set()
    worker.start(order(seed=1, pauses=(2,)))
    hear(worker, lambda message, reports: bool(reports))  # and waits at its rung for a verdict
    whole(worker, order(seed=2))
    assert trainable.notes == [("begins", 1), ("ends", 1), ("begins", 2), ("ends", 2)]


def test_beside_a_training_that_does_not_stop_no_other_begins(tmp_path):
    trainable, worker = noting(tmp_path)
    worker.start(order(seed=1, pauses=(2,)))
    hear(worker, lambda message, reports: bool(reports))
    with pytest.raises(RuntimeError, match=r"^the previous training does not stop$"):
        worker.abandon(0.01)
    assert trainable.notes == [("begins", 1)]
    trainable.let_go.set()
    whole(worker, order(seed=2))
    assert trainable.notes == [("begins", 1), ("ends", 1), ("begins", 2), ("ends", 2)]


def test_a_hanging_training_is_reported_as_lost(place):
    worker = Worker(place(epoch_seconds=0.2))
    worker.start(order("hang"))
    _, _, last = hear(worker, lambda m, r: bool(m.failure))
    assert last.failure[0] is Cause.TIMED_OUT
    assert last.lost_worker


def test_the_epoch_limit_excludes_opening_the_data(place, tmp_path):
    opened = threading.Event()

    def open_late():
        opened.wait(30)
        return open_stage()

    worker = Worker(dataclasses.replace(place(epoch_seconds=0.2), open=open_late))
    worker.start(order())
    message = worker.advance()  # it takes a heartbeat, ten times the limit
    opened.set()
    assert not message.failure
    reports, _, last = hear(worker, lambda m, r: m.failure or (r and r[-1].epoch == 6))
    assert not last.failure
    assert len(reports) == 6
    worker.abandon()


def test_the_epoch_limit_excludes_waiting_for_a_verdict(place, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(channels, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    channel = channels.Channel()
    training = threading.Thread(target=channel.send, args=(True,), daemon=True)
    training.start()
    channel.wait(30, 30)
    channel.take()
    clock[0] += 500  # the driver was held up
    channel.proceed()
    training.join(30)
    assert channel.last_activity == clock[0]


def test_it_waits_after_a_non_finite_report(place):
    worker = Worker(place())
    worker.start(order("nan"))
    reports, _, _ = hear(worker, lambda m, r: bool(r))
    assert [r.epoch for r in reports] == [1, 2]
    assert math.isnan(reports[-1].metrics["validation/score"])
    worker.abandon()


@pytest.mark.parametrize(
    ("kind", "shape", "end"),
    [("BF16", [2], 4), ("F8_E4M3", [4], 4), ("F32", [2**60], 4), ("F32", [1], 2**40)],
)
def test_impossible_arrays_are_reported_as_invalid(kind, shape, end, tmp_path):
    head = json.dumps({"a": {"dtype": kind, "shape": shape, "data_offsets": [0, end]}}).encode()
    path = tmp_path / "strange.safetensors"
    path.write_bytes(struct.pack("<Q", len(head)) + head + bytes(4))
    with pytest.raises(checkpoints.DamagedFile, match="is not a valid safetensors file"):
        checkpoints.read(path)


def test_checkpoints_are_complete_or_absent(tmp_path):
    path = tmp_path / "deep" / "file.safetensors"
    arrays = {"a": np.arange(6.0).reshape(2, 3).T, "b": np.array(3), "c": np.array([True])}
    sha256 = checkpoints.write(path, arrays)
    read = checkpoints.read(path, sha256)
    assert all(
        np.array_equal(read[name], array) and read[name].shape == array.shape
        for name, array in arrays.items()
    )
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    with pytest.raises(checkpoints.DamagedFile, match="checksum"):
        checkpoints.read(path, "0" * 64)
    with pytest.raises(checkpoints.DamagedFile, match="cannot be read"):
        checkpoints.read(tmp_path / "none")


def test_breakpoint_is_refused_with_where_it_works(place):
    class Stops(Curves):
        def train(self, recipe, train, validation, context):
            breakpoint()

    stage = OpenedStage(Stops(), lambda split: TrainingData(None, None))
    worker = Worker(dataclasses.replace(place(), open=lambda: stage))
    worker.start(order())
    _, _, last = hear(worker, lambda m, r: m.failure)
    worker.abandon()
    assert last.failure[1].endswith("`hpo try SPEC` trains one recipe where it does")


def test_what_was_made_in_one_training_still_logs_in_the_next(place, tmp_path):
    """A handler keeps its stream, run.logger's messages are kept, and a progress bar leaves one line."""
    log = logging.getLogger("someone's library")
    log.propagate = False

    class Logs(Curves):
        def train(self, recipe, train, validation, context):
            if not log.handlers:
                log.addHandler(logging.StreamHandler())
            log.warning("seed %d", context.seed)
            logging.getLogger("hpo.training").info("from run.logger")
            for share in range(0, 101, 10):
                sys.stderr.write(f"\r{share} %")
            print(" done")
            super().train(recipe, train, validation, context)

    stage = OpenedStage(Logs(), lambda split: TrainingData(None, None))
    worker = Worker(dataclasses.replace(place(), open=lambda: stage))
    for number in (0, 1):
        whole(worker, order(seed=number, trial=number))
        lines = (tmp_path / "search" / "logs" / f"{number}-0.log").read_text().splitlines()
        assert lines[0] == f"seed {number}"
        assert lines[1].endswith("INFO from run.logger")
        assert lines[2:] == ["100 % done"]
    log.handlers.clear()


def test_code_that_changed_during_the_search_is_not_a_failure_of_a_trial(place):
    def refuse():
        raise ChangedCode("the code of this search has changed: own.py", "own.py in here")

    worker = Worker(dataclasses.replace(place(), open=refuse))
    worker.start(order())
    _, _, last = hear(worker, lambda message, reports: message.failure)
    worker.abandon()
    assert last.refused == "the code of this search has changed: own.py"
    assert (last.full, last.node_fault) == ("", "")
