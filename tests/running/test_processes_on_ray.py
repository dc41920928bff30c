"""Real Ray: trials in two processes are one worker each; a lost process costs an attempt and no trial."""

import os
from pathlib import Path

import psutil
import pytest

from hpo.core.events import End, LossCause, Reported, WorkerLost
from hpo.core.needs import Needs
from hpo.core.objective import Objective
from hpo.running.conductor import Conductor
from hpo.running.ray_session import ray_session
from hpo.sampling.non_adaptive import RandomSearcher
from tests.running.searches import SPACE, memory_ledger, plan
from tests.running.several_processes import environment, open_ranks
from tests.running.test_conductor import of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_a_search_of_trials_in_two_processes_loses_a_process_and_no_trial(tmp_path):
    from hpo.running.ray_runner import RayRunner

    rules = plan(
        trials=2,
        horizon=2,
        rungs=(1,),
        finalists=1,
        rule="promote",
        objective=Objective("ranks", "max"),
        recipe_of=lambda point: {"mishap": "killed once"},
    )
    ledger = memory_ledger()
    conductor = Conductor(rules, ledger, RandomSearcher(SPACE, 0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]), prepend=os.pathsep)
        with ray_session(None, cpus=2, gpus=0) as session:
            settings = environment(open_ranks, tmp_path / "search", checkpoint_epochs=1)
            RayRunner(settings, 1, Needs(2), session).run(conductor)
    (loss,) = of(ledger, WorkerLost)
    assert loss.cause is LossCause.WORKER_LOST
    assert loss.message == "process 1 of the training was killed by SIGKILL"
    reports = [(r.trial, r.replicate, r.epoch) for r in of(ledger, Reported)]
    assert len(reports) == len(set(reports))
    assert all(report.metrics["validation/ranks"] == 3.0 for report in of(ledger, Reported))
    assert (loss.trial, loss.replicate, 2) in reports  # it went on from its checkpoint
    assert not conductor.history.count(End.FAILED)
    assert conductor.history.winner is not None
    left = psutil.Process().children(recursive=True)
    assert not [p for p in left if "rank_process" in " ".join(p.cmdline())]
