"""The account of a search: what was tried, compared and chosen, as values.

`hpo.use_cases.accounting` fills it in from the record and `hpo.reports.account` prints it. The order of
the fields is the order of the keys in its JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hpo.core.audit import Audit, ChainStanding
from hpo.core.baseline_comparison import Baselines
from hpo.core.constraints_kept import ConstraintsKept
from hpo.core.data_account import DataFacts, LeaksSought, PartFacts
from hpo.core.effort import Effort, ExpectedBest
from hpo.core.estimates import ScoreEstimates, ScoreInterval
from hpo.core.events import SoupMade, TestRefused
from hpo.core.json_values import JsonObject, RecipeFields, SpecFields, fields_of, jsonable
from hpo.core.model_provenance import ShippedModel
from hpo.core.objective import Objective
from hpo.core.search_setting import DataUsed, Origin, SearchSetting
from hpo.core.spending import BudgetUse
from hpo.core.strata import Strata

FreshRows = Literal["final", "folds", "validation"]
"""The rows that fresh seeds are scored on."""


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
class ValidationUse:
    """How often the validation rows were used, by this search and by others of the register before it.

    Attributes:
        searches: Number of searches, this one included.
        trials: Number of their trials.
    """

    searches: int
    trials: int


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
        predicted: Number of its rows that `hpo predict` predicted; 0 if it was scored.
    """

    when: str
    by: str
    search: str
    recipe: str
    scores: Mapping[str, ScoreInterval]
    overlap: float
    together: Mapping[str, ScoreInterval] = field(default_factory=dict)
    predicted: int = 0


@dataclass(frozen=True, slots=True)
class CodeUsed:
    """The user's own training code.

    Attributes:
        files: Files with their SHA-256 as last accepted; empty for shipped code.
        changes: Every accepted change: what it was accepted for, and what differed.
        source_files: The same of the user's own data source.
    """

    files: Mapping[str, str]
    changes: tuple[CodeChange, ...]
    source_files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CodeChange:
    """An accepted change: ``resume`` or ``test``, and the files and packages that differed.

    Attributes:
        put_back: Whether it only put back what all trainings so far had been made with.
    """

    at: str
    files: tuple[str, ...]
    packages: tuple[str, ...] = ()
    put_back: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """Everything that an experiments section needs to say of a search.

    Attributes:
        search: Its name.
        status: How it ended; ``submitted``, ``running`` or ``interrupted`` before that.
        attention: What must be known before the scores, a sentence each.
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
        reproduce: Commands that reproduce the model, once there is a winner, and the search.
        warnings: What a user was warned of.
        chain: The chain of the search's events.
        code: The user's own training code, and its accepted changes.
        soups: Means of its weights that `hpo soup` wrote.
        validation_use: How often the validation rows were used; None if no other search used them before.
        audit: What an audit found; None if the account was written without one.
        baselines: Simple models beside the model, on the validation rows and on the opened test part.
        about: The data as it was read; None if an early version did not record it.
        test_rows: What the opened test part holds; None while it is sealed.
        within: How the model did by class and by group of the test part; None likewise.
        fitted: What was fitted to training rows alone, in words.
        leaks: What was looked for in the data before the search; None if that is not on record.
        effort: The compute that was used.
        expected: The expected best validation score of fewer trials.
        origin: What it began from.
        limits: What the result does not say, a sentence each.
        constraints: How the winner stands to the constraints; None if the spec has none.
        proposed: Number of trials by the reason for which the sampler proposed them.
        pauses: How often trials were ``paused``, and taken up again by cause.
        level: Probability with which each interval of a test score covers by itself: those of a further look
            cover with more, so that the intervals of all looks so far, restated, hold together with 95 %.
    """

    search: str
    status: str
    attention: tuple[str, ...] = field(default=(), kw_only=True)
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
    chain: ChainStanding
    code: CodeUsed
    soups: tuple[SoupMade, ...] = ()
    validation_use: ValidationUse | None = None
    audit: Audit | None = None
    baselines: tuple[Baselines, ...] = ()
    about: DataFacts | None = None
    test_rows: PartFacts | None = None
    within: Strata | None = None
    fitted: str = ""
    leaks: LeaksSought | None = None
    effort: Effort | None = None
    expected: tuple[ExpectedBest, ...] = ()
    origin: Origin = field(default_factory=Origin)
    limits: tuple[str, ...] = ()
    constraints: ConstraintsKept | None = None
    proposed: Mapping[str, int] = field(default_factory=dict)
    pauses: Mapping[str, int] = field(default_factory=dict)
    level: float = 0.95

    def to_json(self) -> JsonObject:
        """Return the account as a JSON value, numbers that JSON does not have as null."""
        budget = {use.unit: {"spent": use.spent, "limit": use.limit} for use in self.budget}
        shown: JsonObject = jsonable({**fields_of(self), "budget": budget})
        return shown
