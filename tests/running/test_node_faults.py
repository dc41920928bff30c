"""Faults of a node are found before its first training and when one fails there; no training is charged."""

import dataclasses
import functools
import types

import pytest

from hpo.core.errors import ChangedCode, DiskFull, Refused
from hpo.core.events import Cause, Reported, TrialEnded, WorkerLost
from hpo.core.home import SearchFolder
from hpo.core.objective import Objective
from hpo.running import checkpoints
from hpo.running.channel import Message
from hpo.running.conductor import Conductor
from hpo.running.environment import OpenedStage, TrainingEnvironment
from hpo.running.node_check import with_marker
from hpo.running.node_faults import setup_fault
from hpo.running.tune_queue import LedgerScheduler, TrialQueue
from hpo.running.worker import Worker
from hpo.sampling.non_adaptive import RandomSearcher
from tests.running.curves import Curves, open_stage
from tests.running.searches import SPACE, MemoryLedger, plan
from tests.running.test_worker import hear, order


def open_from(code):
    """Open the stage if a file of code exists; trainings that begin later need the file as well."""
    if not code.exists():
        raise ImportError(f"No module named {code.stem!r}")
    return OpenedStage(Late(code), open_stage().parts)


class Late(Curves):
    """A trainable that imports something when it trains."""

    def __init__(self, code):
        self.code = code

    def train(self, recipe, train, validation, context):
        if recipe["mishap"] == "no table":
            self.code.with_suffix(".csv").read_text()
        if not self.code.exists():
            raise ModuleNotFoundError(f"No module named {self.code.stem!r}")
        super().train(recipe, train, validation, context)


@pytest.fixture
def code(tmp_path):
    path = tmp_path / "code.py"
    path.touch()
    return path


@pytest.fixture
def environment(tmp_path, code):
    folder = SearchFolder(tmp_path / "search")
    opened = functools.partial(open_from, code)
    return with_marker(TrainingEnvironment(opened, folder, Objective("score", "max")))


def last_message(worker, task):
    worker.start(task)
    _, _, message = hear(worker, lambda m, r: m.failure or (r and r[-1].epoch == task.horizon))
    worker.abandon()
    return message


def test_a_sound_node_has_no_fault(environment):
    assert setup_fault(environment) == ""
    assert last_message(Worker(environment), order()).failure is None


def test_other_versions_a_home_out_of_sight_and_missing_code_are_faults_of_a_node(environment, code):
    other = dataclasses.replace(environment, versions={"numpy": "0.1", "torchless": "2"})
    assert "its versions differ: numpy" in setup_fault(other)
    assert "torchless absent instead of 2" in setup_fault(other)
    code.unlink()
    assert "cannot load the training code or the data: ImportError: No module" in setup_fault(environment)
    environment.marker.unlink()
    assert "does not see" in setup_fault(environment)


def test_on_a_node_that_no_longer_sees_the_home_nothing_is_trained_or_created(environment):
    worker = Worker(environment)
    assert last_message(worker, order()).failure is None
    environment.marker.rename(environment.folder.root / "elsewhere")
    environment.folder.root.rename(environment.folder.root.with_name("unmounted"))
    message = last_message(worker, order())
    assert message.node_fault == f"it does not see {environment.folder.root}, a folder of the home"
    assert not environment.folder.root.exists()


def test_code_that_a_new_worker_cannot_open_is_a_fault_of_its_node_and_on_one_machine_an_error(
    environment, code
):
    code.unlink()
    message = last_message(Worker(environment), order())
    assert "cannot load the training code or the data: ImportError" in message.node_fault
    local = dataclasses.replace(environment, marker=None)
    message = last_message(Worker(local), order())
    assert (message.node_fault, message.failure[0]) == ("", Cause.CODE_ERROR)


def test_code_that_differs_is_a_fault_of_its_node_and_on_one_machine_ends_the_search(environment, tmp_path):
    def differs():
        raise ChangedCode("the code of this search has changed", "model.py in /me")

    environment = dataclasses.replace(environment, open=differs)
    fault = "its training code is not that of the search: model.py in /me differs"
    assert setup_fault(environment) == fault
    assert last_message(Worker(environment), order()).node_fault == fault
    message = last_message(Worker(dataclasses.replace(environment, marker=None)), order())
    assert (message.node_fault, message.refused) == ("", "the code of this search has changed")
    scheduler, queue, _ = scheduled(tmp_path)
    queue.next_trial()
    with pytest.raises(Refused, match="has changed"):
        scheduler.on_trial_result(None, types.SimpleNamespace(trial_id="1"), {"message": message})


def test_code_that_vanishes_under_a_worker_is_found_missing_by_a_new_process(environment, code):
    worker = Worker(environment)
    assert last_message(worker, order()).failure is None
    code.unlink()
    assert "ImportError: No module named 'code'" in last_message(worker, order()).node_fault


def test_an_error_of_the_users_own_on_a_sound_node_stays_one(environment):
    for task in (order("error"), order("no table")):
        message = last_message(Worker(environment), task)
        assert (message.node_fault, message.failure[0]) == ("", Cause.CODE_ERROR)


def scheduled(tmp_path):
    """Return the scheduler, the queue and the ledger of a search that begins."""
    ledger = MemoryLedger()
    conductor = Conductor(plan(), ledger, RandomSearcher(SPACE, 0))
    queue = TrialQueue(
        conductor, lambda: 1, lambda task, number: types.SimpleNamespace(trial_id=f"{number}", task=task)
    )
    return LedgerScheduler(conductor, queue, tmp_path), queue, ledger


def test_a_full_disk_ends_the_search_and_not_the_training(tmp_path):
    scheduler, queue, ledger = scheduled(tmp_path)
    trial = queue.next_trial()
    report = Reported(*trial.task.key, 1, {"validation/score": 0.5}, 1.0)
    failure = (Cause.CODE_ERROR, "OSError: No space left on device")
    message = Message([report], failure=failure, full="No space left on device: 0-0-1.safetensors")
    with pytest.raises(DiskFull, match=r"^No space left on device: 0-0-1\.safetensors: the disk that holds "):
        scheduler.on_trial_result(None, trial, {"message": message, "node": "b"})
    recorded = [each.event for each in ledger.record]
    assert (
        recorded[-1] == report
    )  # what was trained is on record, and the training goes on when there is space
    assert [event for event in recorded if isinstance(event, TrialEnded | WorkerLost)] == []


def test_a_training_that_meets_a_nodes_fault_continues_elsewhere_and_the_node_is_set_aside(tmp_path):
    (scheduler, queue, ledger), faults = scheduled(tmp_path), []
    scheduler.set_aside = lambda node, fault: faults.append((node, fault))
    trial = queue.next_trial()
    kept = tmp_path / checkpoints.file_name(trial.task.key, 1)
    kept.touch()
    message = Message(failure=(Cause.CODE_ERROR, "No module"), node_fault="it cannot load the code")
    assert scheduler.on_trial_result(None, trial, {"message": message, "node": "b"}) == "STOP"
    queue.on_trial_complete("1")
    assert faults == [("b", "it cannot load the code")]
    assert "1" in scheduler.unusable
    assert kept.exists()
    kinds = [type(recorded.event) for recorded in ledger.record]
    assert kinds.count(WorkerLost) == 1
    assert TrialEnded not in kinds
    assert queue.next_trial().task.key == trial.task.key
