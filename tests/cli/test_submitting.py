"""What `hpo submit` and `hpo resume` say of a search that this process records and another one runs."""

from pathlib import Path

import pytest

from hpo.core import events
from hpo.core.home import Home
from hpo.ledger.searches import open_ledger, read_history
from hpo.use_cases.search.cluster_job import ClusterJob
from hpo.use_cases.search.detached import DetachedRun
from hpo.use_cases.search.ending import recorded_outcome
from tests.use_cases.recorded_search import SPEC, recorded, searched

UNTOUCHED = "at the end the winner is scored on the test part, once; the register has none so far"


@pytest.fixture
def spec(tmp_path, monkeypatch):
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    (tmp_path / "digits.yaml").write_text(SPEC)
    return str(tmp_path / "digits.yaml")


@pytest.fixture
def elsewhere(monkeypatch):
    """Has another process take searches up; holds what it was given."""
    taken = []
    detached = DetachedRun("digits-1", 123, Path("/home/run.log"))
    job = ClusterJob("digits-1", "hpo-digits-1-1", "http://head:8265")

    def leave(name, run):
        def take(submission):
            taken.append(submission)
            return run

        monkeypatch.setattr(f"hpo.use_cases.submit.{name}", take)

    leave("submit_detached", detached)
    leave("submit_job", job)
    return taken


def test_a_held_search_is_on_record_with_its_tags_and_its_seed(spec, typed, tmp_path):
    shown = typed("submit", spec, "--hold", "--name", "mine", "--tag", "purpose=try=it", "--seed", "4")
    assert (shown.code, shown.out) == (0, "mine is on record; `hpo service run mine` runs it\n")
    history = read_history(open_ledger("mine", Home(tmp_path / "home")))
    assert (history.opened.tags["purpose"], history.opened.spec["seed"]) == ("try=it", 4)
    assert typed("submit", spec, "--hold", "--name", "other", "--json").json == {
        "search": "other",
        "held": True,
    }


@pytest.mark.parametrize("more", ["--detach", "--job", "--no-test"])
def test_holding_a_search_does_not_run_it(spec, typed, more, tmp_path):
    shown = typed("submit", spec, "--hold", more)
    assert (shown.code, shown.err) == (
        2,
        "--hold only records the search; --detach, --job, --no-test and --again do not go with it\n",
    )
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("verb", ["submit", "resume"])
@pytest.mark.parametrize("more", [["--detach"], ["--address", "auto"]])
def test_a_search_runs_in_one_way(spec, typed, verb, more):
    shown = typed(verb, spec if verb == "submit" else "digits", "--job", *more)
    assert (shown.code, shown.err) == (
        2,
        "--job runs the search on the job server's cluster; --detach and --address do not go with it\n",
    )


@pytest.mark.parametrize("tag", ["purpose", "=try", " =try"])
def test_a_tag_has_a_key_and_a_value(spec, typed, tag):
    shown = typed("submit", spec, "--tag", tag)
    assert (shown.code, shown.err) == (2, f"--tag {tag}: write KEY=VALUE\n")


def test_a_detached_search_says_what_follows_and_what_stops_it(spec, typed, elsewhere):
    shown = typed("submit", spec, "--detach")
    assert (shown.code, shown.out) == (
        0,
        f"{UNTOUCHED}\ndigits-1 runs on without this terminal, as process 123\n"
        "`hpo watch digits-1` follows it, `hpo stop digits-1` stops it\n",
    )
    assert typed("submit", spec, "--detach", "--json").json == {
        "search": "digits-1",
        "detached": True,
        "pid": 123,
        "log": "/home/run.log",
    }
    assert [submission.options.unseal for submission in elsewhere] == [True, True]


def test_a_job_says_where_it_runs(spec, typed, elsewhere):
    shown = typed("submit", spec, "--job", "--no-test")
    assert (shown.code, shown.out) == (
        0,
        "at the end the test part stays sealed; `hpo test` opens it\n"
        "digits-1 runs on the cluster, as job hpo-digits-1-1 of http://head:8265\n"
        "`hpo watch digits-1` follows it, `hpo stop digits-1` stops it\n",
    )
    assert typed("submit", spec, "--job", "--json").json == {
        "search": "digits-1",
        "job": "hpo-digits-1-1",
        "server": "http://head:8265",
    }
    assert [submission.options.unseal for submission in elsewhere] == [False, True]


def test_a_job_that_found_its_search_done_says_so(spec, typed, monkeypatch):
    job = ClusterJob("digits-1", "hpo-digits-1-2", "http://head:8265", idle=True)
    monkeypatch.setattr("hpo.use_cases.submit.submit_job", lambda submission: job)
    assert typed("submit", spec, "--job").out == (
        "digits-1 is done; job hpo-digits-1-2 of http://head:8265 left it as it is\n"
    )


def test_resuming_a_detached_search_passes_the_trials_on(tmp_path, typed, monkeypatch):
    given = {}

    def start(home, name, options, *, more_trials):
        given.update(home=home.root, name=name, more=more_trials, unseal=options.unseal)
        return DetachedRun(name, 7, Path("/home/run.log"))

    monkeypatch.setattr("hpo.use_cases.search.detached.start_detached", start)
    monkeypatch.setenv("HPO_HOME", str(tmp_path))
    shown = typed("resume", "digits", "--detach", "--trials", "+5", "--no-test")
    assert shown.out == (
        "digits runs on without this terminal, as process 7\n"
        "`hpo watch digits` follows it, `hpo stop digits` stops it\n"
    )
    assert given == {"home": tmp_path, "name": "digits", "more": 5, "unseal": False}


def test_a_job_takes_no_further_trials(tmp_path, typed, monkeypatch):
    monkeypatch.setenv("HPO_HOME", str(tmp_path))
    shown = typed("resume", "digits", "--job", "--trials", "+5")
    assert (shown.code, shown.err) == (
        2,
        "--trials does not go with --job; once it runs, `hpo service set digits budget.trials=N` "
        "sets their number\n",
    )


@pytest.mark.parametrize("trials", ["0", "+0", "five", "-3", "+1234567890", "+", ""])
def test_trials_to_add_are_a_whole_number(tmp_path, typed, monkeypatch, trials):
    monkeypatch.setenv("HPO_HOME", str(tmp_path))
    shown = typed("resume", "digits", f"--trials={trials}")
    assert (shown.code, shown.err) == (
        2,
        f"--trials {trials}: write +N, such as +50, where N is a whole number from 1 to 999,999,999\n",
    )


def test_a_search_that_is_done_is_not_run_again(tmp_path, typed, monkeypatch):
    story = [*searched(), events.WinnerNamed(3, 1, 0.935, 0.0071, 2, "best"), events.SearchEnded("done")]
    monkeypatch.setenv("HPO_HOME", str(recorded(tmp_path, story).root))
    shown = typed("service", "run", "digits", "--json")
    assert (shown.code, shown.err) == (0, "")
    assert shown.json == {
        "search": "digits",
        "status": "done",
        "trials": {"finished": 4, "stopped": 1, "failed": 1},
        "best": {
            "trial": 3,
            "recipe": {"learning_rate": 3.1},
            "validation": {"mean": 0.935, "std": 0.0071, "n": 2},
        },
        "test": None,
        "recipe_path": None,
    }


@pytest.mark.parametrize(
    ("verb", "where"), [("submit", "submit.submit_search"), ("resume", "resume.resume_search")]
)
def test_the_exit_code_is_that_of_the_outcome(spec, typed, monkeypatch, tmp_path, verb, where):
    story = [*searched(), events.SearchEnded("no_trial_succeeded", "none did")]
    home = recorded(tmp_path, story)
    outcome = recorded_outcome(home, open_ledger("digits", home))
    monkeypatch.setattr(f"hpo.use_cases.{where}", lambda *_, **__: outcome)
    assert typed(verb, spec if verb == "submit" else "digits").code == outcome.exit_code == 4
