"""Writes rows directly into MLflow's SQLite file: the store of a home without a server.

MLflow's client costs 20 ms of CPU time per trial and 2 s to load, on the cores that should be
training. The same rows through sqlite3 cost a hundredth of that, and a whole batch with its position
is one transaction. This depends on the layout of eight tables, so this store supports one revision of
it (`sqlite_schema.REVISION`); with any other, the client writes. A contract test compares what both
show.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hpo.tracking.run_changes import (
    ID_TAG,
    PARENT,
    POSITION_TAG,
    RUN_TAG,
    SOURCE_TYPE,
    ExperimentDeleted,
    LoggedDataset,
    RunChange,
    StoredRuns,
    Unreachable,
    birth_tags,
    file_content,
    first_parent,
)
from hpo.tracking.sqlite_schema import connect

_FIND_RUNS = """
SELECT which.value, run.run_uuid, position.value
FROM tags AS search
JOIN runs AS run ON run.run_uuid = search.run_uuid AND run.lifecycle_stage = 'active'
JOIN tags AS which ON which.run_uuid = run.run_uuid AND which.key = ?
LEFT JOIN tags AS position ON position.run_uuid = run.run_uuid AND position.key = ?
WHERE search.key = ? AND search.value = ?
"""
# A run that was deleted in MLflow keeps its id, and is restored under it.
_CREATE_RUN = """
INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status,
                  start_time, source_version, lifecycle_stage, artifact_uri, experiment_id)
VALUES (?, ?, 'UNKNOWN', '', '', ?, 'RUNNING', ?, '', 'active', ?, ?)
ON CONFLICT DO UPDATE SET lifecycle_stage = 'active', deleted_time = NULL
"""
_SET_TAG = "INSERT OR REPLACE INTO tags (run_uuid, key, value) VALUES (?, ?, ?)"
_SET_PARAM = "INSERT OR IGNORE INTO params (run_uuid, key, value) VALUES (?, ?, ?)"
_ADD_METRIC = """
INSERT OR IGNORE INTO metrics (run_uuid, key, value, timestamp, step, is_nan) VALUES (?, ?, ?, ?, ?, 0)
"""
# MLflow's own definition of the latest value.
_LATEST_METRIC = """
INSERT INTO latest_metrics (run_uuid, key, value, timestamp, step, is_nan) VALUES (?, ?, ?, ?, ?, 0)
ON CONFLICT DO UPDATE
SET value = excluded.value, timestamp = excluded.timestamp, step = excluded.step, is_nan = 0
WHERE (excluded.step, excluded.timestamp, excluded.value) > (step, timestamp, value)
"""

_ADD_DATASET = """
INSERT OR IGNORE INTO datasets (dataset_uuid, experiment_id, name, digest, dataset_source_type,
                                dataset_source, dataset_profile) VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_ADD_INPUT = """
INSERT OR IGNORE INTO inputs (input_uuid, source_type, source_id, destination_type, destination_id)
SELECT ?, 'DATASET', dataset_uuid, 'RUN', ? FROM datasets WHERE experiment_id = ? AND name = ? AND digest = ?
"""


class LocalStore:
    """A home's own SQLite file, which exists and has the supported revision.

    Args:
        file: The store.
        artifacts: Folder for files.
        experiment: Name of the experiment that holds the runs; created if missing.
        restore: Whether an experiment that was deleted in MLflow comes back.
    """

    def __init__(self, file: Path, artifacts: Path, experiment: str, *, restore: bool = False):
        self._file, self._artifacts, self._experiment = file, artifacts, experiment
        self._restore = restore
        self._connected: sqlite3.Connection | None = None
        self._experiment_id = 0
        self._search = ""
        self._ids: dict[str, str] = {}

    @property
    def page(self) -> str:
        """Empty: `hpo ui` serves this store."""
        return ""

    def open(self, search: str) -> StoredRuns:
        """Find the runs of a search and the position recorded on its parent run."""
        self._search = search
        with self._transaction() as store:
            self._experiment_id = self._find_experiment(store)
            rows = store.execute(_FIND_RUNS, (RUN_TAG, POSITION_TAG, ID_TAG, search)).fetchall()
        self._ids = {run: run_id for run, run_id, _ in rows}
        return StoredRuns(max((int(row[2] or 0) for row in rows), default=0), frozenset(self._ids))

    def write(self, changes: Sequence[RunChange], position: int) -> None:
        """Write changes and the position they lead to, all in one transaction."""
        for change in changes:
            for name, source in change.files.items():
                self._attach(change.run, name, source)
        with self._transaction() as store:
            for change in first_parent(changes):
                self._write_run(store, change)
            store.execute(_SET_TAG, (self._ids[PARENT], POSITION_TAG, str(position)))

    def close(self) -> None:
        """Close the file."""
        if self._connected is not None:
            self._connected.close()
        self._connected = None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            if self._connected is None:
                self._connected = connect(self._file)
            self._connected.execute("BEGIN IMMEDIATE")
            yield self._connected
            self._connected.execute("COMMIT")
        except BaseException as exc:
            # Closing rolls back, and the next attempt reopens the file if it was replaced.
            self.close()
            if isinstance(exc, sqlite3.Error):
                raise Unreachable(f"{self._file}: {exc}") from exc
            raise

    def _find_experiment(self, store: sqlite3.Connection) -> int:
        query = (
            "SELECT experiment_id, lifecycle_stage FROM experiments WHERE workspace = 'default' AND name = ?"
        )
        row = store.execute(query, (self._experiment,)).fetchone()
        now = int(time.time() * 1000)
        if row is None:
            return self._create_experiment(store, now)
        if row[1] != "active" and not self._restore:
            raise ExperimentDeleted(self._experiment)
        if row[1] != "active":
            restore = "UPDATE experiments SET lifecycle_stage = 'active', last_update_time = ?"
            store.execute(f"{restore} WHERE experiment_id = ?", (now, row[0]))
        return int(row[0])

    def _create_experiment(self, store: sqlite3.Connection, now: int) -> int:
        columns = "name, lifecycle_stage, creation_time, last_update_time, workspace"
        values = self._experiment, now, now
        added = store.execute(
            f"INSERT INTO experiments ({columns}) VALUES (?, 'active', ?, ?, 'default')",  # constants  # nosec B608
            values,
        )
        number = int(added.lastrowid or 0)
        set_location = "UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?"
        store.execute(set_location, (str(self._artifacts / str(number)), number))
        return number

    def _run_id(self, run: str) -> str:
        """Return the id of a run: the existing one, or one derived from its name, so it is stable."""
        return self._ids.get(run) or _id_of(self._search, run)

    def _folder(self, run: str) -> Path:
        return self._artifacts / str(self._experiment_id) / self._run_id(run) / "artifacts"

    def _write_run(self, store: sqlite3.Connection, change: RunChange) -> None:
        run_id, tags = self._run_id(change.run), change.tags
        if change.run not in self._ids:
            self._ids[change.run] = run_id
            tags = birth_tags(change, self._search, self._ids[PARENT] if change.run != PARENT else None)
            user, where = tags.get("mlflow.user", ""), str(self._folder(change.run))
            values = run_id, change.title, user, change.start, where, self._experiment_id
            store.execute(_CREATE_RUN, values)
        store.executemany(_SET_TAG, [(run_id, *entry) for entry in tags.items()])
        store.executemany(_SET_PARAM, [(run_id, *entry) for entry in change.params.items()])
        points = [(run_id, m.name, m.value, m.time, m.step) for m in change.metrics]
        store.executemany(_ADD_METRIC, points)
        store.executemany(_LATEST_METRIC, points)
        if change.dataset is not None:
            self._log_dataset(store, run_id, change.dataset)
        if change.status is not None:
            # As with MLflow's client, a resumed run keeps its end time until it ends again.
            store.execute(
                "UPDATE runs SET status = ?, end_time = coalesce(?, end_time) WHERE run_uuid = ?",
                (str(change.status), change.end, run_id),
            )

    def _log_dataset(self, store: sqlite3.Connection, run_id: str, data: LoggedDataset) -> None:
        key = self._experiment_id, data.name, data.digest
        number, link = _id_of(*key), _id_of(run_id, *key)
        store.execute(_ADD_DATASET, (number, *key, SOURCE_TYPE, data.source, data.profile))
        store.execute(_ADD_INPUT, (link, run_id, *key))

    def _attach(self, run: str, name: str, source: bytes | Path) -> None:
        folder = self._folder(run)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft = folder / f".{name}.part"
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
                stream.write(file_content(source))
            draft.replace(folder / name)
        except OSError as exc:
            raise Unreachable(f"{folder / name}: {exc.strerror}") from exc


def _id_of(*words: object) -> str:
    """Return an id that follows from what it names, so that a replay writes the same row."""
    return hashlib.sha256("/".join(map(str, words)).encode()).hexdigest()[:32]
