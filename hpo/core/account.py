"""The account of a search: what was tried, compared and chosen, as values.

`hpo.use_cases.accounting` fills it in from the record and `hpo.report.account` prints it. The order of
the fields is the order of the keys in its JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hpo.core.estimates import ScoreEstimates, ScoreInterval
from hpo.core.events import TestRefused
from hpo.core.json_values import JsonObject, RecipeFields, SpecFields, fields_of, jsonable
from hpo.core.objective import Objective
from hpo.core.spending import BudgetUse

FreshRows = Literal["final", "folds", "validation"]
"""The rows that fresh seeds are scored on."""


@dataclass(frozen=True, slots=True)
class Folds:
    """How finalists are cross-validated.

    Attributes:
        count: Number of folds.
        deals: How often the rows are divided anew.
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
class Comparisons:
    """How many values the winner was chosen from: each is a chance to be lucky.

    Attributes:
        ranked: Fully trained trials.
        at: The epoch that a trial counts by: ``best`` or ``last``.
        epochs: Epochs of the ranked trials together.
        rungs: Arrivals of trials at rungs.
        finalists: Number of finalists.
        fresh: Trainings of the finalists on fresh seeds.
    """

    ranked: int
    at: str
    epochs: int
    rungs: int
    finalists: int
    fresh: int


@dataclass(frozen=True, slots=True)
class FinalistRule:
    """How the winner was chosen among the finalists.

    Attributes:
        rule: ``simple`` or ``race``.
        seeds: Fresh seeds of each finalist, at most.
        folds: Folds of a cross-validated finalist; None without cross-validation.
        on: The rows that fresh seeds are scored on.
        alpha: Probability with which a race may drop the best; None without a race.
        saved: Trainings that a race did not need.
    """

    rule: str
    seeds: int
    folds: int | None
    on: FreshRows
    alpha: float | None
    saved: int


@dataclass(frozen=True, slots=True)
class FreshValues:
    """A finalist's values, one for each fresh seed, and the seeds of its trainings."""

    trial: int
    values: tuple[float, ...]
    training_seeds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ChosenTrial:
    """The winner, as `hpo.core.events.WinnerNamed` records it, with what it trained.

    Attributes:
        point: The searched choices.
        recipe: All choices.
    """

    trial: int
    replicate: int
    mean: float
    std: float
    n: int
    reason: str
    tied: tuple[int, ...]
    saved: int
    point: RecipeFields
    recipe: RecipeFields


@dataclass(frozen=True, slots=True)
class NamedScore:
    """A score and the metric that it is of; NaN if it was not recorded."""

    metric: str
    value: float


@dataclass(frozen=True, slots=True)
class ShippedMember:
    """One training whose weights belong to the shipped model.

    Attributes:
        trial: Its trial.
        replicate: Its replicate.
        seed: Of its randomness.
        split: Name of the split that it trained on.
        until: Epochs after which it ended; None for a full training.
        averages: Number of last epochs whose weights were averaged; 0 if none were.
        file: Name of the weights' file.
        sha256: Of that file.
        score: Score by which a new training is compared with this one.
        recipe: What it trained; None if that is the winner's recipe.
    """

    trial: int
    replicate: int
    seed: int
    split: str
    until: int | None
    averages: int
    file: str
    sha256: str
    score: NamedScore
    recipe: RecipeFields | None = None

    def to_json(self) -> JsonObject:
        """The fields; the recipe only where it is another than the winner's."""
        shown = fields_of(self)
        if self.recipe is None:
            del shown["recipe"]
        return shown


@dataclass(frozen=True, slots=True)
class ShippedModel:
    """What is tested, exported and used.

    Attributes:
        kind: ``best``, ``retrained``, ``averaged`` or ``ensemble``.
        reason: How it came about, in a sentence.
        digest: Of its weights.
        folder: Where the weights are.
        members: The trainings that it consists of.
    """

    kind: str
    reason: str
    digest: str
    folder: str
    members: tuple[ShippedMember, ...]


@dataclass(frozen=True, slots=True)
class OpeningSummary:
    """One recorded opening of the test part.

    Attributes:
        when: Time of day with its zone.
        by: Who opened it.
        search: For which search.
        recipe: Digest of the recipe that was scored.
        scores: Test scores by metric; empty if none are on record.
        overlap: Share of the rows that are also in this search's test part.
        together: The same scores with intervals that hold for all openings at once; empty if there
            is only one.
    """

    when: str
    by: str
    search: str
    recipe: str
    scores: Mapping[str, ScoreInterval]
    overlap: float
    together: Mapping[str, ScoreInterval] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Account:
    """Everything that an experiments section needs to say of a search.

    Attributes:
        search: Its name.
        status: How it ended, or ``running``.
        opened: When it was opened.
        spec: The spec on record.
        digest: Of the spec.
        data: The data and its split.
        objective: What was optimized.
        setting: What was decided beforehand.
        trials: Number of trials started, and of those that ended in each way.
        failures: Number of failed trainings by cause.
        comparisons: How many values the winner was chosen from.
        finalists: How it was chosen among the finalists.
        fresh: The finalists' values, in rank order.
        budget: What was spent.
        saved: Why the search phase ended early and what that saved; empty if it did not.
        winner: The winner; None if there is none.
        model: What is shipped; None while that is open.
        numbers: The best score and its estimates; None without a winner.
        look: Number of this opening of the test part; 0 while it is sealed.
        look_reason: Why the test part was opened again; empty for a first opening.
        test_refused: Why the test part stayed closed; None if it was not refused.
        openings: All openings of the test part.
        seeds: Seeds by what they are for.
        versions: Versions of the libraries.
        reproduce: Commands that reproduce the model and the search.
        warnings: What a user was warned of.
    """

    search: str
    status: str
    opened: str
    spec: SpecFields
    digest: str
    data: DataUsed
    objective: Objective
    setting: SearchSetting
    trials: Mapping[str, int]
    failures: Mapping[str, int]
    comparisons: Comparisons
    finalists: FinalistRule
    fresh: tuple[FreshValues, ...]
    budget: tuple[BudgetUse, ...]
    saved: str
    winner: ChosenTrial | None
    model: ShippedModel | None
    numbers: ScoreEstimates | None
    look: int
    look_reason: str
    test_refused: TestRefused | None
    openings: tuple[OpeningSummary, ...]
    seeds: Mapping[str, int]
    versions: Mapping[str, str]
    reproduce: tuple[str, ...]
    warnings: tuple[str, ...]

    def to_json(self) -> JsonObject:
        """The account as a JSON value, numbers that JSON does not have as null."""
        budget = {use.unit: {"spent": use.spent, "limit": use.limit} for use in self.budget}
        shown: JsonObject = jsonable({**fields_of(self), "budget": budget})
        return shown
