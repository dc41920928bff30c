"""The log of a training on a node that does not see the home gets to the store in numbered pieces."""

import pytest

from hpo.core.home import SearchFolder
from hpo.running.home_files import HomeFiles
from hpo.running.log_pieces import LogPieces, next_number

FOLDER = "searches/tiny-1-0/logs/0-0.log"


@pytest.fixture
def files(tmp_path, store):
    folder = SearchFolder(tmp_path / "node")
    folder.logs.mkdir(parents=True)
    return HomeFiles(folder, lambda: store, "searches/tiny-1-0", apart=True)


def contents(store, tmp_path):
    pieces = {}
    for name in store.names(FOLDER):
        store.load(name, tmp_path / "piece")
        pieces[name.rpartition("/")[2]] = (tmp_path / "piece").read_text()
    return pieces


def test_a_log_grows_piece_by_piece_and_goes_on_after_those_of_an_earlier_node(
    files, store, tmp_path, monkeypatch
):
    monkeypatch.setattr("hpo.running.log_pieces.SECONDS", 0.01)
    log = files.folder.logs / "0-0.log"
    with LogPieces(files, log), log.open("w", buffering=1) as file:
        file.write("first\n")
        while not store.names(FOLDER):
            pass
        file.write("second\n")
    with LogPieces(files, log), log.open("w", buffering=1) as file:
        file.write("third\n")
    assert contents(store, tmp_path) == {"00000001": "first\n", "00000002": "second\n", "00000003": "third\n"}
    assert list(files.folder.logs.iterdir()) == []


def test_a_store_out_of_reach_delays_the_pieces_and_fails_no_training(files, store, tmp_path, monkeypatch):
    monkeypatch.setattr("hpo.running.log_pieces.SECONDS", 0.01)
    (tmp_path / "store").rename(tmp_path / "away")
    log = files.folder.logs / "0-0.log"
    with LogPieces(files, log), log.open("w", buffering=1) as file:
        file.write("first\n")
        (tmp_path / "away").rename(tmp_path / "store")
    assert contents(store, tmp_path) == {"00000001": "first\n"}


def test_a_node_that_sees_the_home_keeps_its_log_there(tmp_path):
    log = tmp_path / "0-0.log"
    with LogPieces(HomeFiles(SearchFolder(tmp_path)), log):
        log.write_text("kept")
    assert log.read_text() == "kept"


def test_drafts_and_other_files_have_no_number():
    assert next_number([]) == 1
    assert next_number(["logs/0-0.log/00000009", "logs/0-0.log/00000010", "logs/0-0.log/x"]) == 11
