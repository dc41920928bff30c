"""The contract of every store: what is put is given back by its digest, and errors are one sentence."""

import errno
import hashlib
import os
import pickle

import pytest

from hpo.core.errors import HpoError, MissingInStore, StoreUnreachable, UserError
from hpo.core.store import StoredFile
from hpo.storage.file_store import FileStore


@pytest.fixture
def store(address):
    store = FileStore(address)
    store.require_writable()
    return store


def file(folder, content, name="file.bin"):
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("content", [b"", b"a", bytes(range(256)) * 12_000], ids=["none", "one", "3 MB"])
def test_a_file_is_given_back_by_its_digest(store, tmp_path, content):
    stored = store.put(file(tmp_path, content))
    assert stored == StoredFile(hashlib.sha256(content).hexdigest(), len(content))
    back = tmp_path / "below" / "back.bin"
    store.fetch(stored.sha256, back)
    assert (back.read_bytes(), back.stat().st_mode & 0o777) == (content, 0o600)
    assert [each.name for each in back.parent.iterdir()] == ["back.bin"]


def test_the_same_content_is_kept_once(store, tmp_path):
    first, second = (store.put(file(tmp_path, b"same", name)) for name in ("a", "b"))
    assert first == second


def test_it_is_written_and_read_back_once_before_a_search(store):
    store.require_writable()
    store.require_writable()


def test_a_file_that_is_not_there_is_a_sentence_and_leaves_nothing(store, tmp_path):
    with pytest.raises(HpoError, match=r"^back.bin is not in the store "):
        store.fetch("0" * 64, tmp_path / "here" / "back.bin")
    assert list((tmp_path / "here").iterdir()) == []


def test_a_damaged_file_is_noticed(tmp_path):
    store = FileStore(str(tmp_path / "store"))
    store.require_writable()
    stored = store.put(file(tmp_path, b"content"))
    (kept,) = (tmp_path / "store" / "sha256").rglob(stored.sha256)
    kept.write_bytes(b"comtent")
    with pytest.raises(HpoError, match=r"back.bin in the store .* is damaged: its digest differs"):
        store.fetch(stored.sha256, tmp_path / "back.bin")
    assert not (tmp_path / "back.bin").exists()


def test_a_file_under_a_name_is_replaced_listed_and_removed(store, tmp_path):
    assert store.names("searches/a") == []
    for content in (b"first", b"second"):
        store.save(file(tmp_path, content), "searches/a/checkpoints/0-0-1")
    store.save(file(tmp_path, b"other"), "searches/ab/checkpoints/0-0-1")
    assert store.names("searches/a") == ["searches/a/checkpoints/0-0-1"]
    back = tmp_path / "back.bin"
    store.load("searches/a/checkpoints/0-0-1", back, hashlib.sha256(b"second").hexdigest())
    assert back.read_bytes() == b"second"
    with pytest.raises(HpoError, match="is damaged: its digest differs"):
        store.load("searches/ab/checkpoints/0-0-1", back, hashlib.sha256(b"second").hexdigest())
    for _ in range(2):
        store.remove("searches/a/checkpoints/0-0-1")
    assert store.names("searches/a") == []
    with pytest.raises(MissingInStore, match=r"back.bin is not in the store"):
        store.load("searches/a/checkpoints/0-0-1", back)


def test_a_folder_that_is_gone_is_not_made_again_and_can_come_back(tmp_path):
    folder = tmp_path / "store"
    store, source = FileStore(str(folder)), file(tmp_path, b"content")
    for use in (
        lambda: store.save(source, "name"),
        lambda: store.names(""),
        lambda: store.load("name", tmp_path / "back.bin"),
    ):
        with pytest.raises(StoreUnreachable, match=f"the store {folder} cannot be used: there is no folder"):
            use()
    folder.mkdir()
    store.save(source, "name")


def test_a_full_disk_here_is_not_taken_for_a_fault_of_the_store(tmp_path, monkeypatch):
    store = FileStore(str(tmp_path / "store"))
    store.require_writable()
    stored = store.put(file(tmp_path, b"content"))

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left on device"):
        store.fetch(stored.sha256, tmp_path / "back.bin")


def test_a_store_can_be_sent_to_another_process(store, tmp_path):
    stored = store.put(file(tmp_path, b"content"))
    pickle.loads(pickle.dumps(store)).fetch(stored.sha256, tmp_path / "back.bin")
    assert (tmp_path / "back.bin").read_bytes() == b"content"


def test_a_folder_that_can_only_be_read_is_named_so():
    with pytest.raises(UserError, match=r"the store /proc/sys can be read, but not written: "):
        FileStore("/proc/sys").require_writable()


def test_a_bucket_that_does_not_exist_is_a_sentence(s3):
    with pytest.raises(UserError, match=r"the store s3://another/team.* cannot be used: .*bucket"):
        FileStore(s3.replace("hpo-tests", "another")).require_writable()


def test_a_server_that_does_not_answer_is_a_sentence(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "geheim")
    with pytest.raises(UserError, match=r"the store s3://bucket/x\S* cannot be used: ") as raised:
        FileStore("s3://bucket/x?region=us-east-1&endpoint_override=http://127.0.0.1:1").require_writable()
    assert "geheim" not in str(raised.value)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("relative/folder", "it is not an absolute path"),
        ("ftp://host/folder", "there is no such kind of store"),
        ("s3://", "there is no such kind of store"),
        ("s3://bucket?secret_key=geheim", "secret_key is not a parameter; legal: region"),
    ],
)
def test_what_is_not_an_address_is_refused_with_the_legal_ones(address, reason):
    with pytest.raises(UserError, match=f"cannot be opened: {reason}.*legal: the path of a folder") as raised:
        FileStore(address)
    assert "geheim" not in str(raised.value)
