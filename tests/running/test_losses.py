"""Why trainings leave their workers: what counts against them, and what moves them to another node or GPU."""

import json
import types

import pytest
from ray.core.generated.common_pb2 import ActorDiedErrorContext, NodeDeathInfo
from ray.exceptions import ActorDiedError, NodeDiedError, OutOfMemoryError

from hpo.core.effort import effort_of
from hpo.core.events import Cause, Checkpointed, End, LossCause, Reported, WorkerLost
from hpo.core.formatting import interruptions
from hpo.core.history import History
from hpo.core.home import SearchFolder
from hpo.core.objective import Objective
from hpo.core.record import Recorded, body_of, event_of
from hpo.ledger.in_memory import MemoryLedger
from hpo.running.channel import Message
from hpo.running.conductor import Conductor
from hpo.running.environment import TrainingEnvironment
from hpo.running.loss_causes import failure_message, loss_cause
from hpo.running.tune_queue import LedgerScheduler, TrialQueue
from hpo.running.worker import Worker
from hpo.sampling.non_adaptive import RandomSearcher
from tests.running.curves import open_stage
from tests.running.searches import SPACE, plan
from tests.running.test_worker import hear, order

OUTSIDE = (LossCause.PREEMPTED, LossCause.NODE_LOST, LossCause.NODE_FAULT)


def began(tmp_path, **rules):
    """Return a search whose first training is with a worker: scheduler, queue, its Tune trial, conductor."""
    conductor = Conductor(plan(**rules), MemoryLedger(), RandomSearcher(SPACE, 0))
    queue = TrialQueue(
        conductor, lambda: 1, lambda task, number: types.SimpleNamespace(trial_id=f"{number}", task=task)
    )
    scheduler = LedgerScheduler(conductor, queue, tmp_path)
    return scheduler, queue, queue.next_trial(), conductor


def test_what_a_node_does_never_counts_and_the_third_death_of_a_worker_ends_a_trial(tmp_path):
    _, _, _, conductor = began(tmp_path)
    for cause in (*OUTSIDE * 4, LossCause.WORKER_LOST, *OUTSIDE, LossCause.OUT_OF_MEMORY, *OUTSIDE):
        conductor.lost((0, 0), "gone", cause)
        assert conductor.next().key == (0, 0)
    training = conductor.history.trainings[0, 0]
    assert (training.lost, len(training.losses), training.end) == (2, 20, None)
    conductor.lost((0, 0), "gone", LossCause.OUT_OF_MEMORY)
    assert (training.end, training.cause) == (End.FAILED, Cause.OUT_OF_MEMORY)
    assert interruptions(training.losses) == (
        "6 x preempted, 6 x node lost, 6 x node fault, worker lost, 2 x out of memory"
    )


def test_the_causes_of_losses_survive_the_record_and_are_counted_in_the_account(tmp_path):
    _, _, _, conductor = began(tmp_path)
    conductor.lost((0, 0), "gone", LossCause.PREEMPTED)
    record = [
        Recorded(each.seq, each.time, event_of(type(each.event).__name__, json.loads(body_of(each.event))))
        for each in conductor._ledger.read()
    ]
    history = History.of(record, conductor.history.objective)
    assert effort_of(history, cpus=1).losses == {"preempted": 1}
    assert history.trainings[0, 0].lost == 0
    early = event_of("WorkerLost", {"trial": 0, "replicate": 0, "message": "gone"})
    assert (early.cause, early.counts) == (LossCause.WORKER_LOST, True)


def test_a_trial_without_memory_on_a_share_of_a_gpu_runs_once_more_on_a_whole_one(tmp_path):
    scheduler, queue, trial, conductor = began(tmp_path, shares_gpus=True, worker_losses=1)
    assert not trial.task.whole_gpu
    message = {"message": Message(failure=(Cause.OUT_OF_MEMORY, "CUDA out of memory")), "node": "b"}
    assert scheduler.on_trial_result(None, trial, message) == "STOP"
    queue.on_trial_complete(trial.trial_id)
    resumed = Conductor(plan(shares_gpus=True), MemoryLedger(), RandomSearcher(SPACE, 0))
    resumed.replay(list(conductor._ledger.read()))
    assert resumed.next().whole_gpu
    again = queue.next_trial()
    assert (again.task.key, again.task.whole_gpu) == ((0, 0), True)
    assert scheduler.on_trial_result(None, again, message) == "STOP"
    training = conductor.history.trainings[0, 0]
    assert (training.end, training.cause) == (End.FAILED, Cause.OUT_OF_MEMORY)
    queue.on_trial_complete(again.trial_id)
    assert not queue.next_trial().task.whole_gpu


def test_without_shares_a_trial_without_memory_has_failed(tmp_path):
    _, _, _, conductor = began(tmp_path)
    assert conductor.failed((0, 0), Cause.OUT_OF_MEMORY, "CUDA out of memory")
    assert conductor.history.trainings[0, 0].end is End.FAILED


def test_no_task_is_given_out_while_one_waits_for_a_whole_gpu(tmp_path):
    _, queue, trial, conductor = began(tmp_path)
    conductor.failed(trial.task.key, Cause.CODE_ERROR, "")
    queue.held_back = lambda: True
    assert queue.next_trial() is None
    queue.held_back = lambda: False
    assert queue.next_trial() is not None


def test_a_trial_leaves_a_draining_node_as_soon_as_it_is_saved(tmp_path):
    scheduler, queue, trial, conductor = began(tmp_path)
    scheduler.leaving = lambda node: node == "b"
    report = Reported(0, 0, 1, {"validation/score": 0.5}, 1.0)
    assert scheduler.on_trial_result(None, trial, {"message": Message([report]), "node": "b"}) == "CONTINUE"
    kept = tmp_path / "0-0-1"
    kept.touch()
    saved = Message(checkpoint=Checkpointed(0, 0, 1, kept.name, "x"))
    assert scheduler.on_trial_result(None, trial, {"message": saved, "node": "a"}) == "CONTINUE"
    assert scheduler.on_trial_result(None, trial, {"message": saved, "node": "b"}) == "STOP"
    queue.on_trial_complete(trial.trial_id)
    assert kept.exists()
    (loss,) = (each.event for each in conductor._ledger.read() if isinstance(each.event, WorkerLost))
    assert (loss.cause, loss.counts) == (LossCause.PREEMPTED, False)
    assert [c.epoch for c in queue.next_trial().task.checkpoints] == [1, 1]


def test_a_training_that_loses_one_of_its_processes_goes_on_in_another_worker(tmp_path):
    scheduler, queue, trial, conductor = began(tmp_path)
    deaths = []
    queue.died = lambda node, key: deaths.append((node, key))
    report = Reported(0, 0, 1, {"validation/score": 0.5}, 1.0)
    lost = "process 1 of the training was killed by SIGKILL"
    message = Message([report], checkpoint=Checkpointed(0, 0, 1, "0-0-1", "x"), lost=lost)
    assert scheduler.on_trial_result(None, trial, {"message": message, "node": "b"}) == "STOP"
    assert trial.trial_id in scheduler.unusable
    queue.on_trial_complete(trial.trial_id)
    (loss,) = (each.event for each in conductor._ledger.read() if isinstance(each.event, WorkerLost))
    assert (loss.cause, loss.message, loss.counts) == (LossCause.WORKER_LOST, lost, True)
    assert deaths == [("b", (0, 0))]
    again = queue.next_trial()
    assert (again.task.key, [c.epoch for c in again.task.checkpoints]) == ((0, 0), [1])


def test_a_worker_that_is_asked_to_saves_after_its_epoch(tmp_path):
    environment = TrainingEnvironment(open_stage, SearchFolder(tmp_path), Objective("score", "max"))
    worker = Worker(environment)
    worker.start(order(pauses=(2,)))
    _, _, message = hear(worker, lambda message, reports: reports and reports[-1].epoch == 2)
    assert message.checkpoint is None
    worker.save_soon()
    _, _, message = hear(worker, lambda message, reports: message.checkpoint)
    assert message.checkpoint.epoch >= 3
    worker.abandon()


def died(message="", reason=NodeDeathInfo.UNSPECIFIED):
    information = NodeDeathInfo(reason=reason)
    return ActorDiedError(
        ActorDiedErrorContext(actor_id=b"a" * 16, error_message=message, node_death_info=information)
    )


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (died(reason=NodeDeathInfo.AUTOSCALER_DRAIN_PREEMPTED), LossCause.PREEMPTED),
        (died("The actor died because its node has died. Node Id: 1f"), LossCause.NODE_LOST),
        (NodeDiedError(message="the node died"), LossCause.NODE_LOST),
        (OutOfMemoryError("the memory monitor killed it"), LossCause.OUT_OF_MEMORY),
        (died("The actor is dead because its worker process has died."), LossCause.WORKER_LOST),
    ],
)
def test_the_cause_of_a_loss_is_what_ray_says(error, cause):
    assert loss_cause(error, draining=False, gone=False) is cause


def test_a_node_that_is_draining_or_gone_is_the_cause_whatever_ray_says():
    error = died("The actor is dead because its worker process has died.")
    assert loss_cause(error, draining=True, gone=True) is LossCause.PREEMPTED
    assert loss_cause(error, draining=False, gone=True) is LossCause.NODE_LOST


def test_a_long_message_of_ray_is_cut_at_its_end_between_words():
    text = failure_message(RuntimeError(f"The actor died.\nIts process ended. {'Causes include. ' * 50}"))
    assert text.startswith("The actor died. Its process ended. Causes")
    assert text.endswith(" ...")
    assert len(text) <= 500


def test_an_error_without_words_is_named():
    assert failure_message(KeyError()) == "KeyError"
