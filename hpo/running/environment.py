"""What a worker needs to know about its search, in whatever process it runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self

from hpo.core.home import SearchFolder
from hpo.core.objective import Objective
from hpo.core.ports import TrainingTask
from hpo.core.store import Store
from hpo.core.trainable import Arrays, Examples, Trainable
from hpo.running.home_files import HomeFiles


@dataclass(frozen=True)
class TrainingData:
    """The data that a training receives."""

    train: Examples
    validation: Examples


@dataclass(frozen=True)
class OpenedStage:
    """A trainable and its data, opened in a worker process.

    Attributes:
        trainable: The training code.
        parts: Opens a split by its name: ``search``, or one that holds a fold out.
        final: Opens the part on which finalists are compared, None if the search has none; called
            after a fresh seed has trained.
    """

    trainable: Trainable
    parts: Callable[[str], TrainingData]
    final: Callable[[], Examples | None] = lambda: None


@dataclass(frozen=True)
class WeightsVerdict:
    """What a check of saved weights found; all empty if they give the reported score.

    Attributes:
        complaint: What is wrong, in a sentence; it ends the training.
        doubt: Why the check could not tell, or what else is doubtful, in a sentence; it is a warning.
        predicting: Why predictions, which no score needs, fail, in a sentence; it is a warning.
    """

    complaint: str = ""
    doubt: str = ""
    predicting: str = ""


Check = Callable[[TrainingTask, Arrays, Mapping[str, float], float], WeightsVerdict]
"""Takes a training, weights of it, what it reported of them, and the seconds of the epoch."""


class HomeCopy(Protocol):
    """What nodes that do not see the home have instead: copies of data and code, and files in the store."""

    @property
    def prefix(self) -> str:
        """How the names of the search's files in the store begin."""
        ...

    @property
    def ready(self) -> bool:
        """Whether data and code are in the store."""
        ...

    def store(self) -> Store:
        """Open the team's store."""
        ...

    def uploaded(self, folder: SearchFolder) -> Self:
        """Put data, code and checkpoints into the store, and return the copy that is ready."""
        ...

    def localized(self, environment: TrainingEnvironment) -> TrainingEnvironment:
        """Fetch data and code to this node, unless they are here; return the environment that uses them."""
        ...


@dataclass(frozen=True)
class TrainingEnvironment:
    """What all trainings of a search have in common; can be sent to another process.

    Attributes:
        open: Opens trainable and data in the worker's process.
        folder: The search's folder.
        objective: The search's objective.
        device: ``cpu`` or ``cuda``.
        threads: Threads of one process of a training.
        processes: Processes that train one trial together.
        trainings_per_gpu: Trainings that share a GPU, each of which may use that part of its memory.
        attempt: Number of times that a process has begun to run the search; the names of files have it.
        checkpoint_seconds: A checkpoint is due when the last one is older than this.
        checkpoint_epochs: Or after this many epochs; None if only time matters.
        epoch_seconds: A training fails if an epoch takes longer; None for no limit.
        message_seconds: Longest time for which a worker holds reports back.
        versions: Versions of packages that every node of a cluster must have.
        marker: On a cluster, a file in the search's folder that every node must see.
        require_code: Raises `ChangedCode` if the user's code, as the calling process sees it, has changed
            since the search began; None for code that cannot change.
        check: Compares weights with what was reported of them. It is asked about the first report of each
            training until it has no complaint, and about all weights that are kept. None to trust the
            trainable.
        copy: What nodes that do not see the home have instead; None if all must see it.
        apart: Whether this is such a node.
    """

    open: Callable[[], OpenedStage]
    folder: SearchFolder
    objective: Objective
    device: str = "cpu"
    threads: int = 1
    processes: int = 1
    trainings_per_gpu: int = 1
    attempt: int = 1
    checkpoint_seconds: float = math.inf
    checkpoint_epochs: int | None = None
    epoch_seconds: float | None = None
    message_seconds: float = 0.5
    versions: Mapping[str, str] = field(default_factory=dict)
    marker: Path | None = None
    require_code: Callable[[], None] | None = None
    check: Check | None = None
    copy: HomeCopy | None = None
    apart: bool = False

    @property
    def sees_home(self) -> bool:
        """Whether this machine sees the home, or its own copy."""
        return self.marker is None or self.marker.exists()

    @property
    def files(self) -> HomeFiles:
        """The files of the search, wherever they are."""
        if self.copy is None:
            return HomeFiles(self.folder)
        shares = self.marker is not None
        return HomeFiles(self.folder, self.copy.store, self.copy.prefix, self.apart, shares)

    def here(self) -> TrainingEnvironment:
        """Return the environment as this machine has it: with the home, or with copies of what it holds.

        Raises:
            HpoError: If the copies cannot be had; without any, the environment is returned as it is.
        """
        if self.sees_home or self.copy is None or not self.copy.ready:
            return self
        return self.copy.localized(self)
