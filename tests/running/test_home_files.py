"""A file of a search is in its home, and in the store as soon as a node does not see the home."""

import dataclasses
from functools import partial

import pytest

from hpo.core.errors import HpoError, StoreUnreachable
from hpo.core.file_digest import sha256_of
from hpo.core.home import SearchFolder
from hpo.running.home_files import HomeFiles, StoreLost, patiently

PREFIX = "searches/tiny-1-0"


@pytest.fixture
def at_home(tmp_path, store):
    folder = SearchFolder(tmp_path / "home")
    folder.checkpoints.mkdir(parents=True)
    return HomeFiles(folder, lambda: store, PREFIX, shares=True)


@pytest.fixture
def apart(tmp_path, store):
    folder = SearchFolder(tmp_path / "node")
    folder.checkpoints.mkdir(parents=True)
    return HomeFiles(folder, lambda: store, PREFIX, apart=True, shares=True)


def written(files, content=b"content", name="0-0-1.safetensors"):
    path = files.folder.checkpoints / name
    path.write_bytes(content)
    return path


def unopened():
    raise AssertionError("the store was opened")


def test_while_all_nodes_see_the_home_the_store_is_not_even_opened(at_home):
    files = dataclasses.replace(at_home, store=unopened)
    path = written(files)
    files.leave(path)
    with files.at_hand(path, "") as here:
        assert here == path
    files.remove(path)
    assert not path.exists()


def test_a_node_that_is_apart_leaves_its_files_in_the_store_and_another_one_takes_them_up(
    apart, at_home, store, tmp_path
):
    path = written(apart)
    digest = sha256_of(path)
    apart.leave(path)
    assert (path.exists(), store.names(PREFIX)) == (False, [f"{PREFIX}/checkpoints/0-0-1.safetensors"])
    other = dataclasses.replace(apart, folder=SearchFolder(tmp_path / "other"))
    with other.at_hand(other.folder.checkpoints / path.name, digest) as here:
        assert here.read_bytes() == b"content"
    assert list(other.folder.checkpoints.iterdir()) == []
    with at_home.at_hand(at_home.folder.checkpoints / path.name, digest) as here:
        assert here.read_bytes() == b"content"
    assert here.exists()


def test_once_a_node_is_apart_the_others_leave_theirs_in_both_places_and_remove_them_from_both(
    at_home, store
):
    at_home.share()
    path = written(at_home)
    at_home.leave(path)
    assert (path.exists(), len(store.names(PREFIX))) == (True, 1)
    at_home.remove(path)
    assert (path.exists(), store.names(PREFIX)) == (False, [])


def test_what_is_missing_is_left_to_the_reader_and_what_is_damaged_is_a_sentence(apart):
    path = apart.folder.checkpoints / "0-0-1.safetensors"
    with apart.at_hand(path, "") as here:
        assert not here.exists()
    apart.leave(written(apart))
    with pytest.raises(HpoError, match="is damaged: its digest differs"), apart.at_hand(path, "0" * 64):
        pass
    assert list(apart.folder.checkpoints.iterdir()) == []


def test_a_store_out_of_reach_is_a_fault_of_a_node_that_is_apart_and_of_no_other(tmp_path, apart, at_home):
    at_home.share()
    (tmp_path / "store").rename(tmp_path / "away")
    path = written(at_home)
    at_home.leave(path)
    at_home.remove(path)
    apart = dataclasses.replace(apart, given_up=lambda: True)
    mine = written(apart)
    with pytest.raises(StoreLost, match=r"it does not reach the store: the store .* there is no folder"):
        apart.leave(mine)
    assert mine.exists()


class Clock:
    """A clock that advances by what is waited."""

    def __init__(self):
        self.now, self.waits = 0.0, []

    def wait(self, seconds):
        self.waits.append(seconds)
        self.now += seconds


@pytest.mark.parametrize("back_after", [0, 20, 119, 121])
def test_an_operation_is_repeated_for_two_minutes_and_no_longer(back_after):
    clock = Clock()

    def operation():
        if clock.now < back_after:
            raise StoreUnreachable("the store is away")
        return "done"

    attempt = partial(patiently, operation, clock=lambda: clock.now, pause=clock.wait)
    if back_after > 120:
        with pytest.raises(StoreUnreachable):
            attempt()
    else:
        assert attempt() == "done"
    assert clock.now <= 120
    assert len(clock.waits) < 20


def test_what_is_not_a_store_out_of_reach_is_not_repeated():
    def operation():
        raise HpoError("damaged")

    with pytest.raises(HpoError, match="damaged"):
        patiently(operation, pause=unopened)
