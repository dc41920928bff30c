"""Driver, keeper, cluster, database and MLflow server are killed in turn: a search ends by itself."""

import random
import sys
import time
from pathlib import Path

import psutil
import pytest

from hpo.core import events
from hpo.core.service_state import KEEPER, MLFLOW, RAY
from hpo.use_cases.service import service_state
from tests.faults.promises import check_replay, run_twice, scores
from tests.faults.ray_cluster import PATIENT, command_of
from tests.faults.tiny_search import Place, after, decisions, left_behind, number
from tests.ledger import postgresql

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

JOBS = Path(sys.prefix) / "jobs" / "bin" / "python"
"""Interpreter that has Ray's job server; `make slow` installs it."""

SHORT = {"HPO_LEASE_SECONDS": "4", **PATIENT}


@pytest.fixture(scope="module")
def database():
    """A PostgreSQL server of its own, which flushes commits and may be killed."""
    programs = postgresql.binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    with postgresql.running(programs, durable=True) as server:
        yield server


@pytest.fixture
def team(tmp_path, monkeypatch, database, undisturbed):
    """A folder with a running service, whose ledger is in that database."""
    del undisturbed  # it has a ledger of its own, and runs before the variables are set
    monkeypatch.setenv("HPO_LEDGER", database.new_database())
    monkeypatch.setenv("HPO_REGISTER", str(tmp_path / "register.db"))
    for name, value in SHORT.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "work"
    folder.mkdir()
    place = Place(folder)
    python = str(JOBS if JOBS.is_file() else sys.executable)
    started = place.run("service", "up", "--cpus", "2", python=python)
    assert started.returncode == 0, started.stderr
    for name, value in service_state(place.home).variables.items():
        monkeypatch.setenv(name, value)
    yield place
    ended = place.run("service", "down")
    left = left_behind(folder)
    place.end()
    assert ended.returncode == 0, ended.stderr
    assert left == []


def parts(place):
    """Names of what can be killed."""
    served = ["dashboard/dashboard.py"] if JOBS.is_file() else []
    return ["driver", KEEPER, MLFLOW, "gcs/gcs_server", *served, "database"]


def kill(name, place, database):
    """SIGKILL a part; the database is started again here, the others by the service."""
    if name == "database":
        database.kill()
        database.start()
        return
    state = service_state(place.home)
    pids = {part.name: part.pid for part in state.parts}
    if name == "driver":
        killed = [each for each in place.processes(" resume tiny-1") if "reaper" not in command_of(each)]
    elif name in pids:
        killed = [psutil.Process(pids[name])]
    else:
        killed = [each for each in psutil.Process(pids[RAY]).children() if name in command_of(each)]
    for process in killed:
        process.kill()
    psutil.wait_procs(killed, timeout=60)


def until(reached, seconds=900):
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, "the moment never came"
        time.sleep(0.2)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_search_ends_as_undisturbed_whichever_part_is_killed_and_when(seed, team, database, undisturbed):
    drawn = random.Random(seed)
    order = parts(team)
    drawn.shuffle(order)
    submitted = team.run("submit", "tiny.yaml", "--detach", "--json", TINY_SECONDS="0.3")
    assert submitted.returncode == 0, submitted.stderr
    ended, reports = after(events.SearchEnded), 0
    for name in order:
        reports += drawn.randint(2, 9)
        reported = after(events.Reported, reports)
        until(lambda reported=reported: reported(team) or ended(team))
        print(f"{time.strftime('%T')}: {name} is killed after {reports} reports")
        kill(name, team, database)
    until(lambda: ended(team))
    record = team.record()
    assert record[-1].event.status == "done"
    assert decisions(record) == decisions(undisturbed)
    assert scores(record) == scores(undisturbed)
    check_replay(record)
    assert run_twice(record) == []
    assert (team.openings(), number(record, events.TestScored)) == (1, 1)
