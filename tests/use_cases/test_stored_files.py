"""The files of a search go to a team's store when it ends, and come back into any home of the team."""

from pathlib import Path

import pytest

from hpo.core.errors import HpoError, InvalidSpec, UserError
from hpo.core.events import FilesStored, ModelFixed, SearchOpened, Warned
from hpo.core.file_digest import sha256_of
from hpo.core.home import Home
from hpo.ledger.searches import open_ledger, read_history
from hpo.ledger.store import LedgerStore
from hpo.spec import read_spec
from hpo.use_cases.fetch import fetch_files
from hpo.use_cases.run import run_search
from hpo.use_cases.search import stored_files
from hpo.use_cases.search.stored_files import code_files, code_kept_in_store, kept_in_store
from hpo.use_cases.submit import Submission, hold_search
from tests.faults.tiny_search import DATA, MODEL, SPEC
from tests.use_cases.recorded_search import recorded, won

FILES = {
    "recipe.yaml": "recipe",
    "account.txt": "account",
    "account.json": "{}",
    "logs/3-1.log": "line\n" * 1_000,
    "logs/0-0.log": "",
    "weights/3-1.safetensors": "weights",
}
LEFT_OUT = {"weights/1-1.safetensors": "another finalist", "checkpoints/3-1.pt": "checkpoint", "lock": ""}


@pytest.fixture
def home(tmp_path):
    """A home with a search that has a model, and its files."""
    member = {"trial": 3, "replicate": 1, "file": "3-1.safetensors", "sha256": "a" * 64}
    story = list(won())
    story.insert(-2, ModelFixed("best", (member,), "a" * 64, "it won"))
    home = recorded(tmp_path, story)
    for path, text in (FILES | LEFT_OUT).items():
        file = home.search("digits").root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return home


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("HPO_STORE", str(tmp_path / "store"))
    return str(tmp_path / "store")


@pytest.fixture
def kept(home, store):
    """The event that names the files in the store; it is on record."""
    ledger = open_ledger("digits", home)
    event = kept_in_store(store, home.search("digits"), read_history(ledger))
    (again,) = [each.event for each in ledger.append([event])]
    return again


def test_they_are_on_record_with_their_digests_and_nothing_else_is_copied(home, store, kept):
    (read,) = [each.event for each in open_ledger("digits", home).read(kinds=[FilesStored])]
    assert read == kept
    assert kept.store == store
    assert {file["path"]: file["bytes"] for file in kept.files} == {
        path: len(text) for path, text in FILES.items()
    }
    for file in kept.files:
        assert sha256_of(home.search("digits").root / file["path"]) == file["sha256"]


def test_another_machine_of_the_team_gets_them(home, kept, tmp_path):
    elsewhere = Home(tmp_path / "elsewhere", f"sqlite:///{home.ledger}")
    fetched = fetch_files("digits", home=elsewhere)
    folder = elsewhere.search("digits").root
    assert {str(path.relative_to(folder)): path.read_text() for path in fetched} == FILES
    (folder / "recipe.yaml").write_text("edited")
    fetch_files("digits", home=elsewhere)
    assert (folder / "recipe.yaml").read_text() == "recipe"


def test_a_store_that_fails_is_a_warning_and_ends_no_search(home):
    event = kept_in_store("/proc/sys/hpo", home.search("digits"), read_history(open_ledger("digits", home)))
    assert isinstance(event, Warned)
    assert event.message.startswith("the files of the search are not in the store, because the store /proc")


def test_without_a_store_or_its_files_there_is_a_sentence(home, monkeypatch, tmp_path):
    with pytest.raises(UserError, match="HPO_STORE names no store"):
        fetch_files("digits", home=home)
    monkeypatch.setenv("HPO_STORE", str(tmp_path / "store"))
    with pytest.raises(UserError, match="nothing of digits is in a store"):
        fetch_files("digits", home=home)


@pytest.mark.parametrize("path", ["../../escaped", "/tmp/escaped"])
def test_a_record_leads_to_no_file_outside_of_the_search(home, store, kept, path):
    file = {**kept.files[0], "path": path}
    open_ledger("digits", home).append([FilesStored(store, (file,))])
    with pytest.raises(HpoError, match="is not a file of the search"):
        fetch_files("digits", home=home)


@pytest.fixture
def own_code(tmp_path):
    """A spec with training code and a data source of its own, beside files that are neither."""
    folder = tmp_path / "project"
    (folder / "src" / "lines").mkdir(parents=True)
    for name, text in (
        ("tiny_data.py", DATA),
        ("src/lines/__init__.py", ""),
        ("src/lines/model.py", MODEL),
        ("tiny.yaml", SPEC.replace("tiny_model:", "lines.model:")),
        (".env", "TOKEN=geheim"),
        ("large.bin", "0" * 1000),
    ):
        (folder / name).write_text(text)
    return read_spec(str(folder / "tiny.yaml"))


def test_the_code_on_record_is_copied_and_nothing_that_lies_beside_it(own_code, store):
    event = code_kept_in_store(code_files(own_code))
    assert {file["path"] for file in event.files} == {
        "code/tiny_data.py",
        "code/lines/__init__.py",
        "code/lines/model.py",
    }
    kept = [path.read_bytes() for path in (Path(store) / "sha256").rglob("*") if path.is_file()]
    assert sorted(kept) == sorted([DATA.encode(), b"", MODEL.encode()])


def test_shipped_code_is_not_copied_and_without_a_store_nothing_is(own_code, store, monkeypatch):
    assert code_kept_in_store(code_files(read_spec("digits"))) is None
    monkeypatch.delenv("HPO_STORE")
    assert code_kept_in_store(code_files(own_code)) is None


def test_too_much_code_is_refused_with_its_largest_files(own_code, store, monkeypatch):
    monkeypatch.setattr(stored_files, "MOST_CODE", 1_000)
    with pytest.raises(
        UserError,
        match=r"at most 1 kB in 2,000 files go to a store; .* largest: lines/model.py \(\d\.\d+ kB\), tiny_d",
    ):
        code_kept_in_store(code_files(own_code))
    assert not (Path(store) / "sha256").exists()


def test_what_a_job_needs_may_be_larger_and_has_a_limit_too(own_code, store, monkeypatch):
    monkeypatch.setattr(stored_files, "MOST_CODE", 1_000)
    assert len(code_kept_in_store(code_files(own_code), for_job=True).files) == 3
    monkeypatch.setattr(stored_files, "MOST_OF_JOB", 1_000)
    with pytest.raises(UserError, match=r"at most 1 kB in 20,000 files go to a store; .* largest: lines/mod"):
        code_kept_in_store(code_files(own_code), for_job=True)


@pytest.mark.slow
def test_a_held_search_has_its_code_on_record_for_other_machines(own_code, store, tmp_path):
    home = Home.at(tmp_path / "home")
    name = hold_search(Submission(own_code, home))
    elsewhere = Home(tmp_path / "elsewhere", f"sqlite:///{home.ledger}")
    assert len(fetch_files(name, home=elsewhere)) == 3
    assert (elsewhere.search(name).root / "code" / "lines" / "model.py").read_text() == MODEL


def test_a_machine_without_the_folder_of_the_code_says_where_it_was(own_code, tmp_path):
    gone = str(tmp_path / "gone")
    document = {**own_code.document, "trainable": "absent_module:Line", "base": gone}
    first, elsewhere = Home.at(tmp_path / "first").create(), Home.at(tmp_path / "elsewhere")
    opened = SearchOpened(document, own_code.digest, {}, {})
    LedgerStore.of(first).create("tiny", opened)
    with pytest.raises(InvalidSpec, match="absent_module") as raised:
        run_search("tiny-1", home=Home(elsewhere.root, f"sqlite:///{first.ledger}"))
    assert raised.value.hint == f"tiny-1 was submitted from {gone}, a folder that this machine does not have"


def test_a_store_that_cannot_be_written_is_refused_before_anything_is_recorded(tmp_path, monkeypatch):
    monkeypatch.setenv("HPO_STORE", "/proc/sys")
    home = Home.at(tmp_path / "home")
    with pytest.raises(UserError, match="the store /proc/sys can be read, but not written"):
        hold_search(Submission(read_spec("digits"), home))
    assert LedgerStore.of(home).names() == []
