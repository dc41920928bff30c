"""The ledger of a team is a database that a home names, and the register is beside it."""

import numpy as np
import pytest

from hpo.core.errors import UserError
from hpo.core.events import SearchOpened
from hpo.core.home import Home
from hpo.ledger.opening import Opening
from hpo.ledger.register import Register
from hpo.ledger.searches import open_ledger
from hpo.ledger.store import LedgerStore
from hpo.use_cases.dataset.register_access import existing_register, open_register
from hpo.use_cases.listing import list_searches
from hpo.use_cases.rescue import rescue_ledger

OPENED = SearchOpened(
    spec={"version": 1, "objective": {"metric": "accuracy", "mode": "max"}},
    digest="d",
    split={},
    versions={},
)
ROWS = np.array([[number, number] for number in range(20)], np.uint64)


def opening(key):
    return Opening(key, "fingerprint", 20, "me", "digits-1", "/home", "csv", "recipe")


def test_a_home_without_a_database_has_its_own_file(tmp_path, monkeypatch):
    monkeypatch.delenv("HPO_LEDGER", raising=False)
    home = Home.at(tmp_path)
    LedgerStore.of(home).create("digits", OPENED)
    assert home.ledger.is_file()


@pytest.fixture
def team(postgresql_url, monkeypatch):
    monkeypatch.delenv("HPO_REGISTER", raising=False)
    monkeypatch.setenv("HPO_LEDGER", postgresql_url)
    return postgresql_url


def test_homes_of_one_team_have_the_same_searches_and_need_no_folder(team, tmp_path):
    our_home, theirs = Home.at(tmp_path / "mine"), Home.at(tmp_path / "theirs")
    LedgerStore.of(our_home).create("digits", OPENED)
    assert [summary.name for summary in list_searches(theirs)] == ["digits-1"]
    assert open_ledger("digits-1", theirs).name == "digits-1"
    with pytest.raises(UserError, match="existing searches: digits-1"):
        open_ledger("another", theirs)
    assert list(tmp_path.iterdir()) == []


def test_the_register_is_beside_the_ledger_whichever_is_used_first(team, tmp_path):
    open_register().begin(opening("k"), ROWS)
    LedgerStore.of(Home.at(tmp_path)).create("digits", OPENED)
    register = existing_register()
    assert [known.key for known in register.all()] == ["k"]
    assert register.key == open_register().key
    assert LedgerStore.of(Home.at(tmp_path)).names() == ["digits-1"]


def test_a_register_that_is_named_wins_over_the_ledger(team, tmp_path, monkeypatch):
    monkeypatch.setenv("HPO_REGISTER", str(tmp_path / "register.db"))
    open_register().begin(opening("k"), ROWS)
    assert Register(team).all() == []


def test_a_folder_that_is_not_a_home_is_not_taken_over(team, tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "others.txt").touch()
    with pytest.raises(UserError, match="it contains other files"):
        Home.at(tmp_path).create()


def test_a_database_is_not_rescued_here(team, tmp_path):
    with pytest.raises(UserError, match="restore it from its server's backup"):
        rescue_ledger(Home.at(tmp_path))


def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path, monkeypatch):
    pytest.importorskip("psycopg")
    monkeypatch.setenv("HPO_LEDGER", "postgresql://me:geheim@127.0.0.1:1/hpo")
    with pytest.raises(UserError, match=r"ledger at postgresql.*127.0.0.1:1/hpo cannot be reached") as raised:
        list_searches(Home.at(tmp_path))
    assert "geheim" not in str(raised.value)
