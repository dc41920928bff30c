"""Events after the search phase: finalists, winner, model, test score, export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hpo.core.json_values import JsonFields


@dataclass(frozen=True, slots=True)
class FinalistsNamed:
    """The search phase is over; these trials are trained again on fresh seeds, in rank order.

    Attributes:
        trials: Numbers of the finalists.
        reason: Why the search phase ended before its budget was spent, and what was saved; else empty.
    """

    trials: tuple[int, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class WinnerNamed:
    """The winner of the search.

    Attributes:
        trial: Number of the trial.
        replicate: The training whose weights are the model; fixed before the test part is opened.
        mean: Mean validation value over the fresh seeds.
        std: Standard deviation over the fresh seeds (n - 1); NaN for one.
        n: Number of fresh seeds.
        reason: Why this trial won, in a sentence.
        tied: Finalists that a race could not tell apart, including the winner; else empty.
        saved: Trainings that the race did not need.
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
    """The model that is tested, exported and used, fixed before the test part is opened.

    Attributes:
        kind: ``best``, ``retrained``, ``averaged`` or ``ensemble``.
        members: ``trial``, ``replicate``, ``file`` and ``sha256`` of each training whose weights it
            consists of, in a fixed order.
        digest: SHA-256 of the weights file, or of the list of checksums if there are several files.
        reason: How the model was made, in a sentence.
    """

    kind: str
    members: tuple[JsonFields, ...]
    digest: str
    reason: str


@dataclass(frozen=True, slots=True)
class FilesStored:
    """Files of a search are in the team's store, under their digests.

    Attributes:
        store: Address of the store, without secrets.
        files: ``path`` in the search's folder, ``sha256`` and ``bytes`` of each.
    """

    store: str
    files: tuple[JsonFields, ...]


@dataclass(frozen=True, slots=True)
class TestClaimed:
    """An evaluator's exclusive right to open the test part; at most one per search.

    Attributes:
        trial: The winner.
        replicate: The winner's first fresh training.
        sha256: Digest of the model that is scored.
        by: Host and process of the evaluator.
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
        fingerprint: Fingerprint of the test part.
        practice: Whether the data is shipped practice data.
        look: How often this test data has been opened, including this time; the interval is widened
            accordingly.
        reason: Why it was opened again; empty for the first look.
        level: Probability with which each interval covers.
        methods: Metric name to how its interval was computed, or why there is none; early versions
            did not record it.
        register: File or address of the register that has this opening; empty for practice data, and in
            early versions.
        missing: Metric name to which predictions or values behind it are NaN; without those of which none
            is, and in early versions part of the method.
    """

    __test__ = False

    scores: Mapping[str, Mapping[str, float]]
    n: int
    fingerprint: str
    practice: bool = False
    look: int = 1
    reason: str = ""
    level: float = 0.95
    methods: Mapping[str, str] = field(default_factory=dict)
    register: str = ""
    missing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TestRefused:
    """The test part stayed sealed, because the same data was opened before.

    Attributes:
        message: Why, in a sentence.
        first: The first look: ``when``, ``by``, ``search``, ``recipe``, ``scores``, ``overlap``.
        looks: Number of looks so far.
    """

    __test__ = False

    message: str
    first: JsonFields
    looks: int


@dataclass(frozen=True, slots=True)
class TestPredicted:
    """`hpo predict` predicted labelled rows of the test part, which is a look at it.

    Attributes:
        key: Key of this opening in the register.
        rows: Number of the predicted rows that are in the test part.
        recipe: Digest of the recipe whose model predicted them.
        by: User and machine.
        look: How often this test data has been opened, including this time.
        reason: Why it was opened.
        register: File or address of the register that has this opening.
    """

    __test__ = False

    key: str
    rows: int
    recipe: str
    by: str
    look: int
    reason: str
    register: str


@dataclass(frozen=True, slots=True)
class SoupMade:
    """`hpo soup` averaged weights of this search's trainings, and wrote the mean as a recipe of its own.

    Attributes:
        path: The recipe file.
        recipe_sha256: SHA-256 of that file.
        weights: File of the weights.
        sha256: SHA-256 of the weights.
        rule: ``greedy`` or ``uniform``.
        metric: Metric on validation rows.
        value: Its value; a greedy soup is chosen by it.
        members: Trial and replicate of each training in the mean.
    """

    path: str
    recipe_sha256: str
    weights: str
    sha256: str
    rule: str
    metric: str
    value: float
    members: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class RecipeExported:
    """The winner's recipe was written to a file."""

    path: str
    digest: str
