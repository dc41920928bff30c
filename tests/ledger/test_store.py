"""The store names searches, lets one process claim a test part, and refuses files that are not ledgers."""

import sqlite3
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from hpo.core.errors import DamagedLedger, HpoError, UserError
from hpo.core.events import SearchOpened, TestClaimed
from hpo.ledger.store import LedgerStore

OPENED = SearchOpened(spec={"version": 1}, digest="d", split={}, versions={})


@pytest.fixture
def store(tmp_path):
    store = LedgerStore.at(tmp_path / "ledger.db")
    yield store
    store.close()


def test_default_names_count_up_and_given_names_must_be_new(store):
    assert store.create("digits", OPENED).name == "digits-1"
    assert store.create("digits", OPENED).name == "digits-2"
    assert store.create("digits", OPENED, name="mine").name == "mine"
    with pytest.raises(UserError, match="mine"):
        store.create("digits", OPENED, name="mine")
    assert store.names() == ["digits-1", "digits-2", "mine"]


@pytest.mark.parametrize("name", ["../outside", "", "a/b", ".hidden", "x" * 81, "a\x00b"])
def test_a_name_unusable_for_a_folder_is_refused(store, name):
    with pytest.raises(UserError, match="--name"):
        store.create("digits", OPENED, name=name)


def test_an_unknown_name_lists_existing_searches(store):
    store.create("digits", OPENED)
    with pytest.raises(UserError, match="digits-1"):
        store.open("nothing")


def claim(path):
    store = LedgerStore.at(path)
    won = store.open("digits-1").claim(TestClaimed(0, 1, "sha", "someone"))
    store.close()
    return won is not None


def test_exactly_one_of_eight_processes_claims(store, tmp_path):
    store.create("digits", OPENED)
    with ProcessPoolExecutor(8, mp_context=get_context("spawn")) as pool:
        won = list(pool.map(claim, [tmp_path / "ledger.db"] * 8))
    assert sum(won) == 1


def test_a_file_that_is_not_a_ledger_is_refused(tmp_path):
    path = tmp_path / "ledger.db"
    path.write_bytes(b"not a database at all, but long enough to be looked at" * 40)
    with pytest.raises(DamagedLedger, match="hpo service rescue"):
        LedgerStore.at(path)


def test_a_claim_that_the_database_cannot_store_is_refused(tmp_path):
    store = LedgerStore.at(tmp_path / "ledger.db")
    ledger = store.create("digits", OPENED)
    with sqlite3.connect(tmp_path / "ledger.db") as other:
        other.execute("DROP TABLE events")
    with pytest.raises(HpoError, match=r"the ledger at .* cannot be used"):
        ledger.claim(TestClaimed(0, 1, "s", "me"))
    store.close()
