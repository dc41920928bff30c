"""What can happen in a search. The ledger is a list of these; everything else follows from it.

A trial's own training is replicate 0; replicates 1, 2, ... are the same recipe on fresh seeds,
run for finalists, and `hpo.core.fresh_seeds` says which seed and fold each of them is. Times are Unix
seconds by the writer's clock and decide nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class End(StrEnum):
    """How a training ended."""

    FINISHED = "finished"
    """Trained to the last epoch."""
    STOPPED = "stopped"
    """Stopped early by the rung rule."""
    FAILED = "failed"
    """Could not go on; see its cause."""
    INTERRUPTED = "interrupted"
    """Cut short because the search was; its budget ran out or it was stopped."""


class Cause(StrEnum):
    """Why a training failed or was cut short."""

    DIVERGED = "diverged"
    OUT_OF_MEMORY = "out_of_memory"
    CODE_ERROR = "code_error"
    METRIC_MISSING = "metric_missing"
    NEVER_REPORTED = "never_reported"
    TIMED_OUT = "timed_out"
    WORKER_LOST = "worker_lost"
    BUDGET = "budget"


@dataclass(frozen=True, slots=True)
class SearchOpened:
    """A search was accepted.

    Attributes:
        spec: The spec as validated, a JSON value.
        digest: SHA-256 of the spec.
        split: Fingerprint and counts of the split.
        versions: Versions of the code and of the libraries that decide results.
        tags: The user's own labels.
        warmth: What earlier searches gave it, as `hpo.core.warm_start.WarmStart` writes itself; a copy.
    """

    spec: Mapping[str, Any]
    digest: str
    split: Mapping[str, Any]
    versions: Mapping[str, str]
    tags: Mapping[str, str] = field(default_factory=dict)
    warmth: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SearchExtended:
    """More trials were asked of a search whose test part is still sealed."""

    trials: int


@dataclass(frozen=True, slots=True)
class SearchResumed:
    """A process took up an unfinished search; versions differ if libraries changed."""

    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class WorkersReady:
    """From now on so many trainings run at once.

    Attributes:
        workers: How many.
        gpus: GPUs that each of them holds, whether it trains or waits.
    """

    workers: int
    gpus: float = 0.0


@dataclass(frozen=True, slots=True)
class TrialStarted:
    """A recipe was handed to a worker for the first time.

    Attributes:
        trial: Its number in the search, from 0.
        replicate: 0, or the number of the fresh seed.
        point: Its place in the space.
        recipe: Everything it trains with.
        seed: Source of the training's randomness.
        origin: What proposed it: ``sampler``, ``start_from``, ``warm_start``, ``finalist``,
            ``retrained``.
        split: Name of the split whose rows it trains and validates on.
        until: Epochs after which it ends; None for all of a full training.
    """

    trial: int
    replicate: int
    point: Mapping[str, Any]
    recipe: Mapping[str, Any]
    seed: int
    origin: str
    split: str = "search"
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Reported:
    """One epoch of a training.

    Attributes:
        trial: Number of the trial.
        replicate: 0, or the number of the fresh seed.
        epoch: Epochs trained so far.
        metrics: Names with their part to values; non-finite ones are kept as such.
        seconds: Wall time of the epoch.
    """

    trial: int
    replicate: int
    epoch: int
    metrics: Mapping[str, float]
    seconds: float


@dataclass(frozen=True, slots=True)
class Checkpointed:
    """A training can go on from here after a crash.

    Attributes:
        trial: Number of the trial.
        replicate: 0, or the number of the fresh seed.
        epoch: Epochs trained when it was written.
        file: Name in the search's checkpoint folder.
        sha256: Of the file's content.
    """

    trial: int
    replicate: int
    epoch: int
    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """The process of a training died; the training goes on elsewhere, a few times."""

    trial: int
    replicate: int
    message: str


@dataclass(frozen=True, slots=True)
class TrialEnded:
    """A training is over.

    Attributes:
        trial: Number of the trial.
        replicate: 0, or the number of the fresh seed.
        end: How it ended.
        epoch: Epochs trained.
        value: What it counts by; NaN where it never reported a finite objective.
        cause: Why, unless it finished or was stopped by the rung rule.
        message: One or more lines for a person.
        weights: File name of the kept weights; empty if none were.
        sha256: Of that file.
        scores: What those weights scored on the final part, ``final/<metric>``; its objective is
            the value. Averaged ones, on the validation part as well, ``averaged/<metric>``.
        examples: File name of what each example contributed to its value; empty if it was not kept.
        examples_sha256: Of that file.
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


@dataclass(frozen=True, slots=True)
class FinalistsNamed:
    """The search phase is over; these trials are run again on fresh seeds, in rank order.

    Attributes:
        trials: Their numbers.
        reason: Why it is over, if its budget is not spent, and what of it was saved.
    """

    trials: tuple[int, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class WinnerNamed:
    """The search has a winner.

    Attributes:
        trial: Its number.
        replicate: The training whose weights are the model; fixed before the test is opened.
        mean: Mean validation value over the fresh seeds.
        std: Standard deviation over the fresh seeds (n - 1); NaN for one.
        n: Number of fresh seeds.
        reason: Why it and not another, in a sentence.
        tied: Finalists that a race could not tell apart, the winner among them; else empty.
        saved: Trainings that a race could have taken and did not need.
    """

    trial: int
    replicate: int
    mean: float
    std: float
    n: int
    reason: str
    tied: tuple[int, ...] = ()
    saved: int = 0


@dataclass(frozen=True, slots=True)
class ModelFixed:
    """What is tested, exported and used, decided before the test part is opened.

    Attributes:
        kind: ``best``, ``retrained``, ``averaged`` or ``ensemble``.
        members: For each training whose weights belong to it ``trial``, ``replicate``, ``file`` and
            ``sha256``, in a fixed order.
        digest: SHA-256 of the weights' file; of several, of the list of theirs.
        reason: How it came about, in a sentence.
    """

    kind: str
    members: tuple[Mapping[str, Any], ...]
    digest: str
    reason: str


@dataclass(frozen=True, slots=True)
class TestClaimed:
    """One evaluator has the right to open the test part; at most one per search.

    Attributes:
        trial: The winner.
        replicate: The winner's first fresh training.
        sha256: Digest of the model that is scored.
        by: Host and process.
    """

    __test__ = False

    trial: int
    replicate: int
    sha256: str
    by: str


@dataclass(frozen=True, slots=True)
class TestScored:
    """The winner was scored on the test part, once.

    Attributes:
        scores: Metric name to ``{"value", "low", "high"}``, a 95 % interval over examples.
        n: Number of test examples.
        fingerprint: Of the test part.
        practice: Whether the data is shipped practice data.
        look: How often this test data has been opened, this time included; the interval is widened
            for it.
        reason: Why it was opened again; empty for the first look.
    """

    __test__ = False

    scores: Mapping[str, Mapping[str, float]]
    n: int
    fingerprint: str
    practice: bool = False
    look: int = 1
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TestRefused:
    """The test part stayed closed, because the same data was opened before.

    Attributes:
        message: Why, in a sentence for a person.
        first: The first look: ``when``, ``by``, ``search``, ``recipe``, ``scores``, ``overlap``.
        looks: Number of looks so far.
    """

    __test__ = False

    message: str
    first: Mapping[str, Any]
    looks: int


BY_THE_EVALUATOR = (TestClaimed, TestScored, TestRefused)
"""Written by another process than the search's own, whose clock may differ from its."""


@dataclass(frozen=True, slots=True)
class RecipeExported:
    """The winner's recipe was written."""

    path: str
    digest: str


@dataclass(frozen=True, slots=True)
class Warned:
    """Something a user should know and that stopped nothing."""

    message: str


@dataclass(frozen=True, slots=True)
class SearchEnded:
    """The search process came to an end.

    Attributes:
        status: ``done``, ``stopped`` (can be resumed), ``failed``, ``no_trial_succeeded``.
        reason: Why, in a sentence.
    """

    status: str
    reason: str = ""


Event = (
    SearchOpened
    | SearchExtended
    | SearchResumed
    | WorkersReady
    | TrialStarted
    | Reported
    | Checkpointed
    | WorkerLost
    | TrialEnded
    | FinalistsNamed
    | WinnerNamed
    | ModelFixed
    | TestClaimed
    | TestScored
    | TestRefused
    | RecipeExported
    | Warned
    | SearchEnded
)
