"""Events of a search as a whole: opened, extended, resumed, rescued, warned, ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hpo.core.json_values import JsonFields, SpecFields


@dataclass(frozen=True, slots=True)
class SearchOpened:
    """A search was accepted.

    Attributes:
        spec: The validated spec, a JSON value.
        digest: SHA-256 of the spec.
        split: Fingerprint and counts of the split.
        versions: Versions of the code and of the libraries that decide results.
        tags: The user's own labels.
        warmth: A copy of what it takes from earlier searches, `hpo.core.warm_start.WarmStart` as JSON.
        code: Files of the user's own training code with their SHA-256; empty for shipped code, and if an
            early version did not record it. See `hpo.core.user_code`.
        leaks: What was looked for in the data and what was found, `hpo.data.leaks.Leaks` as JSON; empty if
            an early version did not record it.
        about: Its data, `hpo.core.data_account.DataFacts` as JSON; empty likewise.
        source_code: The same of the user's own data source.
        hardware: The machine that opened it: processor, cores, memory, GPUs; empty likewise.
        user: Who opened it; empty likewise.
    """

    spec: SpecFields
    digest: str
    split: JsonFields
    versions: Mapping[str, str]
    tags: Mapping[str, str] = field(default_factory=dict)
    warmth: JsonFields = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)
    leaks: JsonFields = field(default_factory=dict)
    about: JsonFields = field(default_factory=dict)
    source_code: Mapping[str, str] = field(default_factory=dict)
    hardware: Mapping[str, str] = field(default_factory=dict)
    user: str = ""


@dataclass(frozen=True, slots=True)
class SearchExtended:
    """Trials were added to a search whose test part is still sealed."""

    trials: int


@dataclass(frozen=True, slots=True)
class TrialsRetried:
    """Failed trials are tried again as new trials at the same points, which are added to the budget.

    Attributes:
        trials: Numbers of the failed trials, in the order in which they are tried again.
    """

    trials: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SearchResumed:
    """A process resumed an unfinished search; versions differ if libraries changed."""

    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class JobSubmitted:
    """The search is about to be left to a job of a cluster; whether the job begins is a later event.

    Attributes:
        job: Id of the job.
        server: Address of its job server.
        session: The cluster's session, which is another one after each start of its head.
        digest: SHA-256 of the job's command and variables.
    """

    job: str
    server: str
    session: str
    digest: str


@dataclass(frozen=True, slots=True)
class ValidationRowsUsed:
    """Other searches were validated on the same rows before, so that they are no longer quite unseen.

    Attributes:
        searches: Number of other searches that the register has on these validation rows.
        trials: Number of their trials.
        register: File or address of the register.
    """

    searches: int
    trials: int
    register: str


@dataclass(frozen=True, slots=True)
class CodeChanged:
    """The user accepted code or packages that differ from the recorded ones.

    Attributes:
        at: ``resume`` or ``test``: what the changed code is used for from here on.
        files: The files that differ.
        code: All files of the training code with their SHA-256 as they are now.
        source_code: The same of the user's own data source.
        packages: The packages that differ, such as ``torch 2.12.0 -> 2.13.0``.
        versions: All versions as they are now; empty if no package differs.
    """

    at: str
    files: tuple[str, ...]
    code: Mapping[str, str]
    source_code: Mapping[str, str] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LedgerRescued:
    """A damaged ledger was replaced; the chain goes on from the last event before the damage.

    Attributes:
        kept: Number of events before the damage.
        lost: Number of readable events after it that were left out. Openings of the test part are kept
            and follow this event.
    """

    kept: int
    lost: int


@dataclass(frozen=True, slots=True)
class WorkersReady:
    """The number of trainings that run at once from now on.

    Attributes:
        workers: Number of workers.
        gpus: GPUs that each worker holds, whether it trains or waits.
    """

    workers: int
    gpus: float = 0.0


@dataclass(frozen=True, slots=True)
class SettingChanged:
    """A user changed a setting of the running search.

    Attributes:
        field: ``priority`` or ``weight`` among the searches that share workers, or a limit that the spec
            sets: ``budget.epochs``, ``budget.hours`` or ``budget.gpu_hours``.
        value: Its value from now on.
        user: Who changed it.
    """

    field: str
    value: float
    user: str


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning for the user; the search went on."""

    message: str


@dataclass(frozen=True, slots=True)
class SearchEnded:
    """The search process ended.

    Attributes:
        status: ``done``, ``stopped`` (can be resumed), ``failed``, ``no_trial_succeeded``.
        reason: Why, in a sentence.
    """

    status: str
    reason: str = ""
