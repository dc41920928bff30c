"""What was decided before a search began: its data, its space, and what proposed and stopped its trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hpo.core.json_values import RecipeFields, SpecFields

DIVIDED_BY = {
    "time": "time: every part is later than the one before",
    "groups": "groups: all rows of a group stay together; classes, if any, are balanced as far as possible",
    "classes": "chance, keeping the share of each class",
    "chance": "chance",
}
"""What decides how rows outside the test part are divided, as text."""
TEST_PART = {
    "given": "given separately",
    "rows": "cut off by chance",
    "groups": "cut off by chance in whole groups",
    "time": "cut off by time: the latest rows",
}
"""How a test part came to be, as text."""


@dataclass(frozen=True, slots=True)
class Folds:
    """How finalists are cross-validated.

    Attributes:
        count: Number of folds.
        deals: How often the rows are divided into folds.
        held_out: Rows held out by the smallest and by the largest fold.
        rows: Development rows.
        fingerprint: Of every fold of every seed.
    """

    count: int
    deals: int
    held_out: tuple[int, int]
    rows: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class TestRows:
    """The sealed test part: its number of examples and its fingerprint."""

    __test__ = False

    n: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class DataUsed:
    """The data of a search.

    Attributes:
        source: Name of the data source.
        arguments: Of the source, as the spec sets them.
        fingerprint: Of the data.
        split: Fingerprint of the split.
        counts: Examples of each split part but the test part.
        by: What decides which rows stay together; empty if early versions did not record it.
        folds: How finalists are cross-validated; None if they are not.
        test: The test part; None if the data has none.
        overlap: Training rows that are also in the test part.
        practice: Whether it is practice data, which supports no scientific claim.
    """

    source: str
    arguments: SpecFields
    fingerprint: str
    split: str
    counts: Mapping[str, int]
    by: str
    folds: Folds | None
    test: TestRows | None
    overlap: int
    practice: bool


@dataclass(frozen=True, slots=True)
class SpaceRow:
    """One hyperparameter: its dotted name, its range and its conditions in words."""

    name: str
    values: str
    when: str


@dataclass(frozen=True, slots=True)
class SamplerUsed:
    """A sampler with its options."""

    name: str
    options: SpecFields


@dataclass(frozen=True, slots=True)
class SchedulerUsed:
    """A scheduler: its name, its rungs, and the epochs of a full training."""

    name: str
    rungs: tuple[int, ...]
    epochs: int


@dataclass(frozen=True, slots=True)
class ResourcesUsed:
    """What each training is given, and the device that it trains on."""

    cpus: float
    gpus: float
    threads: int
    device: str


@dataclass(frozen=True, slots=True)
class SearchSetting:
    """What was decided before the search began.

    Attributes:
        trainable: The training code.
        space: The searched hyperparameters.
        forbidden: Number of forbidden combinations.
        fixed: Fixed choices of the recipe, by dotted name.
        started_from: Number of points that the spec gave.
        sampler: What proposed the trials.
        scheduler: What stopped them early.
        unit: What a trial is measured in: ``epoch`` or another unit of the trainable's.
        resources: Of each training.
    """

    trainable: str
    space: tuple[SpaceRow, ...]
    forbidden: int
    fixed: RecipeFields
    started_from: int
    sampler: SamplerUsed
    scheduler: SchedulerUsed
    unit: str
    resources: ResourcesUsed


@dataclass(frozen=True, slots=True)
class Origin:
    """What a search began from, and what changed after it had begun.

    Attributes:
        description: The spec's description; empty if it has none.
        warm_start: Earlier searches and recipes that it learned from.
        given: Points that the spec gave.
        extended: Trials that were added after it had begun.
        resumed: How often it was resumed.
        finalists_asked: Finalists that the spec asks for.
        finalists_named: Finalists that there were.
        edits: Changes of the space since the searches that it learned from, as `hpo refine` makes them.
    """

    description: str = ""
    warm_start: tuple[str, ...] = ()
    given: int = 0
    extended: int = 0
    resumed: int = 0
    finalists_asked: int = 0
    finalists_named: int = 0
    edits: tuple[str, ...] = ()
