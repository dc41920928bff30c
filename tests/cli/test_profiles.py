"""A profile is kept, shown and removed, and every command takes one."""

import json
import os

import pytest

from hpo.cli import main as command
from hpo.core.home import Home
from hpo.ledger.store import LedgerStore
from tests.use_cases.recorded_search import recorded, won

TEAM = ("--store", "s3://bucket/hpo", "--cluster", "10.0.0.1:6379", "--tracking", "http://127.0.0.1:1")


@pytest.fixture(autouse=True)
def _configuration(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def hpo(capfd):
    """Run a command; return its exit code, output and errors."""

    def run(*words):
        with pytest.raises(SystemExit) as left:
            command.main([str(word) for word in words])
        shown = capfd.readouterr()
        return left.value.code or 0, shown.out, shown.err

    return run


@pytest.fixture
def team(tmp_path, hpo):
    """A profile whose ledger has a search that no home has."""
    (tmp_path / "first").mkdir()
    home = recorded(tmp_path / "first", list(won())[:-3])
    assert LedgerStore.at(home.ledger).names() == ["digits"]
    code, _, err = hpo("profile", "add", "team", "--ledger", f"sqlite:///{home.ledger}", *TEAM)
    assert code == 0, err
    return home


@pytest.mark.parametrize(
    "words",
    [
        ("--profile", "team", "list", "--json"),
        ("list", "--profile", "team", "--json"),
        ("list", "--json", "--profile=team"),
    ],
)
def test_every_command_takes_it_before_or_after_its_name(team, hpo, words):
    code, out, err = hpo(*words)
    assert (code, [row["name"] for row in json.loads(out)]) == (0, ["digits"]), err
    assert "HPO_LEDGER" not in os.environ
    assert Home.at(None).is_used is False


def test_the_variable_names_it_and_an_explicit_address_wins(team, hpo, tmp_path, monkeypatch):
    monkeypatch.setenv("HPO_PROFILE", "team")
    assert json.loads(hpo("status", "digits", "--json")[1])["search"] == "digits"
    monkeypatch.setenv("HPO_LEDGER", f"sqlite:///{tmp_path / 'other.db'}")
    assert json.loads(hpo("list", "--json")[1]) == []
    code, out, _ = hpo("profile", "show", "team")
    assert (code, "HPO_LEDGER replaces it" in out) == (0, True)


def test_they_are_listed_and_removed_even_if_the_chosen_one_is_gone(team, hpo, monkeypatch):
    monkeypatch.setenv("HPO_PROFILE", "team")
    assert hpo("profile", "list")[1] == "team (HPO_PROFILE)\n"
    assert json.loads(hpo("profile", "remove", "team", "--json")[1]) == {"profile": "team", "removed": True}
    assert hpo("profile", "list")[1].startswith("no profile yet")
    code, _, err = hpo("list")
    assert (code, "there is no profile 'team'; existing profiles: none yet" in err) == (2, True)


def test_half_a_profile_is_a_sentence_for_each_missing_part(hpo):
    code, out, err = hpo("profile", "add", "half", "--ledger", "postgresql://me@db/hpo", "--json")
    assert (code, json.loads(out)["exit_code"]) == (2, 2)
    assert [line.partition(":")[0] for line in err.splitlines()] == ["--store", "--cluster", "--tracking"]


@pytest.mark.parametrize("option", ["--detach", "--no-test", "--again"])
def test_a_search_that_is_only_recorded_takes_no_option_of_its_run(hpo, option):
    code, _, err = hpo("submit", "digits", "--hold", option, *(["--reason", "x"] * (option == "--again")))
    assert (code, err.startswith("--hold only records the search")) == (2, True), err


READING = (
    "list",
    "status",
    "watch",
    "trials",
    "trial",
    "logs",
    "best",
    "account",
    "audit",
    "report",
    "openings",
)


@pytest.mark.slow
@pytest.mark.parametrize("verb", READING)
def test_what_is_read_from_the_ledger_needs_no_home(team, hpo, tmp_path, verb):
    words = [] if verb in ("list", "openings") else ["digits"]
    words += ["3"] if verb == "trial" else []
    elsewhere = tmp_path / "elsewhere"
    for form in ((), ("--json",)):
        if verb == "report" and form:
            continue
        code, out, err = hpo("--profile", "team", "--home", elsewhere, verb, *words, *form)
        assert "Traceback" not in err
        assert (code in (0, 1), bool(out or err)) == (True, True), err
