"""Real Ray: the same decisions as the inline runner, reused workers, recovery from deaths, no leftovers."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import psutil
import pytest

from hpo.core.errors import UserError
from hpo.core.events import (
    Cause,
    Checkpointed,
    End,
    Reported,
    TrialEnded,
    TrialStarted,
    TrialTakenUp,
    WorkerLost,
)
from hpo.core.home import SearchFolder
from hpo.core.needs import Needs
from hpo.running.conductor import Conductor
from hpo.running.environment import TrainingEnvironment
from hpo.running.inline import InlineRunner, VirtualClock
from hpo.running.ray_session import ray_session
from hpo.running.worker import Worker
from hpo.sampling.non_adaptive import RandomSearcher
from hpo.sampling.optuna_searcher import OptunaSearcher
from tests.running.curves import open_stage
from tests.running.searches import OBJECTIVE, SPACE, memory_ledger, plan
from tests.running.test_conductor import of


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """One embedded Ray for all tests here; it leaves nothing behind."""
    before = {process.pid for process in psutil.process_iter()}
    environment = _settings()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(
            "PYTHONPATH", str(Path(__file__).parents[2]), prepend=os.pathsep
        )  # workers find the curves
        with ray_session(None, cpus=2, gpus=0) as session:
            yield session
    assert not session.folder.exists()
    assert _settings() == environment  # the caller's own setting is restored
    left = [p for p in psutil.Process().children(recursive=True) if p.pid not in before]
    assert [p.name() for p in left if "ray" in " ".join(p.cmdline())] == []


def _settings():
    ours = ("RAY_AUTH", "RAY_ENABLE", "HPO_")
    return {name: value for name, value in os.environ.items() if name.startswith(ours)}


@pytest.fixture
def search(session, tmp_path):
    """Runs a plan on Ray and gives back its ledger and conductor."""
    from hpo.running.ray_runner import RayRunner

    def run(rules, workers=1, searcher=None, on_turn=lambda: None, **settings):
        ledger = memory_ledger()
        conductor = Conductor(rules, ledger, searcher or RandomSearcher(SPACE, 0))
        place = TrainingEnvironment(open_stage, SearchFolder(tmp_path / "search"), OBJECTIVE, **settings)
        RayRunner(place, workers, Needs(1), session, on_turn).run(conductor)
        return ledger, conductor

    return run


def recipe_with(mishaps):
    """Recipes whose trials fail in the given ways: point order is trial order."""
    numbers = iter(range(1000))

    def recipe_of(point):
        return {"height": point["height"], "mishap": mishaps.get(next(numbers), "none"), "seconds": 0.0}

    return recipe_of


@pytest.mark.parametrize("rule", ["asha", "promote", "hyperband"])
def test_ray_and_the_inline_runner_decide_the_same(rule, search, tmp_path):
    rules = plan(trials=15, horizon=9, rungs=(1, 3), rule=rule)
    on_ray, _ = search(rules, searcher=OptunaSearcher(SPACE, "max", 0))
    inline, clock = memory_ledger(), VirtualClock()
    conductor = Conductor(rules, inline, OptunaSearcher(SPACE, "max", 0), clock)
    place = TrainingEnvironment(open_stage, SearchFolder(tmp_path / "inline"), OBJECTIVE)

    def epochs(order):
        worker = Worker(place)
        worker.start(order)
        for _ in range(order.horizon):
            yield from ((report.metrics, 1.0) for report in worker.advance().reports)
        worker.abandon()

    InlineRunner(epochs, 1, clock).run(conductor)
    assert any(isinstance(each.event, TrialTakenUp) for each in on_ray.record) == (rule != "asha")
    assert without_times(on_ray.record) == without_times(inline.record)


def test_a_paused_trial_keeps_one_checkpoint_and_goes_on_from_it_in_another_worker(search, tmp_path):
    folder, kept = tmp_path / "search" / "checkpoints", []

    def turn():
        kept.append(sorted(path.name for path in folder.glob("*-0-*.safetensors")))

    rules = plan(trials=12, horizon=9, rungs=(1, 3), rule="promote")
    ledger, conductor = search(rules, workers=2, on_turn=turn)
    epochs = [(r.trial, r.replicate, r.epoch) for r in of(ledger, Reported)]
    assert len(epochs) == len(set(epochs))
    assert of(ledger, TrialTakenUp)
    assert not conductor.history.warnings
    at_once = [Counter(name.split("-")[0] for name in names) for names in kept]
    running = 2
    assert all(sum(n > 1 for n in trials.values()) <= running for trials in at_once)
    assert max(map(len, kept)) > running
    assert not list(folder.glob("*"))


def test_a_search_that_is_stopped_leaves_a_checkpoint_of_what_was_reported(session, tmp_path):
    from hpo.running.ray_runner import RayRunner

    def recipe_of(point):
        return {"height": point["height"], "mishap": "none", "seconds": 0.3}

    rules = plan(trials=1, horizon=50, rungs=(50,), recipe_of=recipe_of)
    ledger = memory_ledger()
    conductor = Conductor(rules, ledger, RandomSearcher(SPACE, 0))

    def turn():
        if of(ledger, Reported):
            conductor.stop()

    place = TrainingEnvironment(open_stage, SearchFolder(tmp_path / "search"), OBJECTIVE)
    RayRunner(place, 1, Needs(1), session, turn).run(conductor)
    training = conductor.history.trainings[0, 0]
    assert 1 <= training.epoch < 50
    assert [checkpoint.epoch for checkpoint in of(ledger, Checkpointed)][-1:] == [training.epoch]


def without_times(record):
    return [
        (
            type(e.event).__name__,
            *(getattr(e.event, f, None) for f in ("trial", "replicate", "epoch", "end", "metrics")),
        )
        for e in record
        if not isinstance(e.event, Checkpointed)  # the inline runner suspends a training in memory
    ]


def test_every_kind_of_failure_has_its_cause_and_the_search_continues(search):
    mishaps = {0: "error", 1: "memory", 2: "nan", 3: "silent", 4: "hang", 5: "die"}
    rules = plan(trials=9, horizon=4, rungs=(), recipe_of=recipe_with(mishaps))
    ledger, conductor = search(rules, workers=2, epoch_seconds=1.0)
    causes = {t.trial: t.cause for t in conductor.history.trials if t.end is End.FAILED}
    assert causes == {
        0: Cause.CODE_ERROR,
        1: Cause.OUT_OF_MEMORY,
        2: Cause.DIVERGED,
        3: Cause.METRIC_MISSING,
        4: Cause.TIMED_OUT,
        5: Cause.WORKER_LOST,
    }
    assert len(of(ledger, WorkerLost)) == 3
    assert conductor.history.count(End.FINISHED) == 3
    assert conductor.history.winner is not None
    assert "the user's own mistake" in conductor.history.trainings[0, 0].message


def test_workers_are_reused_and_no_more_processes_start_than_there_are_workers(search, monkeypatch):
    rules = plan(trials=12, horizon=3, rungs=(1,))
    started = []
    from hpo.running import tune_controller

    add = tune_controller.Controller._actor_started

    def counting(self, tracked_actor, log="STARTED"):
        started.append(log)
        return add(self, tracked_actor, log)

    monkeypatch.setattr(tune_controller.Controller, "_actor_started", counting)
    ledger, _ = search(rules, workers=2)
    assert started.count("STARTED") == 2
    assert len(of(ledger, TrialEnded)) == len(of(ledger, TrialStarted)) == 16


def test_the_node_of_a_worker_that_died_before_its_first_message_is_still_known(session):
    import ray
    from ray.exceptions import RayActorError

    from hpo.running.loss_causes import node_of_dead_worker

    @ray.remote(num_cpus=0)
    class Mortal:
        def die(self):
            os._exit(1)

    with pytest.raises(RayActorError) as raised:
        ray.get(Mortal.remote().die.remote())
    assert node_of_dead_worker(raised.value) == ray.get_runtime_context().get_node_id()
    assert node_of_dead_worker(ValueError("not of a worker")) == ""


def test_a_working_folder_that_hides_hpo_from_workers_is_refused(tmp_path, monkeypatch):
    (tmp_path / "trainables.py").touch()
    monkeypatch.chdir(tmp_path)
    with (
        pytest.raises(UserError, match="rename it, or run hpo from another folder"),
        ray_session(None, cpus=1, gpus=0),
    ):
        pass


def test_ray_listens_only_on_loopback(session):
    pids = {p.pid for p in psutil.process_iter() if _is_ours(p)} | {os.getpid()}
    listening = [
        c for c in psutil.net_connections("inet") if c.status == psutil.CONN_LISTEN and c.pid in pids
    ]
    assert listening
    assert {c.laddr.ip.removeprefix("::ffff:") for c in listening} <= {"127.0.0.1", "::1"}


def _is_ours(process):
    try:
        return process.environ().get("HPO_SESSION") == os.environ.get("HPO_SESSION")
    except psutil.Error:
        return False


@pytest.mark.slow
def test_connections_without_the_token_are_refused(session):
    import ray

    address = ray.get_runtime_context().gcs_address
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_AUTH")}
    code = f"import ray; ray.init(address={address!r}, log_to_driver=False); print('inside', ray.nodes())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode != 0
    assert "inside" not in done.stdout
