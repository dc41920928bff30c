"""What a worker needs to know of the search it works for, whatever process it lives in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hpo.core.home import SearchFolder
from hpo.core.objective import Objective
from hpo.core.trainable import Examples, Trainable


@dataclass(frozen=True)
class TrainingData:
    """What a training is handed of the data."""

    train: Examples
    validation: Examples


@dataclass(frozen=True)
class OpenedStage:
    """A trainable and its data, as a worker process has them open.

    Attributes:
        trainable: What trains.
        parts: Opens a split by its name: ``search``, or one that holds a fold out.
        final: Opens the part on which finalists are compared, if the search has set one aside;
            it is asked for once a fresh seed has trained.
    """

    trainable: Trainable
    parts: Callable[[str], TrainingData]
    final: Callable[[], Examples | None] = lambda: None


@dataclass(frozen=True)
class TrainingEnvironment:
    """The fixed surroundings of all trainings of a search; can be sent to another process.

    Attributes:
        open: Opens trainable and data in the worker's process.
        folder: The search's folder.
        objective: By which trainings count.
        device: ``cpu`` or ``cuda``.
        threads: Threads of one training.
        checkpoint_seconds: A checkpoint is due when the last is older than this.
        checkpoint_epochs: Or when this many epochs were trained since; None if only time counts.
        epoch_seconds: A training that takes longer for an epoch has failed; None for no limit.
        message_seconds: A worker says what it has at least this often.
    """

    open: Callable[[], OpenedStage]
    folder: SearchFolder
    objective: Objective
    device: str = "cpu"
    threads: int = 1
    checkpoint_seconds: float = 60.0
    checkpoint_epochs: int | None = None
    epoch_seconds: float | None = None
    message_seconds: float = 0.5
