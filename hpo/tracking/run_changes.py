"""What a store is asked to show: runs, their parameters, measurements, tags and files.

Plain values between the two halves of this room: `picture` makes them from the ledger's events,
the stores write them. Writing any of them twice does no harm: tags and states are overwritten,
parameters never change, and a measurement is the same one if name, step, time and value are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

ID_TAG = "hpo.id"
"""On every run of a search: which search it is, unique among all homes."""
RUN_TAG = "hpo.run"
"""On every run: which one of its search it is."""
POSITION_TAG = "hpo.position"
"""On the parent: sequence number of the last event that the store shows."""
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
        name: Of the metric; letters, digits and ``_-./ :`` only.
        value: Finite.
        step: Epoch.
        time: Unix milliseconds, taken from the ledger so that a replay says the same.
    """

    name: str
    value: float
    step: int
    time: int


@dataclass(slots=True)
class RunChange:
    """What is new about one run.

    Attributes:
        run: Its name within the search: ``search``, or ``<trial>/<replicate>``.
        title: The name people read.
        start: Unix milliseconds.
        status: Its new state; None where that has not changed.
        end: Unix milliseconds; None while it runs.
        files: Artifact names to their content or to the file that holds it.
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


PARENT = "search"
"""Name of a search's parent run within the search."""


@dataclass(frozen=True, slots=True)
class StoredRuns:
    """What a store has of a search.

    Attributes:
        position: Sequence number of the last event it shows; 0 if it has nothing.
        runs: The runs it has, by their names within the search.
    """

    position: int = 0
    runs: frozenset[str] = frozenset()


class Unreachable(Exception):
    """The store did not take what it was given; it may later, and nothing is lost meanwhile."""


class RunStore(Protocol):
    """Where searches are shown. Every method raises `Unreachable` if the store cannot answer."""

    def open(self, search: str) -> StoredRuns:
        """Find what is there of a search, by the value of its `ID_TAG`."""
        ...

    def write(self, changes: Sequence[RunChange], position: int) -> None:
        """Show changes, the parent's among them first, then that ``position`` is reached.

        A run that is not there is created. After a failure, `open` comes before the next call:
        an answer that got lost may hide a run that was created.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def file_content(source: bytes | Path) -> bytes:
    """Content of an artifact."""
    return source if isinstance(source, bytes) else source.read_bytes()


def first_parent(changes: Sequence[RunChange]) -> list[RunChange]:
    """The same changes with the parent's in front, since children name it."""
    return sorted(changes, key=lambda change: change.run != PARENT)


def birth_tags(change: RunChange, search: str, parent: str | None) -> dict[str, str]:
    """Tags of a run that is created: first those by which it is found again, whatever happens next."""
    found_by = {ID_TAG: search, RUN_TAG: change.run, "mlflow.runName": change.title}
    return {**found_by, **({PARENT_TAG: parent} if parent else {}), **change.tags}
