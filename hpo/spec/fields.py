"""Define the fields of a spec as records: types, defaults and one line of help each.

Single fields are checked here; `hpo.spec.cross_checks` checks them against each other. The JSON
Schema for editors is made from the same records.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from hpo.core.budget import reserved_epochs
from hpo.core.fresh_seeds import FreshSeeds
from hpo.core.promote import MOST_PAUSED
from hpo.core.rungs import FACTOR, default_first_rung, rungs_of
from hpo.core.shipped_model import Ship
from hpo.core.stopping_rules import RuleName, SchedulerName, rule_named
from hpo.core.trainable import AS_FLOATS
from hpo.spec.notice_fields import OnEnd
from hpo.spec.resource_fields import Resources

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"
Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1, le=10**9)]
Amount = Annotated[float, Field(gt=0, le=10**9)]


READING: Literal[2] = 2
"""Edition in which a user's arrays are read; those of a recorded spec without it become float32."""

DEFAULTS: Literal[2] = 2
"""Edition of the shipped recipes' defaults; a recorded spec without this field has the first."""

AT_END: Literal["at_end"] = "at_end"
"""When the test part is opened, unless the spec says ``on_request``; left out of recorded specs."""

STORED_ONLY = ("base", "defaults")
"""Fields that only a recorded spec has; a file has its own folder and the current defaults."""


class Record(BaseModel):
    """A mapping with fixed keys and strict types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class SplitShares(Record):
    """Separate validation parts for the search and for its finalists."""

    search: Share = Field(description="Share that picks the epoch and drives early stopping.")
    final: Share = Field(description="Share that ranks the finalists and is used for nothing else.")

    @model_validator(mode="after")
    def _something_is_left(self) -> SplitShares:
        if self.search + self.final >= 1:
            raise ValueError(
                f"search and final take {self.search + self.final:g} of the data, leaving nothing to train on"
            )
        return self


BRANCHES = ("one share", "two shares")
"""Names of the two forms of ``validation`` in the locations of pydantic's errors."""


def _branch(value: Any) -> str:
    return BRANCHES[1] if isinstance(value, dict | SplitShares) else BRANCHES[0]


class Data(Record):
    """Source of the examples and how they are split."""

    source: str = Field(min_length=1, description="A shipped source by name, or module:function.")
    arguments: dict[str, Any] = Field(
        default={}, description="Arguments of the source: root, path, target, ..."
    )
    validation: Annotated[
        Annotated[Share, Tag(BRANCHES[0])] | Annotated[SplitShares, Tag(BRANCHES[1])], Discriminator(_branch)
    ] = Field(default=0.2, description="Share of the development data, or {search, final}.")
    split_seed: int = Field(
        default=0, ge=0, lt=2**53, description="Seed of the split, independent of the search's seed."
    )
    stratified: bool = Field(default=True, description="Keep the classes' shares in every part.")
    practice: bool | None = Field(
        default=None,
        description="Whether the score is practice rather than a claim; null: as the source says.",
    )
    accept_overlap: bool = Field(
        default=False,
        description="Search even if the test part contains training rows; the report says so.",
    )
    card: str | None = Field(
        default=None,
        min_length=1,
        max_length=20_000,
        description="Data card: a file beside the spec, or a text; the account shows it.",
    )
    reading: Literal[2] | None = Field(
        default=None, description="Edition of how a user's arrays are read; in stored specs only."
    )

    @property
    def source_arguments(self) -> dict[str, Any]:
        """Arguments with which the source is opened; a record of an earlier edition asks for its types."""
        earlier = ":" in self.source and self.reading is None
        return {**self.arguments, AS_FLOATS: True} if earlier else self.arguments

    @property
    def search_share(self) -> float:
        """Share of the development data that the search validates on."""
        return self.validation if isinstance(self.validation, float) else self.validation.search

    @property
    def final_share(self) -> float | None:
        """Share that ranks the finalists; None if they use the search's."""
        return None if isinstance(self.validation, float) else self.validation.final


class Goal(Record):
    """The objective."""

    metric: str | None = Field(
        default=None, description="A metric that the trainable reports; its first by default."
    )
    mode: Literal["max", "min"] | None = Field(
        default=None, description="Direction; the metric's own by default."
    )
    at: Literal["best", "last"] = Field(default="best", description="Epoch whose value ranks a trial.")


class Sampler(Record):
    """The sampler, which proposes points."""

    name: str = Field(default="auto", description="auto, tpe, random, qmc, gp, cmaes or grid.")
    options: dict[str, Any] = Field(default={}, description="Settings of the sampler.")


class BeliefFields(Record):
    """Where good values of a parameter are expected."""

    around: float = Field(description="The most plausible value.")
    within: float = Field(
        gt=0, description="A factor above 1 on a logarithmic range, a distance on a linear one."
    )


class ConstraintFields(Record):
    """A reported value that the winner has to keep within limits."""

    metric: str = Field(
        min_length=1, max_length=200, description="What trials report: parameters, validation/loss, ..."
    )
    at_least: float | None = Field(default=None, description="Lower limit.")
    at_most: float | None = Field(default=None, description="Upper limit.")


class Scheduler(Record):
    """The early-stopping rule and the length of a full training."""

    name: SchedulerName = Field(
        default="promote",
        description="promote pauses all but a share of trials and takes them up when they qualify; "
        "hyperband does so in brackets that begin at different rungs; "
        "leaders stops trials that fall behind the best; asha, all but a share; none, nothing.",
    )
    max_epochs: Count | None = Field(
        default=None, description="Epochs of a full training; those of the fixed recipe by default."
    )
    first_rung: Count | None = Field(
        default=None,
        description="Epoch of the first comparison; by default about a twentieth of a full training.",
    )
    reduction_factor: int = Field(
        default=FACTOR, ge=2, le=1000, description="One trial in this many continues."
    )
    paused: Count = Field(
        default=MOST_PAUSED, description="Most trials paused at once, each with a checkpoint."
    )
    unit: str = Field(default="epoch", min_length=1, max_length=40, description="Name of one training step.")

    @property
    def horizon(self) -> int:
        """Epochs of a full training."""
        assert self.max_epochs is not None
        return self.max_epochs

    @property
    def first(self) -> int:
        """Epoch at which trials are first compared."""
        return self.first_rung or default_first_rung(self.horizon)

    @property
    def rungs(self) -> tuple[int, ...]:
        """Epochs at which trials are compared, ascending; empty without early stopping."""
        if self.name == "none":
            return ()
        return rungs_of(self.name, self.first, self.reduction_factor, self.horizon)

    @property
    def rule(self) -> RuleName:
        """The rule that decides at the rungs; irrelevant if there are none."""
        return rule_named(self.name)


class BudgetFields(Record):
    """Limits of the search; the first one reached ends it."""

    trials: Count | None = Field(default=None, description="Trials started.")
    epochs: Count | None = Field(default=None, description="Epochs trained, including the finalists'.")
    hours: Amount | None = Field(default=None, description="Wall time, including the finalists'.")
    gpu_hours: Amount | None = Field(
        default=None, description="Hours times GPUs held, including the finalists'."
    )


class Finalists(Record):
    """How the winner is chosen among fully trained trials."""

    count: int = Field(default=3, ge=1, le=1000, description="Trials that are trained again.")
    seeds: int = Field(default=3, ge=1, le=1000, description="Fresh seeds per finalist.")
    folds: int | None = Field(default=None, ge=2, le=100, description="Cross-validation folds per seed.")
    repeated: bool = Field(default=True, description="Whether each seed draws new folds.")
    rank: str = Field(default="value", description="Ranking that selects the finalists.")
    rule: Literal["simple", "race"] = Field(
        default="simple",
        description="simple: the best mean, the cheaper in a tie; race: until one is clearly ahead.",
    )
    alpha: float = Field(
        default=0.05,
        gt=0,
        le=0.5,
        description="In a race: probability of dropping the truly best finalist.",
    )
    margin: float = Field(
        default=0.0, ge=0, description="In a race: smaller differences do not matter and count as a tie."
    )
    prefer: Literal["best", "cheapest", "steadiest"] = Field(
        default="best",
        description="In a race: who wins a tie; best: highest mean; steadiest: least spread over seeds.",
    )

    @property
    def fresh(self) -> FreshSeeds:
        """How the trainings on fresh seeds are numbered."""
        return FreshSeeds(self.folds, self.repeated)

    @property
    def most(self) -> int:
        """Maximum number of trainings per finalist."""
        return self.seeds * self.fresh.trainings_per_seed

    def epochs(self, horizon: int) -> int:
        """Epochs of all trainings together."""
        return reserved_epochs(horizon, self.count, self.seeds, self.folds)


class ShipFields(Record):
    """The model that is tested, exported and used, fixed before the test part is opened."""

    model: Literal["best", "retrained", "averaged", "ensemble"] = Field(
        default="best",
        description="best: the winner's best checkpoint; retrained: trained on all development rows; "
        "averaged: the mean of its last epochs' weights; ensemble: the mean prediction of several models.",
    )
    of: Literal["seeds", "finalists"] = Field(
        default="seeds",
        description="Members of an ensemble: the winner's fresh trainings or the best finalists.",
    )
    count: int | None = Field(
        default=None, ge=2, le=1000, description="Number of members of an ensemble; all by default."
    )
    epochs: Count | None = Field(
        default=None,
        description="Last epochs whose weights are averaged; a quarter of all epochs by default.",
    )

    @property
    def ship(self) -> Ship:
        """The same choice as a `Ship`."""
        return Ship(self.model, self.of, self.count, self.epochs)


class Limits(Record):
    """Limits of one training."""

    epoch_seconds: Amount | None = Field(
        default=None, description="An epoch that takes longer ends the trial."
    )
    checkpoint_seconds: Amount = Field(default=60.0, description="Maximum time between checkpoints.")
    checkpoint_epochs: Count | None = Field(
        default=None, description="Maximum epochs between checkpoints; unlimited by default."
    )
    same_failures: int = Field(
        default=5,
        ge=1,
        le=10**6,
        description="The search gives up if its first trials, this many, all fail with the same cause.",
    )
    worker_losses: int = Field(
        default=3, ge=1, le=1000, description="A training fails after losing its worker this many times."
    )


class Patience(Record):
    """When to end a search that no longer improves."""

    trials: Count = Field(description="Trials in a row without an improvement of the best value.")
    by: float = Field(default=0.0, ge=0, description="Smallest gain that counts as an improvement.")


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else {"name": "none"} if value is None else value


def _model(value: Any) -> Any:
    return {"model": value} if isinstance(value, str) else value


def _off(value: Any) -> Any:
    return None if value in ("off", False) else value


Belief = Annotated[BeliefFields | None, BeforeValidator(_off)]
"""Where good values of a parameter are expected; None (``off``) for nothing usual."""


def _counted(value: Any) -> Any:
    return {"trials": value} if isinstance(value, int) else value


class Document(Record):
    """A whole spec."""

    version: Literal[1] = Field(description="Version of the spec format.")
    name: str | None = Field(
        default=None, pattern=NAME, description="Name of its searches; the name of the file by default."
    )
    description: str = Field(default="", max_length=500, description="One-line description.")
    experiment: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="MLflow experiment; the spec's name by default.",
    )
    data: Data = Field(description="Source of the examples and how they are split.")
    trainable: str = Field(
        min_length=1,
        max_length=20_000,
        description="A shipped name, or module:attribute; of a script its command.",
    )
    recipe: dict[str, Any] = Field(default={}, description="Fixed choices; all others have defaults.")
    space: dict[str, Any] = Field(description="Parameters by dotted name; `hpo parts` lists them.")
    forbid: list[Any] = Field(default=[], max_length=200, description="Combinations that no trial may have.")
    start_from: list[Any] = Field(
        default=[], max_length=1000, description="Points or recipe files to try first."
    )
    warm_start: list[str] = Field(
        default=[], max_length=100, description="Searches or recipe files to learn from."
    )
    objective: Goal = Field(default=Goal(), description="What is optimized.")
    constraints: list[ConstraintFields] = Field(
        default=[], max_length=20, description="Limits that the winner has to keep besides its objective."
    )
    sampler: Annotated[Sampler, BeforeValidator(_named)] = Field(
        default=Sampler(), description="What proposes points."
    )
    prior: Annotated[dict[str, Belief] | None, BeforeValidator(_off)] = Field(
        default={}, description="Where the sampler `auto` expects good values; off for no usual values."
    )
    scheduler: Annotated[Scheduler, BeforeValidator(_named)] = Field(
        default=Scheduler(), description="What stops trials early."
    )
    budget: BudgetFields = Field(description="Limits of the search; the first one reached ends it.")
    resources: Resources = Field(default=Resources(), description="Resources of one trial.")
    finalists: Finalists = Field(default=Finalists(), description="How the winner is chosen.")
    ship: Annotated[ShipFields, BeforeValidator(_model)] = Field(
        default=ShipFields(), description="The model that is tested, exported and used."
    )
    limits: Limits = Field(default=Limits(), description="Limits of one training.")
    patience: Annotated[Patience, BeforeValidator(_counted)] | None = Field(
        default=None, description="When to end a search that no longer improves."
    )
    on_end: OnEnd | None = Field(
        default=None, description="Whom to tell of the end: {webhook: URL} or {command: [...]}."
    )
    test: Literal["at_end", "on_request"] = Field(
        default=AT_END,
        description="When the test part is opened: at the end of the search, or by `hpo test` alone.",
    )
    seed: int = Field(default=0, ge=0, lt=2**53, description="Seed of everything random in the search.")
    base: str | None = Field(default=None, description="Folder of relative paths; in stored specs only.")
    defaults: Literal[2] | None = Field(
        default=None, description="Edition of the recipe's defaults; in stored specs only."
    )
