"""The contract of every store: what is put is given back by its digest, and errors are one sentence."""

import hashlib

import pytest

from hpo.core.errors import HpoError, UserError
from hpo.storage.file_store import FileStore, StoredFile


@pytest.fixture
def store(address):
    return FileStore(address)


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
    with pytest.raises(HpoError, match=r"the store .* cannot be used: "):
        store.fetch("0" * 64, tmp_path / "here" / "back.bin")
    assert list((tmp_path / "here").iterdir()) == []


def test_a_damaged_file_is_noticed(tmp_path):
    store = FileStore(str(tmp_path / "store"))
    stored = store.put(file(tmp_path, b"content"))
    (kept,) = (tmp_path / "store" / "sha256").rglob(stored.sha256)
    kept.write_bytes(b"comtent")
    with pytest.raises(HpoError, match=r"back.bin in the store .* is damaged: its digest differs"):
        store.fetch(stored.sha256, tmp_path / "back.bin")
    assert not (tmp_path / "back.bin").exists()


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
