"""A cache of folders from a store forgets what nobody has used for a week, and nothing that is in use."""

import fcntl
import os
import time

import pytest

from hpo.storage.file_store import FileStore
from hpo.use_cases.search.fetched_folder import KEPT_SECONDS, fetch_folder


@pytest.fixture
def store(tmp_path):
    store = FileStore(str(tmp_path / "store"))
    store.require_writable()
    return store


@pytest.fixture
def digests(tmp_path, store):
    """Of one file, which is in the store."""
    file = tmp_path / "file"
    file.write_bytes(b"some bytes")
    return {"file": store.put(file).sha256}


@pytest.fixture
def old(tmp_path):
    """A folder of the cache that was last used more than a week ago."""
    folder = tmp_path / "cache" / "old"
    folder.mkdir(parents=True)
    (folder / "file").write_bytes(b"other bytes")
    before = time.time() - KEPT_SECONDS - 60
    os.utime(folder, (before, before))
    return folder


def fetch(store, digests, folder, *, cached=True):
    return fetch_folder(lambda: store, digests, folder, cached=cached)


def test_what_nobody_has_used_for_a_week_is_removed_when_something_is_fetched(store, digests, old):
    recent = old.with_name("recent")
    recent.mkdir()
    fetched = fetch(store, digests, old.with_name("new"))
    assert (fetched / "file").read_bytes() == b"some bytes"
    assert sorted(path.name for path in old.parent.iterdir()) == ["new", "recent"]


def test_a_folder_that_a_process_uses_stays_whatever_its_age(store, digests, old):
    handle = os.open(old, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        fetch(store, digests, old.with_name("new"))
    finally:
        os.close(handle)
    assert (old / "file").exists()


def test_an_old_folder_is_used_again_and_stays_from_then_on(store, digests, old):
    assert fetch(store, {"file": "not asked for"}, old) == old
    fetch(store, digests, old.with_name("new"))
    assert old.is_dir()


def test_a_folder_that_was_deleted_meanwhile_is_fetched_again(store, digests, old):
    new = fetch(store, digests, old.with_name("new"))
    (new / "file").unlink()
    new.rmdir()
    assert (fetch(store, digests, new) / "file").exists()


def test_folders_outside_a_cache_are_never_removed(store, digests, old):
    fetch(store, digests, old.with_name("new"), cached=False)
    assert old.is_dir()
