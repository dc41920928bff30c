"""Every way to start a search that is on record, behind one interface, and a search for them to start.

The search was submitted as a job, so that its code lies in a store and it can be started from anywhere. Its
trials and finalists are trained already: what is left to the process that is started is to name the model, to
open the test part and to export. It starts no Ray, and takes some seconds instead of half a minute.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from hpo.core.errors import HpoError
from hpo.core.home import Home
from hpo.ledger.searches import open_ledger, read_history
from hpo.running.conductor import Conductor
from hpo.running.job_server import POLL, JobServer
from hpo.running.worker import Worker
from hpo.spec import parse_spec, read_spec
from hpo.use_cases.dataset.split_dataset import split_dataset_of
from hpo.use_cases.dataset.staging import DataStaging
from hpo.use_cases.search import cluster_job
from hpo.use_cases.search.assembly import environment_of, plan_of, searcher_of
from hpo.use_cases.submit import Submission, submit_job
from tests.faults.ray_cluster import TOKEN, RayCluster
from tests.faults.tiny_search import DATA, MODEL, ROOT
from tests.running.stand_in_job_server import stand_in

SEARCH = "tiny-1"
SPEC = """
version: 1
data: {source: "tiny_data:waves"}
trainable: tiny_model:Line
space: {rate: {loguniform: [0.001, 0.5]}}
scheduler: {name: none, max_epochs: 2}
budget: {trials: 2}
finalists: {count: 1, seeds: 2}
"""
COMMANDS = str(Path(sys.executable).parent)
"""Folder with the command `hpo`."""
JOBS = Path(sys.prefix) / "jobs" / "bin" / "python"
"""Interpreter that has Ray's job server; `make slow` installs it."""


@dataclass(frozen=True)
class Ended:
    """What a started search came to.

    Attributes:
        name: What the one who started it was told to find it by: a number of a process or the id of a job.
        exit_code: Exit code of the process that ran it.
    """

    name: str
    exit_code: int


class Team:
    """A user's home, the store and the ledger beside it; each path stays the same from test to test."""

    def __init__(self, folder: Path):
        self.folder, self.whole = folder / "work", folder / "whole"
        self.home = self.folder / "home"
        self.ledger_url = f"sqlite:///{self.home / 'ledger.db'}"

    def variables(self) -> dict[str, str]:
        """The environment of a team's profile."""
        return {
            "HPO_LEDGER": self.ledger_url,
            "HPO_STORE": str(self.folder / "store"),
            "HPO_JOB_HOME": str(self.home),
            "HPO_REGISTER": str(self.folder / "register.db"),
            "HPO_LEASE_SECONDS": "4",
        }

    def put_back(self) -> None:
        """Have everything again as it was when the search had been submitted."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.whole, self.folder)

    def ledger(self):
        """The record of the search."""
        return open_ledger(SEARCH, Home.at(self.home))

    def submit(self) -> None:
        """Submit the search to a job server that accepts its job and never starts it."""
        project = self.folder / "project"
        project.mkdir(parents=True)
        for name, text in (("tiny_data.py", DATA), ("tiny_model.py", MODEL), ("tiny.yaml", SPEC)):
            (project / name).write_text(text)
        submission = Submission(read_spec(str(project / "tiny.yaml")), Home.at(self.home))
        with stand_in() as served, pytest.MonkeyPatch.context() as patch:
            patch.setenv("RAY_API_SERVER_ADDRESS", served.address)
            patch.setattr(cluster_job, "PATIENCE", 0.0)
            with pytest.raises(HpoError, match="is RUNNING and did not begin"):
                submit_job(submission)
        self.sources().mkdir(parents=True)
        for name in ("tiny_data.py", "tiny_model.py"):
            (project / name).rename(self.sources() / name)

    def sources(self) -> Path:
        """The folder that the search's code is to be in."""
        return Path(read_history(self.ledger()).opened.spec["base"])

    def train(self) -> None:
        """Train the trials and the finalist of the search in this process."""
        home, ledger = Home.at(self.home), self.ledger()
        spec = parse_spec(read_history(ledger).opened.spec, source=SEARCH)
        data, folder = split_dataset_of(spec.data, spec.base, home), home.search(SEARCH)
        splits = data.splits(spec.finalists.fresh, spec.finalists.seeds)
        staging = DataStaging.of(spec.trainable, spec.base, data.prepared.folder, splits, folder.root)
        worker = Worker(environment_of(spec, staging, folder))
        conductor, modules = Conductor(plan_of(spec, 1), ledger, searcher_of(spec)), set(sys.modules)
        conductor.replay(ledger.read())
        while (task := conductor.next()) is not None:
            worker.start(task)
            while told(conductor, task.key, worker.advance()):
                pass
            worker.abandon()
        assert conductor.done
        for name in set(sys.modules) - modules:
            if name.startswith("tiny_"):
                del sys.modules[name]  # other tests have their own


def told(conductor, key, message) -> bool:
    """Pass a worker's message on; return whether its training continues."""
    assert message.failure is None, message.failure
    return conductor.reported(
        key,
        message.reports,
        message.checkpoint,
        message.weights,
        message.scores,
        message.examples,
        message.finished,
    )


@contextmanager
def submitted(folder: Path):
    """A team whose search is submitted and trained; its environment holds while the block runs."""
    team = Team(folder)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in team.variables().items():
            patch.setenv(name, value)
        patch.setenv("PATH", COMMANDS, prepend=os.pathsep)
        patch.setenv("PYTHONPATH", str(ROOT))
        team.submit()
        team.train()
        team.folder.rename(team.whole)
        yield team


class Launcher:
    """Starts the search by the command line; subclasses name the command and find what it started.

    Attributes:
        words: The command.
        brings_code: Whether what it starts fetches the search's code from the store.
    """

    words: tuple[str, ...]
    brings_code = True

    def __init__(self, team: Team):
        self.team = team

    def started(self) -> subprocess.CompletedProcess:
        """Run the command that starts the search, to the command's own end."""
        command = [sys.executable, "-P", "-m", "hpo.cli.main", "--json", "--home", str(self.team.home)]
        return subprocess.run(
            [*command, *self.words, SEARCH], capture_output=True, text=True, check=False, timeout=200
        )

    def ended(self, run: subprocess.CompletedProcess) -> Ended:
        """Wait for the end of what a command has started."""
        return Ended("", run.returncode)

    def close(self) -> None:
        """End what this launcher needs."""


class InThisProcess(Launcher):
    """`hpo resume`: the command itself runs the search."""

    words = ("resume",)
    brings_code = False


class OutsideScheduler(Launcher):
    """`hpo service run`, as Slurm, Kubernetes and systemd start it."""

    words = ("service", "run")


class Detached(Launcher):
    """`hpo resume --detach`: a process that outlives the command."""

    words = ("resume", "--detach")
    brings_code = False

    def ended(self, run: subprocess.CompletedProcess) -> Ended:
        """Wait for the process, whose exit code the system gives to nobody: its last event says it."""
        if run.returncode:
            return Ended("", run.returncode)
        process = json.loads(run.stdout.splitlines()[-1])["pid"]
        psutil.wait_procs([p for p in psutil.process_iter() if p.pid == process], timeout=120)
        history = read_history(self.team.ledger())
        return Ended(str(process), 0 if history.ended and history.ended.status == "done" else 1)


class Job(Launcher):
    """`hpo resume --job`, with a server that runs the commands of jobs as processes of this machine."""

    words = ("resume", "--job")

    def __init__(self, team: Team):
        super().__init__(team)
        self._serving = stand_in()
        self._served = self._serving.__enter__()
        self._patch = pytest.MonkeyPatch()
        self._patch.setenv("RAY_API_SERVER_ADDRESS", self._served.address)
        self._runs = Runs(self._served)

    def ended(self, run: subprocess.CompletedProcess) -> Ended:
        """Wait for the job."""
        if run.returncode:
            return Ended("", run.returncode)
        job = json.loads(run.stdout.splitlines()[-1])["job"]
        return Ended(job, self._runs.wait(job))

    def close(self) -> None:
        """End the server."""
        self._patch.undo()
        self._serving.__exit__(None, None, None)


class Runs:
    """Has a job server that runs nothing start the command of each job."""

    def __init__(self, served):
        self._served, self._watched, self._accept = served, {}, served._accept
        served._accept = self.accept

    def accept(self, body):
        """Answer as the server does, and run what it has accepted."""
        answer = self._accept(body)
        job = body["submission_id"]
        if answer[0] == 200:
            environment = os.environ | body["runtime_env"]["env_vars"]
            process = subprocess.Popen(
                body["entrypoint"],
                shell=True,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            thread = threading.Thread(target=self._watch, args=(job, process))
            self._watched[job] = thread, process
            thread.start()
        return answer

    def _watch(self, job, process):
        self._served.logs[job] = process.communicate()[0]
        self._served.jobs[job]["status"] = "FAILED" if process.returncode else "SUCCEEDED"

    def wait(self, job) -> int:
        """Wait for the end of a job; return its exit code."""
        thread, process = self._watched[job]
        thread.join()
        return process.returncode


class ClusterJob(Launcher):
    """`hpo resume --job`, with Ray's own job server."""

    words = ("resume", "--job")

    def __init__(self, team: Team):
        if not JOBS.is_file():
            pytest.skip(f"Ray's job server is not installed in {JOBS.parent.parent}; `make slow` does so")
        super().__init__(team)
        self._cluster = RayCluster(1, python=JOBS, head={"PATH": os.environ["PATH"]})
        self._patch = pytest.MonkeyPatch()
        for name, value in {"RAY_API_SERVER_ADDRESS": self._cluster.jobs, **TOKEN}.items():
            self._patch.setenv(name, value)

    def ended(self, run: subprocess.CompletedProcess) -> Ended:
        """Follow the job by its record to its end."""
        if run.returncode:
            return Ended("", run.returncode)
        command = [sys.executable, "-P", "-m", "hpo.cli.main", "--home", str(self.team.home), "watch", SEARCH]
        watched = subprocess.run(command, capture_output=True, check=False, timeout=200)
        job = json.loads(run.stdout.splitlines()[-1])["job"]
        server, deadline = JobServer(self._cluster.jobs), time.monotonic() + 100
        while not server.state(job).has_ended:  # after the end is on record, it closes what it holds
            assert time.monotonic() < deadline, f"{job} does not end"
            time.sleep(POLL)
        return Ended(job, watched.returncode)

    def close(self) -> None:
        """End the cluster."""
        self._patch.undo()
        self._cluster.end()


LAUNCHERS = {
    "in this process": InThisProcess,
    "outside scheduler": OutsideScheduler,
    "detached": Detached,
    "job": Job,
    "job of a cluster": ClusterJob,
}
"""Every way to start a search; a further one is one class and one line here."""

SLOW = ("job of a cluster",)
"""Those that need a cluster."""
