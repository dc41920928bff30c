"""Logs of a search on a machine that has only the ledger and the store."""

import math

import pytest

from hpo.core.events import End, FilesStored, SearchOpened, TrialEnded, TrialStarted
from hpo.core.home import Home
from hpo.core.profile import STORE
from hpo.ledger.searches import read_history
from hpo.ledger.store import LedgerStore
from hpo.storage.file_store import FileStore
from hpo.use_cases.logs import follow_output, trial_output
from hpo.use_cases.search.stored_home import prefix_of

SPEC = {"objective": {"metric": "loss", "mode": "min"}, "budget": {"trials": 2}}


@pytest.fixture
def search(tmp_path, monkeypatch):
    """A search with one ended trial whose files are not in this home; its store; a file to put there."""
    monkeypatch.setenv(STORE, str(tmp_path / "store"))
    (tmp_path / "store").mkdir()
    home = Home.at(tmp_path / "home").create()
    ledger = LedgerStore.of(home).create("one", SearchOpened(SPEC, "d", {}, {}), "one")
    ledger.append([TrialStarted(0, 0, {}, {}, 7, "sampler"), TrialEnded(0, 0, End.FINISHED, 9, math.nan)])
    return home, ledger, FileStore(str(tmp_path / "store")), tmp_path / "file"


def stored(store, kept):
    return FilesStored(store.shown, ({"path": "logs/0-0.log", "sha256": kept.sha256, "bytes": kept.size},))


def test_the_log_of_a_search_that_has_ended_is_read_by_its_digest(search):
    home, ledger, store, file = search
    file.write_text("epoch 1\nepoch 2\n")
    kept = store.put(file)
    ledger.append([stored(store, kept)])
    assert list(trial_output("one", home)) == ["== trial 0: finished\nepoch 1\nepoch 2"]
    assert list(follow_output("one", home)) == ["trial 0 | epoch 1", "trial 0 | epoch 2"]
    assert not home.search("one").root.exists()


def test_pieces_of_a_running_search_are_read_in_their_order(search):
    home, ledger, store, file = search
    prefix = prefix_of("one", read_history(ledger))
    for number, text in enumerate(("epoch 1\n", "epoch 2\n")):
        file.write_text(text)
        store.save(file, f"{prefix}/logs/0-0.log/{number:06d}")
    assert list(trial_output("one", home)) == ["== trial 0: finished\nepoch 1\nepoch 2"]


def test_a_log_that_is_here_is_not_read_a_second_time_from_the_store(search):
    home, ledger, store, file = search
    file.write_text("epoch 1\n")
    kept = store.put(file)
    ledger.append([stored(store, kept)])
    folder = home.search("one")
    folder.logs.mkdir(parents=True)
    (folder.logs / "0-0.log").write_text("epoch 1\n")
    assert list(trial_output("one", home)) == ["== trial 0: finished\nepoch 1"]
