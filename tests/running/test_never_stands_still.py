"""Under losses, additions and delays of workers every trial ends, and no worker idles while a trial waits."""

import types

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ray.train._internal import storage

from hpo.core.events import Cause, End
from hpo.core.home import SearchFolder
from hpo.core.needs import Needs
from hpo.running.channel import Message
from hpo.running.conductor import Conductor
from hpo.running.environment import TrainingEnvironment
from hpo.running.ray_runner import RayRunner
from hpo.running.tune_controller import RESOURCE_WAIT, START_WAIT
from hpo.running.worker_share import no_others
from hpo.sampling.non_adaptive import RandomSearcher
from tests.running.curves import open_stage
from tests.running.searches import OBJECTIVE, SPACE, MemoryLedger, plan
from tests.running.simulated_cluster import SimulatedCluster

SLACK = 6.0
"""Seconds of virtual time that may pass between a worker's becoming idle and its next task."""


WHOLE_CPU = Needs(1)


def searched(folder, cluster, workers, needs=WHOLE_CPU, share=no_others, **rules):
    """Run a search on a simulated cluster; its conductor, and the longest that idle workers were refused."""
    session = types.SimpleNamespace(folder=folder, monitor=None, cpus=workers, gpus=workers)
    environment = TrainingEnvironment(open_stage, SearchFolder(folder / "search"), OBJECTIVE)
    ledger = MemoryLedger(clock=lambda: cluster.now)
    conductor = Conductor(plan(horizon=9, rungs=(1, 3), **rules), ledger, RandomSearcher(SPACE, 0))
    refused = Refused(cluster)
    runner = RayRunner(environment, workers, needs, session, refused.look, share=share)
    runner._share._clock = lambda: cluster.now
    runner._resource_manager = lambda: None  # no real Ray may be used here
    storage.__dict__["_get_ray_train_session_dir"] = lambda: str(folder)
    controller = runner.controller(conductor)
    controller.__dict__ |= {"_actor_manager": cluster, "clock": lambda: cluster.now, "idle_seconds": 5.0}
    refused.controller = controller
    runner.drive(controller, conductor)
    assert controller.is_finished()
    return conductor, refused


class Refused:
    """The longest times for which a worker was idle, and for which one was idle while a trial waited."""

    controller = None

    def __init__(self, cluster):
        self.cluster, self.since, self.longest, self.idle_since, self.idle = cluster, None, 0.0, None, 0.0

    def look(self):
        """Record the present state."""
        if self.controller is None:
            return
        assert self.cluster.now < 50_000, "the search stands still"
        waits = [t for t in self.controller._pending_trials if t not in self.controller._resetting_trials]
        both = bool(waits) and self.controller.idle > 0
        self.since = (self.since or self.cluster.now) if both else None
        self.longest = max(self.longest, self.cluster.now - (self.since or self.cluster.now))
        ages = [self.cluster.now - since for since in self.controller._idle_since.values()]
        self.idle = max([self.idle, *ages])


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 2**32),
    slots=st.lists(st.integers(0, 3), min_size=1, max_size=4).filter(sum),
    disturbances=st.integers(0, 25),
    others=st.integers(0, 8),
    workers=st.integers(1, 8),
)
def test_every_trial_ends_whatever_happens_to_the_workers(
    tmp_path, seed, slots, disturbances, others, workers
):
    cluster = SimulatedCluster(seed, slots, disturbances, others)
    conductor, refused = searched(tmp_path, cluster, workers, trials=12, worker_losses=100)
    history = conductor.history
    assert len(history.trials) == 12
    assert history.count(None) == 0
    assert history.winner is not None
    assert refused.longest <= START_WAIT + SLACK
    assert refused.idle <= 5.0 + SLACK


def test_a_trial_whose_worker_cannot_be_placed_takes_an_idle_one(tmp_path):
    cluster = SimulatedCluster(1, slots=(2,))
    conductor, refused = searched(tmp_path, cluster, workers=4, trials=12)
    assert conductor.history.count(None) == 0
    assert refused.longest <= RESOURCE_WAIT + 0.5


@pytest.mark.parametrize("seed", range(5))
def test_a_lost_node_costs_each_of_its_trials_one_worker_loss(tmp_path, seed):
    conductor, _ = searched(tmp_path, SimulatedCluster(seed, disturbances=12), workers=6, trials=20)
    history = conductor.history
    assert history.count(None) == 0
    assert all(t.lost >= 3 for t in history.trainings.values() if t.cause == "worker_lost")


@pytest.mark.parametrize("seed", range(4))
def test_after_a_lost_node_waiting_trials_get_idle_workers(tmp_path, seed):
    """Without the rules of the controller such a search would hang with idle workers."""
    cluster = SimulatedCluster(seed)
    cluster.at(7, cluster.lose_for_good)
    conductor, refused = searched(tmp_path, cluster, workers=6, trials=24)
    assert conductor.history.count(None) == 0
    assert refused.longest <= START_WAIT + SLACK


class SharedGpus(SimulatedCluster):
    """Trainings of every third trial run out of memory in epoch 2, unless they have a whole GPU."""

    def schedule_actor_task(self, tracked_actor, method_name, args=(), on_result=None, **others):
        def answered(actor, result):
            task = self.state[actor].training.task
            greedy = task.trial % 3 == 1 and not task.whole_gpu
            assert actor.size == (1 if task.whole_gpu else 0.25)
            if method_name == "train" and greedy and result["message"].reports[-1].epoch == 2:
                result["message"] = Message(failure=(Cause.OUT_OF_MEMORY, "CUDA out of memory"))
            on_result(actor, result)

        super().schedule_actor_task(tracked_actor, method_name, args, on_result=answered, **others)


@pytest.mark.parametrize(("seed", "disturbances"), [(0, 0), (1, 0), (2, 8), (3, 8)])
def test_trials_without_memory_on_a_share_get_a_whole_gpu_though_others_share_them_all(
    tmp_path, seed, disturbances
):
    cluster = SharedGpus(seed, (1, 1), disturbances)
    conductor, _ = searched(
        tmp_path, cluster, 8, Needs(1, 0.25), trials=24, shares_gpus=True, worker_losses=100
    )
    history = conductor.history
    assert history.count(None) == 0
    failed = {training.cause for training in history.trainings.values() if training.end is End.FAILED}
    assert failed <= {Cause.DIVERGED}
    for (trial, _), training in history.trainings.items():
        assert training.losses.count("out_of_memory") == training.whole_gpu <= (trial % 3 == 1)
    assert any(training.whole_gpu for training in history.trainings.values())
