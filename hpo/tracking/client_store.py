"""Writes through MLflow's own client: to a tracking server or any database.

The only module of the mirror that loads mlflow (about 2 s of CPU time), so it is imported only in
the mirror's process, and only where the address needs it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any

from hpo.core.addresses import without_secrets
from hpo.core.temporary_folders import temporary_folder
from hpo.tracking.run_changes import (
    ID_TAG,
    PARENT,
    POSITION_TAG,
    RUN_TAG,
    SOURCE_TYPE,
    ExperimentDeleted,
    LoggedDataset,
    Measurement,
    RunChange,
    Status,
    StoredRuns,
    Unreachable,
    birth_tags,
    file_content,
    first_parent,
)

METRICS_PER_BATCH = 600
ENTRIES_PER_BATCH = 90
CHARACTERS_PER_BATCH = 60_000
"""For parameters, and the same again for tags: a server accepts 1 MB of JSON, in which one character
can take six bytes, and 1000 metrics, 100 parameters, 100 tags and 1000 of all together."""

QUIET = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING": "false",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""With mlflow's defaults a dead server blocks a call for four minutes. The mirror does its own waiting."""


class ClientStore:
    """A tracking server, or a database that MLflow's client writes to.

    Args:
        uri: ``http(s)://...`` or a database address that SQLAlchemy understands.
        experiment: Name of the experiment that holds the runs; created if missing.
        artifacts: Artifact folder of a new experiment; None leaves it to the server.
        restore: Whether an experiment that was deleted in MLflow comes back.
    """

    def __init__(self, uri: str, experiment: str, artifacts: str | None = None, *, restore: bool = False):
        _be_quiet()
        self._uri, self._experiment, self._artifacts = uri, experiment, artifacts
        self._restore = restore
        self._connected: Any = None
        self._experiment_id = ""
        self._search = ""
        self._ids: dict[str, str] = {}

    def connect(self) -> None:
        """Connect; creates the tables of an empty database, which only one process may do at a time."""
        with as_unreachable():
            self._find_experiment()

    @property
    def page(self) -> str:
        """Path of the search's page on a tracking server; empty without a server, or before it is known."""
        if PARENT not in self._ids or not self._uri.startswith("http"):
            return ""
        return f"#/experiments/{self._experiment_id}/runs/{self._ids[PARENT]}"

    def open(self, search: str) -> StoredRuns:
        """Find the runs of a search and the position recorded on its parent run."""
        self._search = search
        with as_unreachable():
            position = self._look_up()
        return StoredRuns(position, frozenset(self._ids))

    def write(self, changes: Sequence[RunChange], position: int) -> None:
        """Write changes, run by run, and the position last."""
        with as_unreachable():
            for change in first_parent(changes):
                self._write_run(change)
            self._client.set_tag(self._ids[PARENT], POSITION_TAG, str(position))

    def close(self) -> None:
        """Release the database's connections."""
        if self._connected is not None:
            dispose = getattr(self._connected._tracking_client.store, "_dispose_engine", None)
            if dispose is not None:
                dispose()
        self._connected = None

    @property
    def _client(self) -> Any:
        if self._connected is None:
            self._connected = quiet_client(self._uri)
        return self._connected

    def _look_up(self) -> int:
        self._experiment_id = self._find_experiment()
        position, token, self._ids = 0, None, {}
        query = f"tags.`{ID_TAG}` = '{self._search}'"
        while True:
            page = self._client.search_runs(
                [self._experiment_id],
                query,
                max_results=1000,
                order_by=["attributes.start_time ASC"],
                page_token=token,
            )
            for run in page:
                self._ids.setdefault(run.data.tags[RUN_TAG], run.info.run_id)
                position = max(position, int(run.data.tags.get(POSITION_TAG, 0)))
            token = page.token
            if not token:
                return position

    def _find_experiment(self) -> str:
        experiment = self._client.get_experiment_by_name(self._experiment)
        if experiment is None:
            return str(self._create_experiment())
        if experiment.lifecycle_stage == "deleted" and not self._restore:
            raise ExperimentDeleted(self._experiment)
        if experiment.lifecycle_stage == "deleted":
            self._client.restore_experiment(experiment.experiment_id)
        return str(experiment.experiment_id)

    def _create_experiment(self) -> str:
        from mlflow.exceptions import MlflowException

        try:
            return str(self._client.create_experiment(self._experiment, self._artifacts))
        except MlflowException as exc:
            # Two searches that start together both find it missing; the second is refused.
            experiment = self._client.get_experiment_by_name(self._experiment)
            if experiment is None:
                raise exc
            return str(experiment.experiment_id)

    def _write_run(self, change: RunChange) -> None:
        from mlflow.entities import Metric, Param, RunTag

        is_new = change.run not in self._ids
        tags = self._create(change) if is_new else change.tags
        run_id = self._ids[change.run]
        for metrics, params, more in batches(change.metrics, change.params, tags):
            self._client.log_batch(
                run_id,
                metrics=[Metric(m.name, m.value, m.time, m.step) for m in metrics],
                params=[Param(*entry) for entry in params],
                tags=[RunTag(*entry) for entry in more],
            )
        if change.dataset is not None:
            self._log_dataset(run_id, change.dataset)
        for name, source in change.files.items():
            self._attach(run_id, name, source)
        if change.status is not None and not (is_new and change.status is Status.RUNNING):
            self._set_status(run_id, change)

    def _create(self, change: RunChange) -> dict[str, str]:
        """Create a run with the tags that identify it and as many more as fit; return the remaining tags."""
        parent = None if change.run == PARENT else self._ids[PARENT]
        first = birth_tags(change, self._search, parent)
        pieces = [dict(piece) for piece in _pieces(list(first.items()))]
        run = self._client.create_run(
            self._experiment_id, start_time=change.start, tags=pieces[0], run_name=change.title
        )
        self._ids[change.run] = str(run.info.run_id)
        return {name: value for piece in pieces[1:] for name, value in piece.items()}

    def _set_status(self, run_id: str, change: RunChange) -> None:
        if change.end is None:
            self._client.update_run(run_id, status=str(change.status))
        else:
            self._client.set_terminated(run_id, status=str(change.status), end_time=change.end)

    def _log_dataset(self, run_id: str, data: LoggedDataset) -> None:
        from mlflow.entities import Dataset, DatasetInput

        dataset = Dataset(data.name, data.digest, SOURCE_TYPE, data.source, profile=data.profile)
        self._client.log_inputs(run_id, [DatasetInput(dataset)])

    def _attach(self, run_id: str, name: str, source: bytes | Path) -> None:
        with temporary_folder("mirror-") as folder:
            file = Path(folder) / name
            file.write_bytes(file_content(source))
            self._client.log_artifact(run_id, str(file))


Batch = tuple[list[Measurement], list[tuple[str, str]], list[tuple[str, str]]]


def batches(
    metrics: Sequence[Measurement], params: Mapping[str, str], tags: Mapping[str, str]
) -> Iterator[Batch]:
    """Split a change into batches within the server's limits on number and size."""
    measured = [
        list(metrics[start : start + METRICS_PER_BATCH])
        for start in range(0, len(metrics), METRICS_PER_BATCH)
    ]
    texts = _pieces(list(params.items())), _pieces(list(tags.items()))
    for batch in zip_longest(measured, *texts):
        yield batch[0] or [], batch[1] or [], batch[2] or []


def _pieces(entries: list[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    piece: list[tuple[str, str]] = []
    size = 0
    for key, value in entries:
        more = len(key) + len(value)
        if piece and (len(piece) == ENTRIES_PER_BATCH or size + more > CHARACTERS_PER_BATCH):
            yield piece
            piece, size = [], 0
        piece.append((key, value))
        size += more
    if piece:
        yield piece


def quiet_client(uri: str) -> Any:
    """Return MLflow's client, which neither prints nor tries again for hours.

    Args:
        uri: As for `ClientStore`.

    Raises:
        Exception: The driver's own, if a database cannot be opened; see `as_unreachable`.
    """
    _be_quiet()
    from mlflow.tracking import MlflowClient

    if not uri.startswith("http"):
        _require_database(uri)
    return MlflowClient(uri)


def _be_quiet() -> None:
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


@contextmanager
def as_unreachable() -> Iterator[None]:
    """Translate every connection error to the one that the mirror waits out."""
    import requests
    import sqlalchemy as sa
    from mlflow.exceptions import MlflowException

    try:
        yield
    except ImportError as exc:
        advice = "for PostgreSQL run pip install 'hpo-service[postgresql]' and write postgresql+psycopg://..."
        raise Unreachable(f"the database driver is not installed ({exc}); {advice}") from exc
    except (MlflowException, requests.RequestException, sa.exc.SQLAlchemyError, OSError) as exc:
        raise Unreachable(_first_line(exc)) from exc


def _require_database(uri: str) -> None:
    """Connect to a database once: MLflow would try again for hours."""
    import sqlalchemy as sa

    try:
        engine = sa.create_engine(uri, poolclass=sa.pool.NullPool)
    except (ValueError, sa.exc.ArgumentError):  # whose words may be a piece of the password
        raise Unreachable("its address cannot be read") from None
    engine.connect().close()


def _first_line(exc: Exception) -> str:
    lines = str(exc).strip().splitlines()
    return without_secrets(lines[0])[:500] if lines else type(exc).__name__
