import importlib.metadata
import multiprocessing
import re
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from hpo.core.home import Home
from hpo.ledger.in_memory import MemoryLedger
from hpo.tracking import sqlite_schema
from hpo.tracking.mirror import Mirror
from hpo.tracking.sqlite_store import LocalStore
from tests.tracking.scenario import NAME, memory_ledger, projection, search


def test_the_tables_are_those_of_mlflow(tmp_path: Path) -> None:
    if not importlib.metadata.version("mlflow").startswith(sqlite_schema.MADE_BY):
        pytest.skip(f"the tables are those of MLflow {sqlite_schema.MADE_BY}x")
    by_mlflow = tmp_path / "mlflow.db"
    by_mlflow.touch()
    sqlite_schema.make_by_mlflow(by_mlflow, tmp_path)
    assert in_parts(sqlite_schema.tables(by_mlflow)) == in_parts(sqlite_schema.TABLES.read_text())
    by_us = tmp_path / "ours" / "mlflow.db"
    assert sqlite_schema.prepare(by_us, tmp_path) == sqlite_schema.REVISION
    assert in_parts(sqlite_schema.tables(by_us)) == in_parts(sqlite_schema.tables(by_mlflow))


def in_parts(tables: str) -> list[list[str]]:
    """Statements with their constraints sorted: MLflow writes them in an order that varies by run."""
    part = re.compile(r", (?=CONSTRAINT |FOREIGN KEY|PRIMARY KEY|CHECK )")
    return [sorted(each.rstrip("); ") for each in part.split(line)) for line in tables.splitlines()]


def test_another_version_of_mlflow_creates_its_own_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = []

    def make(draft: Path, artifacts: Path) -> None:
        requests.append(artifacts)
        sqlite_schema._make_from_tables(draft, artifacts)

    monkeypatch.setattr(sqlite_schema, "MADE_BY", "2.")
    monkeypatch.setattr(sqlite_schema, "make_by_mlflow", make)
    sqlite_schema.prepare(tmp_path / "mlflow.db", tmp_path / "files")
    assert requests == [tmp_path / "files"]


def test_a_store_is_private_and_complete(tmp_path: Path) -> None:
    file = tmp_path / "home" / "mlflow.db"
    sqlite_schema.prepare(file, tmp_path / "files")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert sorted(each.name for each in file.parent.iterdir()) == ["mlflow.db", "mlflow.db.lock"]


def test_eight_processes_at_once_create_one_store(tmp_path: Path) -> None:
    file, files = tmp_path / "mlflow.db", tmp_path / "files"
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        prepared = pool.starmap(sqlite_schema.prepare, [(file, files)] * 8)
    assert set(prepared) == {sqlite_schema.REVISION}


def test_a_file_that_is_not_a_store_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"
    file.write_text("not a database, but long enough to look like one" * 40)
    with pytest.raises(sqlite3.Error):
        sqlite_schema.prepare(file, tmp_path)
    assert file.read_text().startswith("not a database")


def test_addresses_follow_a_home_that_moved(tmp_path: Path) -> None:
    old, new = Home.at(tmp_path / "old %_ name").create(), Home.at(tmp_path / "new" / "place")
    ledger = memory_ledger(search(old.search(NAME)))

    def show(home: Home, ledger: MemoryLedger) -> None:
        sqlite_schema.prepare(home.tracking, home.artifacts)
        folder = home.search(NAME)
        store = LocalStore(home.tracking, home.artifacts, "digits")
        Mirror(ledger, store, projection(home), folder).catch_up()
        store.close()

    show(old, ledger)
    new.root.parent.mkdir()
    old.root.rename(new.root)
    show(new, ledger)
    with closing(sqlite_schema.connect(new.tracking)) as store:
        for table, column in sqlite_schema.ADDRESSES:
            found = [row[0] for row in store.execute(f"SELECT {column} FROM {table}")]
            assert all(address.startswith(f"{new.artifacts}/") for address in found)
        (address,) = store.execute("SELECT artifact_uri FROM runs WHERE name = ?", (NAME,)).fetchone()
    assert (Path(address) / "winner.safetensors").read_bytes() == b"weights of the winner"
