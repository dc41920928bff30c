"""Weights that were lost or damaged are made again by the same training from its beginning, or not at all."""

import errno
from dataclasses import replace

import pytest

from hpo.core.errors import DiskFull, HpoError
from hpo.core.events import End, Warned
from hpo.core.home import SearchFolder
from hpo.core.training_state import Training
from hpo.running import checkpoints
from hpo.running.environment import TrainingEnvironment
from hpo.running.judge import task_of
from hpo.running.worker import Worker
from hpo.use_cases.model.repair import damaged_weights, repair
from tests.running.curves import open_stage
from tests.running.searches import OBJECTIVE, memory_ledger, plan

PLAN = plan(horizon=4, rungs=())
RECIPE = {"height": 0.9, "mishap": "none", "seconds": 0.0}


@pytest.fixture
def environment(tmp_path):
    return TrainingEnvironment(open_stage, SearchFolder(tmp_path / "search"), OBJECTIVE, checkpoint_epochs=1)


@pytest.fixture
def training(environment):
    """A finalist's training on record, with its weights and a checkpoint that holds another state."""
    begun = Training(0, 1, {}, RECIPE, 5, "finalist")
    kept = trained(environment, begun)
    file = environment.folder.weights / kept.weights[0]
    content = file.read_bytes()
    other = trained(environment, replace(begun, seed=6))
    file.write_bytes(content)
    return replace(
        begun,
        end=End.FINISHED,
        epoch=4,
        weights=kept.weights[0],
        sha256=kept.weights[1],
        checkpoints=[other.checkpoint],
    )


def trained(environment, training):
    """Train to the end; return the worker's last message, with the newest checkpoint before it."""
    worker, newest = Worker(environment), None
    worker.start(task_of(PLAN, training))
    while True:
        message = worker.advance()
        assert message.failure is None
        newest = message.checkpoint or newest
        if message.weights[0]:
            worker.abandon()
            message.checkpoint = newest
            return message


def lose(environment, training):
    (environment.folder.weights / training.weights).unlink()


def test_only_weights_that_differ_from_the_record_are_damaged(environment, training):
    folder = environment.folder
    assert damaged_weights([training], folder) == {}
    file = folder.weights / training.weights
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b"\xff")
    (key, words), *others = damaged_weights([training], folder).items()
    assert (key, others) == ((0, 1), [])
    assert words == f"{file} is damaged: its checksum differs from the recorded one"
    file.unlink()
    assert damaged_weights([training], folder) == {
        (0, 1): f"{file} cannot be read: No such file or directory"
    }


def test_the_training_is_repeated_from_its_beginning_whatever_its_checkpoints_hold(environment, training):
    ledger = memory_ledger()
    lose(environment, training)
    repair(training, "the weights are lost", PLAN, environment, ledger)
    assert damaged_weights([training], environment.folder) == {}
    assert [recorded.event for recorded in ledger.record] == [
        Warned("the weights are lost; the training is repeated")
    ]


def test_a_training_that_gives_other_weights_repairs_nothing(environment, training):
    other = replace(training, sha256="0" * 64)
    with pytest.raises(
        HpoError, match=r"^it is gone, and the repeated training gave other weights; submit the search again$"
    ):
        repair(other, "it is gone", PLAN, environment, memory_ledger())


def test_a_training_that_fails_now_is_said_with_its_cause(environment, training):
    broken = replace(training, recipe=RECIPE | {"mishap": "error"})
    with pytest.raises(HpoError, match=r"the training failed \(code_error\): .*the user's own mistake"):
        repair(broken, "it is gone", PLAN, environment, memory_ledger())


def test_a_full_disk_is_said_as_such(environment, training, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoints, "write", full)
    with pytest.raises(DiskFull, match=f"the disk that holds {environment.folder.root} is full"):
        repair(training, "it is gone", PLAN, environment, memory_ledger())
