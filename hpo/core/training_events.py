"""Events of a single training: started, reported, saved, interrupted, ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hpo.core.json_values import RecipeFields


class End(StrEnum):
    """How a training ended."""

    FINISHED = "finished"
    """Trained to the last epoch."""
    STOPPED = "stopped"
    """Stopped early by the rung rule."""
    FAILED = "failed"
    """Could not continue; see its cause."""
    INTERRUPTED = "interrupted"
    """Cut short because the search's budget ran out or the search was stopped."""


class Cause(StrEnum):
    """Why a training failed or was cut short."""

    DIVERGED = "diverged"
    OUT_OF_MEMORY = "out_of_memory"
    CODE_ERROR = "code_error"
    METRIC_MISSING = "metric_missing"
    CONSTRAINT = "constraint"
    NEVER_REPORTED = "never_reported"
    TIMED_OUT = "timed_out"
    WORKER_LOST = "worker_lost"
    BUDGET = "budget"
    USER = "user"


class LossCause(StrEnum):
    """Why a training had to leave its worker, and goes on with another one."""

    PREEMPTED = "preempted"
    """Its node was drained, as before the end of a spot machine."""
    NODE_LOST = "node_lost"
    """Its node ended or stopped answering."""
    NODE_FAULT = "node_fault"
    """Its node had a fault of its own, such as a home that is not mounted."""
    WORKER_LOST = "worker_lost"
    """Its process died."""
    OUT_OF_MEMORY = "out_of_memory"
    """Its process was ended because memory ran out, or its share of a GPU was too small."""


NOT_COUNTED = frozenset({LossCause.PREEMPTED, LossCause.NODE_LOST, LossCause.NODE_FAULT})
"""Causes that do not count against a training, however often they occur."""


class PauseCause(StrEnum):
    """Why a training was paused or taken up again."""

    RUNG = "rung"
    """Paused because it did not qualify at its rung; taken up because it does by now."""
    FINALISTS = "finalists"
    """Taken up because no trial is left to start and too few are fully trained to be finalists."""
    SHARE = "share"
    """Paused because its search held more workers than its share; taken up when it may hold more again."""


@dataclass(frozen=True, slots=True)
class TrialStarted:
    """A recipe was given to a worker for the first time.

    Attributes:
        trial: Its number in the search, from 0.
        replicate: 0, or the number of the fresh seed.
        point: The values chosen from the space.
        recipe: The complete recipe.
        seed: Source of the training's randomness.
        origin: What proposed it: ``sampler``, ``start_from``, ``warm_start``, ``retried``,
            ``finalist``, ``retrained``.
        split: Name of the split whose rows it trains and validates on.
        until: Epochs after which it ends; None for all of a full training.
        reason: Why the sampler proposed it, a key of `hpo.core.proposals.REASONS`; empty if it was not the
            sampler, and in early versions.
        made_with: Digest of the user's code, the spec and the versions of packages that it is trained
            with, which are themselves on record; empty if an early version did not record it.
    """

    trial: int
    replicate: int
    point: RecipeFields
    recipe: RecipeFields
    seed: int
    origin: str
    split: str = "search"
    until: int | None = None
    made_with: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reported:
    """One epoch of a training.

    Attributes:
        trial: Number of the trial.
        replicate: 0, or the number of the fresh seed.
        epoch: Epochs trained so far.
        metrics: Values by name, such as ``validation/accuracy``; non-finite values are kept.
        seconds: Wall time of the epoch.
    """

    trial: int
    replicate: int
    epoch: int
    metrics: Mapping[str, float]
    seconds: float


@dataclass(frozen=True, slots=True)
class Checkpointed:
    """A checkpoint from which a training can continue after a crash.

    Attributes:
        trial: Number of the trial.
        replicate: 0, or the number of the fresh seed.
        epoch: Epochs trained when it was written.
        file: Name in the search's checkpoint folder.
        sha256: SHA-256 of the file's content.
    """

    trial: int
    replicate: int
    epoch: int
    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """A training had to leave its worker; another one continues it.

    Attributes:
        trial: Number of the trial.
        replicate: 0, or the number of the fresh seed.
        message: What Ray or the worker says about it.
        cause: Why; an early version recorded no causes.
        whole_gpu: Whether it continues on a whole GPU because it ran out of memory on a share of one.
    """

    trial: int
    replicate: int
    message: str
    cause: LossCause = LossCause.WORKER_LOST
    whole_gpu: bool = False

    @property
    def counts(self) -> bool:
        """Whether it counts against the training, which fails after too many of them."""
        return self.cause not in NOT_COUNTED and not self.whole_gpu


@dataclass(frozen=True, slots=True)
class TrialPaused:
    """A training waits with its checkpoint and holds no worker."""

    trial: int
    replicate: int
    cause: PauseCause


@dataclass(frozen=True, slots=True)
class TrialTakenUp:
    """A paused training continues from its checkpoint as soon as a worker is free."""

    trial: int
    replicate: int
    cause: PauseCause


@dataclass(frozen=True, slots=True)
class TrialEnded:
    """A training is over.

    Attributes:
        trial: Number of the trial.
        replicate: 0, or the number of the fresh seed.
        end: How it ended.
        epoch: Epochs trained.
        value: Its objective value; NaN if it never reported a finite one.
        cause: Why it ended, unless it finished or was stopped by the rung rule.
        message: One or more lines for a person.
        weights: File name of the kept weights; empty if none were kept.
        sha256: SHA-256 of that file.
        scores: Scores of those weights on the final part, ``final/<metric>``, whose objective is the
            value. For averaged weights also the validation scores, ``averaged/<metric>``.
        examples: File name of each example's contribution to the value; empty if not kept.
        examples_sha256: SHA-256 of that file.
    """

    trial: int
    replicate: int
    end: End
    epoch: int
    value: float
    cause: Cause | None = None
    message: str = ""
    weights: str = ""
    sha256: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    examples: str = ""
    examples_sha256: str = ""
