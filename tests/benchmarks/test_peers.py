"""How peers are driven: which epochs they are charged for, and what they receive."""

import argparse
import math
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.curve_tasks import Task, tasks_of
from benchmarks.peers.foreign import Foreign, Job, Worst, plain
from benchmarks.peers.optuna_pruners import OptunaPeer
from benchmarks.search_methods import METHODS
from benchmarks.search_quality import chosen, settings
from hpo.core.space import Integer, Parameter, Space, Uniform

CURVES = Path(__file__).parent / "made_up_curves"
NAN = math.nan


@dataclass(frozen=True)
class Curve:
    valid: np.ndarray
    test: np.ndarray
    seconds: np.ndarray


@dataclass(frozen=True)
class Recorded:
    """Curves selected by the only hyperparameter."""

    curves: dict
    space: tuple = (SimpleNamespace(name="x"),)

    def replay(self):
        return lambda point: self.curves[point["x"]]


@dataclass
class Scripted:
    """Proposes the jobs of a script, and records the results it receives."""

    jobs: list
    heard: list = field(default_factory=list)
    settings: str = "a script"

    def ask(self):
        trial, until = self.jobs.pop(0)
        return Job(trial, {"x": trial}, until)

    def report(self, trial, epoch, value):
        self.heard.append((trial, epoch))
        return True

    def tell(self, trial, end, value):
        self.heard.append((trial, end, value))


def run(jobs, values, workers=1, seconds=1.0, most=10**6):
    curves = {
        trial: Curve(np.array(curve), np.array(curve), np.full(len(curve), seconds * (trial + 1)))
        for trial, curve in values.items()
    }
    task = Task("made-up", "made", "made-up", Space((Parameter("x", Uniform(0, 9)),)), 6, Recorded(curves))
    peer = Scripted(jobs)
    outcome = Foreign(lambda task, first, seed, most: peer).run(task, 0, workers, 0.05, most)
    return outcome, peer.heard


def test_a_promoted_configuration_resumes_and_only_new_epochs_are_charged():
    values = {0: [0.9, 0.8, 0.7, 0.6, 0.5, 0.4], 1: [0.9, 0.8, 0.0]}
    outcome, heard = run([(0, 2), (0, 4), (1, 6)], values)
    assert heard[:6] == [(0, 1), (0, 2), (0, "finished", 0.8), (0, 3), (0, 4), (0, "finished", 0.6)]
    assert (outcome.epochs, outcome.trials, outcome.reached) == (4 + 3, 2, True)


def test_known_epochs_are_answered_at_once_without_charge():
    outcome, heard = run([(0, 4), (0, 2), (1, 6)], {0: [0.9, 0.8, 0.7, 0.6], 1: [0.0]})
    assert heard[4:6] == [(0, "finished", 0.6), (0, "finished", 0.8)]
    assert outcome.epochs == 5


def test_a_diverged_trial_is_reported_as_failed_and_its_worker_gets_the_next_job():
    outcome, heard = run([(0, 6), (1, 6)], {0: [0.9, NAN, NAN], 1: [0.0]})
    assert heard[0] == (0, 1)
    assert heard[1][:2] == (0, "failed")
    assert math.isnan(heard[1][2])
    assert outcome.epochs == 3


def test_reports_arrive_in_the_order_of_the_clock():
    values = {
        0: [0.5] * 6,
        1: [0.5] * 6,
        2: [0.0],
        3: [0.5],
    }  # an epoch of trial 1 takes twice one of trial 0
    _, heard = run([(0, 4), (1, 2), (2, 6), (3, 6)], values, workers=2)
    reported = [each for each in heard if len(each) == 2]
    assert reported == [(0, 1), (0, 2), (1, 1), (0, 3), (0, 4), (1, 2)]


def test_diverged_trials_get_the_worst_finite_value_so_far():
    worst = Worst()
    assert worst.instead_of(NAN) == 1.0
    assert worst.instead_of(7.5) == 7.5
    assert worst.instead_of(0.2) == 0.2
    assert worst.instead_of(math.inf) == 7.5


def test_configurations_become_plain_numbers_within_their_bounds():
    space = Space((Parameter("a", Uniform(1e-8, 1.0, log=True)), Parameter("b", Integer(1, 4))))
    values = plain(space, {"a": np.float64(0.99e-8), "b": np.int64(4)})
    assert values == {"a": 1e-8, "b": 4}
    assert (type(values["a"]), type(values["b"])) == (float, int)


def test_optuna_receives_pruned_and_failed_trials():
    peer = OptunaPeer(tasks_of(CURVES)[0], 1, 0, "halving")
    ends = ["finished", "stopped", "failed"]
    for end in ends:
        trial = peer.ask().trial
        peer.report(trial, 1, 0.5)
        peer.tell(trial, end, 0.5)
    assert [trial.state.name for trial in peer._study.trials] == ["COMPLETE", "PRUNED", "FAIL"]


@pytest.fixture
def ray_peer():
    from benchmarks.peers.ray_tune import RayOptunaPeer

    return RayOptunaPeer(tasks_of(CURVES)[0], 3, 0)


def test_ray_reports_a_stopped_trial_as_complete_without_the_deciding_report(ray_peer):
    good, bad = ray_peer.ask().trial, ray_peer.ask().trial
    assert all(ray_peer.report(good, epoch, 0.1) for epoch in (1, 2, 3))
    assert [ray_peer.report(bad, epoch, 0.9) for epoch in (1, 2, 3)] == [True, True, False]
    ray_peer.tell(bad, "stopped", 0.9)
    stored_trial = ray_peer._searcher._ot_study.trials[bad]
    assert (stored_trial.state.name, stored_trial.value) == ("COMPLETE", 0.9)
    assert stored_trial.intermediate_values == {1: 0.9, 2: 0.9}


def test_ray_reports_the_last_epoch_and_failures(ray_peer):
    whole, broken = ray_peer.ask(), ray_peer.ask()
    for epoch in range(1, whole.until):
        assert ray_peer.report(whole.trial, epoch, 0.5)
    assert not ray_peer.report(whole.trial, whole.until, 0.4)  # Ray's scheduler ends trials itself
    ray_peer.tell(whole.trial, "finished", 0.4)
    ray_peer.tell(broken.trial, "failed", NAN)
    trials = ray_peer._searcher._ot_study.trials
    assert [(trial.state.name, trial.value) for trial in trials] == [("COMPLETE", 0.4), ("FAIL", None)]


def test_bore_in_one_call_gives_the_suggestions_of_bore():
    pytest.importorskip("syne_tune", reason="needs benchmarks/requirements-peers.txt")
    from syne_tune.config_space import lograndint, loguniform
    from syne_tune.optimizer.schedulers.searchers.bore import Bore

    from benchmarks.peers.syne_tune_bore import BatchedBore

    suggested = []
    for kind in (Bore, BatchedBore):
        np.random.seed(3)
        searcher = kind({"a": loguniform(1e-6, 1.0), "b": lograndint(1, 64)}, random_seed=5)
        made = []
        for trial in range(12):
            made.append(searcher.suggest())
            searcher.on_trial_complete(trial, made[-1], abs(math.log(made[-1]["a"]) + 4) + made[-1]["b"] / 64)
        suggested.append(made)
    assert suggested[0] == suggested[1]


def test_dehb_and_smac_promote_good_configurations():
    for name, package in (("dehb", "dehb"), ("smac_multifidelity", "smac")):
        pytest.importorskip(package, reason="needs benchmarks/requirements-peers.txt")
        task = tasks_of(CURVES)[0]
        peer = METHODS[name][0].make(task, 3, 1, 2 * 50 * task.horizon)
        values = {}
        for _ in range(13):
            job = peer.ask()
            values.setdefault(job.until, {})[job.trial] = float(job.trial % 5)
            peer.tell(job.trial, "finished", float(job.trial % 5))
        short, longer = sorted(values)[:2]
        assert set(values[longer]) < set(values[short])
        assert max(values[longer].values()) <= sorted(values[short].values())[len(values[longer]) - 1]


def test_a_method_can_be_selected_with_one_first_rung():
    assert [name for name, _ in chosen("dehb,ray_optuna/1")] == ["dehb/3", "dehb/1", "ray_optuna/1"]


def test_settings_are_read_from_the_objects_of_the_peers():
    options = argparse.Namespace(
        curves=CURVES, suite="", methods="ours,optuna_hyperband/3,ray_optuna/1", give_up=2.0
    )
    ours, hyperband, ray = settings(options, 50).splitlines()
    assert "AutoSearcher" in ours
    assert "HyperbandPruner(min_resource=3, max_resource=27, reduction_factor=3)" in hyperband
    assert "rungs [1, 3, 9, 27]" in ray
