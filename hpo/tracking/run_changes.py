"""What a store writes: runs, their parameters, measurements, tags and files.

Plain values between the two halves of this package: `projection` makes them from the ledger's events,
the stores write them. Writing any of them twice is harmless: tags and states are overwritten,
parameters never change, and measurements are equal if name, step, time and value are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

ID_TAG = "hpo.id"
"""Tag of every run: id of its search, unique across homes."""
RUN_TAG = "hpo.run"
"""Tag of every run: its name within its search."""
POSITION_TAG = "hpo.position"
"""Tag of the parent run: sequence number of the last event in the store."""
PARENT_TAG = "mlflow.parentRunId"


class Status(StrEnum):
    """MLflow's states of a run."""

    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    KILLED = "KILLED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One point of a curve.

    Attributes:
        name: Name of the metric; only letters, digits and ``_-./ :``.
        value: Finite.
        step: Epoch.
        time: Unix milliseconds, taken from the ledger so that a replay gives the same.
    """

    name: str
    value: float
    step: int
    time: int


@dataclass(frozen=True, slots=True)
class LoggedDataset:
    """The data that a run was trained with, as MLflow shows it.

    Attributes:
        name: Name of the data source.
        digest: Start of the data's fingerprint; MLflow keeps 36 characters.
        source: JSON of where it comes from, as MLflow's source of type `SOURCE_TYPE`.
        profile: JSON of the number of rows in each part.
    """

    name: str
    digest: str
    source: str
    profile: str


SOURCE_TYPE = "code"
"""MLflow's type for data that is neither a file nor an address that it could open."""


@dataclass(slots=True)
class RunChange:
    """Changes of one run.

    Attributes:
        run: Its name within the search: ``search``, or ``<trial>/<replicate>``.
        title: The name shown to people.
        start: Unix milliseconds.
        status: Its new state; None if unchanged.
        end: Unix milliseconds; None while it runs.
        files: Artifact names to their content, or to the file with it.
        dataset: The data of a new run; None if it is unchanged or unknown.
    """

    run: str
    title: str
    start: int
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    metrics: list[Measurement] = field(default_factory=list)
    status: Status | None = None
    end: int | None = None
    files: dict[str, bytes | Path] = field(default_factory=dict)
    dataset: LoggedDataset | None = None


PARENT = "search"
"""Name of a search's parent run within the search."""


@dataclass(frozen=True, slots=True)
class StoredRuns:
    """The runs of a search that a store has.

    Attributes:
        position: Sequence number of the last event it shows; 0 if it has none.
        runs: Names of its runs within the search.
    """

    position: int = 0
    runs: frozenset[str] = frozenset()


class Unreachable(Exception):
    """The store cannot be written to at present; nothing is lost meanwhile."""


class ExperimentDeleted(Unreachable):
    """Somebody deleted the experiment in MLflow, so it is not written to unless it is restored."""

    def __init__(self, experiment: str):
        super().__init__(f"the experiment {experiment} was deleted in MLflow")


class RunStore(Protocol):
    """A store of runs. Every method raises `Unreachable` if the store does not answer."""

    @property
    def page(self) -> str:
        """Path of the search's page on a tracking server; empty without a server, or before it is known."""
        ...

    def open(self, search: str) -> StoredRuns:
        """Find the runs of a search, by the value of its `ID_TAG`."""
        ...

    def write(self, changes: Sequence[RunChange], position: int) -> None:
        """Write changes, the parent's first, then that ``position`` is reached.

        Missing runs are created. After a failure, call `open` before the next write: a lost answer
        may hide a run that was created.
        """
        ...

    def close(self) -> None:
        """Release connections."""
        ...


def file_content(source: bytes | Path) -> bytes:
    """Return the content of an artifact."""
    return source if isinstance(source, bytes) else source.read_bytes()


def first_parent(changes: Sequence[RunChange]) -> list[RunChange]:
    """Return the changes with the parent's first, since children refer to it."""
    return sorted(changes, key=lambda change: change.run != PARENT)


def birth_tags(change: RunChange, search: str, parent: str | None) -> dict[str, str]:
    """Return the tags of a new run, starting with those that identify it."""
    identity = {ID_TAG: search, RUN_TAG: change.run, "mlflow.runName": change.title}
    return {**identity, **({PARENT_TAG: parent} if parent else {}), **change.tags}
