"""The SQLite file in which MLflow keeps runs: created quickly, and updated when a home moves.

MLflow creates its tables by replaying years of migrations, which costs 4 s of CPU time including
its import, in a search's first seconds. The tables themselves change only with MLflow's version, so
this module ships them as MLflow 3.17 creates them. Any other version creates its own. Update the
file with ``python -m hpo.tracking.sqlite_schema``.
"""

from __future__ import annotations

import importlib.metadata
import os
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from filelock import FileLock

REVISION = "dc11669786a5"
"""MLflow's name for the layout in `TABLES`."""
MADE_BY = "3.17."
"""Versions of MLflow that have this layout."""
TABLES = Path(__file__).with_name("tables.sql")

ROOT_TAG = "hpo.artifacts"
"""Tag of experiment 0, which every store has: the artifact folder with which its addresses start."""

ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
)
"""Columns with absolute paths."""


def prepare(file: Path, artifacts: Path) -> str:
    """Create the store if it is missing, and make its addresses point into ``artifacts``.

    Processes that do this at the same time wait for each other. However this is killed, a store is
    complete or does not exist.

    Args:
        file: The SQLite file; only its owner can read it and its folders.
        artifacts: Absolute path of the folder for files.

    Returns:
        The revision of the store's layout.

    Raises:
        sqlite3.Error: If the file is not a store or cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with FileLock(file.with_name(file.name + ".lock"), mode=0o600):
        if not file.exists():
            _make(file, artifacts)
        with closing(connect(file)) as store:
            _follow_home(store, str(artifacts))
            return revision(store)


def connect(file: Path) -> sqlite3.Connection:
    """Open a store, without automatic transactions."""
    if not file.exists():
        raise sqlite3.OperationalError(f"{file} does not exist")
    store = sqlite3.connect(file, timeout=20, isolation_level=None)
    # The mirror can be rebuilt from the ledger, so losing the last commits to a power cut is acceptable.
    store.execute("PRAGMA synchronous = NORMAL")
    store.execute("PRAGMA foreign_keys = ON")
    return store


def revision(store: sqlite3.Connection) -> str:
    """Return MLflow's name for the layout of a store."""
    return str(store.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def _make(file: Path, artifacts: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".making-", dir=file.parent) as folder:
        draft = Path(folder) / file.name
        os.close(os.open(draft, os.O_CREAT | os.O_WRONLY, 0o600))
        if importlib.metadata.version("mlflow").startswith(MADE_BY):
            _make_from_tables(draft, artifacts)
        else:
            make_by_mlflow(draft, artifacts)
        with closing(connect(draft)) as store:
            store.execute("PRAGMA journal_mode = WAL")
        for left_over in ("-wal", "-shm"):
            file.with_name(file.name + left_over).unlink(missing_ok=True)
        draft.replace(file)


def _make_from_tables(draft: Path, artifacts: Path) -> None:
    now = int(time.time() * 1000)
    with closing(connect(draft)) as store:
        store.executescript(f"BEGIN;\n{TABLES.read_text()}\nCOMMIT;")
        store.execute(
            "INSERT INTO experiments VALUES (0, 'Default', ?, 'active', ?, ?, 'default')",
            (str(artifacts / "0"), now, now),
        )


def make_by_mlflow(draft: Path, artifacts: Path) -> None:
    """Create a store with MLflow's own code."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    SqlAlchemyStore(f"sqlite:///{draft}", str(artifacts))._dispose_engine()


def _follow_home(store: sqlite3.Connection, artifacts: str) -> None:
    query = "SELECT value FROM experiment_tags WHERE key = ? AND experiment_id = 0"
    before = store.execute(query, (ROOT_TAG,)).fetchone()
    if before and before[0] == artifacts:
        return
    store.execute("BEGIN IMMEDIATE")
    if before:
        for table, column in ADDRESSES:
            store.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # of ADDRESSES  # nosec B608
                f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                (artifacts, len(before[0]) + 1, before[0], len(before[0]) + 1, before[0] + "/"),
            )
    store.execute("INSERT OR REPLACE INTO experiment_tags VALUES (?, ?, 0)", (ROOT_TAG, artifacts))
    store.execute("COMMIT")


def tables(file: Path) -> str:
    """Return the statements that create a store's tables, and the rows that MLflow's migrations insert."""
    with closing(connect(file)) as store:
        statements = store.execute(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' "
            "ORDER BY type != 'table', name"
        )
        # Sorted, because MLflow creates some indices in a varying order.
        lines = [f"{sql};" for (sql,) in statements]
        spaces = store.execute("SELECT name, description FROM workspaces").fetchall()
        lines += [f"INSERT INTO workspaces (name, description) VALUES ('{n}', '{d}');" for n, d in spaces]  # nosec B608
        lines.append(f"INSERT INTO alembic_version VALUES ('{revision(store)}');")  # of MLflow  # nosec B608
    return "\n".join(" ".join(line.split()) for line in lines) + "\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "made.db"
        database.touch()
        make_by_mlflow(database, Path(folder))
        sys.stdout.write(tables(database))
