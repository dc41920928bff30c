"""The contract of every launcher: in this process, by a scheduler, detached, as a job.

A further launcher is one line in ``LAUNCHERS``.
"""

import re
import shutil

import numpy as np
import pytest

from hpo.core.events import (
    JobSubmitted,
    RecipeExported,
    Reported,
    SearchEnded,
    SearchResumed,
    TestClaimed,
    TestScored,
    TrialEnded,
    TrialStarted,
    WinnerNamed,
)
from hpo.core.home import Home
from hpo.ledger.leases import SearchLease
from hpo.ledger.register import Register
from hpo.running.checkpoints import read
from hpo.use_cases.search.holding import held
from hpo.use_cases.search.run_options import DEFAULTS
from tests.use_cases.search.launchers import LAUNCHERS, SEARCH, SLOW, submitted

pytestmark = pytest.mark.timeout(600)
EACH = [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in LAUNCHERS]


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    with submitted(tmp_path_factory.mktemp("team")) as team:
        yield team


@pytest.fixture(autouse=True)
def _environment_of_the_team(_register_of_this_test, _no_team_of_the_user, team, monkeypatch):
    """Every process of the team has one ledger, one store and one register, as its profile says."""
    for name, value in team.variables().items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module", params=EACH)
def launcher(request, team):
    launcher = LAUNCHERS[request.param](team)
    yield launcher
    launcher.close()


@pytest.fixture(scope="module")
def failed(launcher, team):
    """A start that fails because the search's code is nowhere: what the command said, and the record."""
    team.put_back()
    shutil.rmtree(team.sources())
    kept = {
        file: file.read_bytes() for file in (team.folder / "store" / "sha256").rglob("*") if file.is_file()
    }
    for file in kept:
        file.unlink()
    run = launcher.started()
    record = list(team.ledger().read())
    for file, content in kept.items():
        file.write_bytes(content)
    return run, record


@pytest.fixture(scope="module")
def whole(launcher, team, failed):
    """The search started again after that: how it ended, and the record."""
    if not launcher.brings_code:
        shutil.copytree(team.whole / team.sources().relative_to(team.folder), team.sources())
    run = launcher.started()
    assert run.returncode == 0, run.stderr
    return launcher.ended(run), list(team.ledger().read())


def of(record, *kinds):
    return [recorded.event for recorded in record if isinstance(recorded.event, kinds)]


def test_a_search_that_runs_is_refused_and_its_record_stays_as_it_is(launcher, team):
    team.put_back()
    home, ledger = Home.at(team.home), team.ledger()
    with held(home, ledger, new=True) as hold:
        hold.begin(DEFAULTS)
        before = list(ledger.read())
        run = launcher.started()
        assert (run.returncode, f"{SEARCH} is being run by process" in run.stderr) == (3, True), run.stderr
        assert list(ledger.read()) == before


def test_a_start_that_fails_says_so_and_leaves_no_attempt(failed, team):
    run, record = failed
    assert run.returncode in (1, 2)
    assert "Traceback" not in run.stderr
    assert re.search("tiny_model.py is not in the store|a folder that this machine does not have", run.stderr)
    assert of(record, SearchResumed, SearchEnded, TestClaimed) == []


def test_the_attempt_is_on_record_under_the_name_that_the_launcher_gave(whole, launcher, team):
    ended, record = whole
    assert len(of(record, SearchResumed)) == 1
    last = SearchLease(team.ledger(), "", 0.0).state()
    assert not last.is_held
    if ended.name.isdecimal():
        assert last.holder.startswith(f"process {ended.name} of ")
    elif ended.name:
        kinds = [type(recorded.event) for recorded in record]
        assert of(record, JobSubmitted)[-1].job == ended.name
        assert kinds[::-1].index(JobSubmitted) > kinds[::-1].index(SearchResumed)


def test_the_search_ends_with_one_opening_one_recipe_and_exit_code_0(whole, team):
    ended, record = whole
    assert ended.exit_code == 0
    assert [event.status for event in of(record, SearchEnded)] == ["done"]
    assert [len(of(record, kind)) for kind in (TestClaimed, TestScored, RecipeExported)] == [1, 1, 1]
    assert len(Register(team.folder / "register.db").all()) == 1
    assert Home.at(team.home).search(SEARCH).recipe.is_file()


def test_the_score_is_that_of_the_search_s_own_code_on_its_own_data(whole, team):
    _, record = whole
    winner = of(record, WinnerNamed)[0]
    (trained,) = [
        e for e in of(record, TrialEnded) if (e.trial, e.replicate) == (winner.trial, winner.replicate)
    ]
    line = read(Home.at(team.home).search(SEARCH).weights / trained.weights)["line"]
    inputs = np.random.default_rng(1).uniform(-3, 3, size=(80, 2)).astype("float32")
    errors = inputs @ line - np.sin(inputs).sum(axis=1)
    assert of(record, TestScored)[0].scores["mse"]["value"] == pytest.approx((errors**2).mean())


def test_started_once_more_it_trains_and_opens_nothing(whole, launcher, team):
    _, record = whole
    again = launcher.started()
    assert again.returncode == 0, again.stderr
    assert launcher.ended(again).exit_code == 0
    new = list(team.ledger().read(after=record[-1].seq))
    assert of(new, TrialStarted, Reported, TestClaimed, TestScored) == []
    assert len(Register(team.folder / "register.db").all()) == 1
