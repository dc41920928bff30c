"""The fields of a spec as records: what can be written, its type, its default, a line of help.

What a single field can say is checked here; what fields say together is checked in `hpo.spec.cross_checks`.
The JSON Schema for editors is made from the same records.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from hpo.core.budget import reserved_epochs
from hpo.core.fresh_seeds import FreshSeeds
from hpo.core.shipped_model import Ship
from hpo.core.stopping_rules import RuleName, SchedulerName, default_first_rung, rungs_of

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"
Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1, le=10**9)]
Amount = Annotated[float, Field(gt=0, le=10**9)]


DEFAULTS: Literal[2] = 2
"""Edition of the shipped recipes' defaults; a spec on record that names none relies on the first."""


class Record(BaseModel):
    """A mapping with fixed keys; numbers are numbers and texts are texts."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class SplitShares(Record):
    """Separate validation parts for the search and for its finalists."""

    search: Share = Field(description="Share that picks the epoch and drives early stopping.")
    final: Share = Field(description="Share that ranks the finalists, seen by nothing before.")

    @model_validator(mode="after")
    def _something_is_left(self) -> SplitShares:
        if self.search + self.final >= 1:
            raise ValueError(
                f"search and final take {self.search + self.final:g} of the data; nothing is left"
            )
        return self


BRANCHES = ("one share", "two shares")
"""Names pydantic gives to the two forms of ``validation`` in the places of its complaints."""


def _branch(value: Any) -> str:
    return BRANCHES[1] if isinstance(value, dict | SplitShares) else BRANCHES[0]


class Data(Record):
    """Where the examples come from and how they are split."""

    source: str = Field(min_length=1, description="A shipped source by name, or module:function.")
    arguments: dict[str, Any] = Field(
        default={}, description="What the source needs: root, path, target, ..."
    )
    validation: Annotated[
        Annotated[Share, Tag(BRANCHES[0])] | Annotated[SplitShares, Tag(BRANCHES[1])], Discriminator(_branch)
    ] = Field(default=0.2, description="Share of the development data, or {search, final}.")
    split_seed: int = Field(
        default=0, ge=0, lt=2**53, description="Seed of the split; not the search's seed."
    )
    stratified: bool = Field(default=True, description="Keep the classes' shares in every part.")
    practice: bool | None = Field(
        default=None, description="Whether the score is practice, no claim; null asks the source."
    )
    accept_overlap: bool = Field(
        default=False, description="Search though training rows are also in the test part; it is said so."
    )

    @property
    def search_share(self) -> float:
        """Share of the development data on which the search validates."""
        return self.validation if isinstance(self.validation, float) else self.validation.search

    @property
    def final_share(self) -> float | None:
        """Share that ranks the finalists; None if it is the search's own."""
        return None if isinstance(self.validation, float) else self.validation.final


class Goal(Record):
    """What is optimized."""

    metric: str | None = Field(
        default=None, description="A metric the trainable reports; its first by default."
    )
    mode: Literal["max", "min"] | None = Field(
        default=None, description="Direction; known for shipped metrics."
    )
    at: Literal["best", "last"] = Field(default="best", description="Which epoch a trial counts by.")


class Sampler(Record):
    """What proposes points."""

    name: str = Field(default="auto", description="auto, tpe, random, qmc, gp, cmaes, grid.")
    options: dict[str, Any] = Field(default={}, description="The sampler's own settings.")


class Scheduler(Record):
    """What stops trials early, and how long a full training is."""

    name: SchedulerName = Field(
        default="leaders",
        description="leaders stops what is behind the best early; asha, all but a share; none nothing.",
    )
    max_epochs: Count | None = Field(
        default=None, description="Epochs of a full training; the fixed recipe's own by default."
    )
    first_rung: Count | None = Field(
        default=None, description="Epoch at which trials are first compared; 3, or less in short trainings."
    )
    reduction_factor: int = Field(default=3, ge=2, le=1000, description="One trial in this many goes on.")
    unit: str = Field(
        default="epoch", min_length=1, max_length=40, description="What one step of training is called."
    )

    @property
    def horizon(self) -> int:
        """Epochs of a full training."""
        assert self.max_epochs is not None
        return self.max_epochs

    @property
    def rungs(self) -> tuple[int, ...]:
        """Epochs at which trials are compared, ascending; none without early stopping."""
        if self.name == "none":
            return ()
        first = self.first_rung or default_first_rung(self.reduction_factor, self.horizon)
        return rungs_of(self.name, first, self.reduction_factor, self.horizon)

    @property
    def rule(self) -> RuleName:
        """The rule that decides at the rungs; any will do where there are none."""
        return "leaders" if self.name == "leaders" else "asha"


class BudgetFields(Record):
    """What the search may spend: whichever ends first."""

    trials: Count | None = Field(default=None, description="Trials started.")
    epochs: Count | None = Field(default=None, description="Epochs trained, the finalists' included.")
    hours: Amount | None = Field(default=None, description="Wall time, the finalists' included.")
    gpu_hours: Amount | None = Field(
        default=None, description="Hours times GPUs held, the finalists' included."
    )


class Resources(Record):
    """What one trial needs, and how many run together."""

    cpus: Amount = Field(default=1.0, description="CPUs per trial; fractions are allowed.")
    gpus: float = Field(default=0.0, ge=0, le=1000, description="GPUs per trial; fractions are allowed.")
    trials_at_once: int | None = Field(
        default=None, ge=1, le=10_000, description="Trials at once; as many as fit by default."
    )
    threads: int = Field(
        default=1, ge=1, le=1024, description="Threads of one training; more change its numbers."
    )


class Finalists(Record):
    """How the winner is found among fully trained trials."""

    count: int = Field(default=3, ge=1, le=1000, description="Trials that are trained again.")
    seeds: int = Field(default=3, ge=1, le=1000, description="Fresh seeds for each.")
    folds: int | None = Field(default=None, ge=2, le=100, description="Cross-validation folds for each seed.")
    repeated: bool = Field(default=True, description="Whether each seed deals the folds anew.")
    rank: str = Field(
        default="value", description="Rule that puts trials in the order of becoming finalists."
    )
    rule: Literal["simple", "race"] = Field(
        default="simple",
        description="simple: best mean, ties to the cheaper; race: until one is clearly ahead.",
    )
    alpha: float = Field(
        default=0.05,
        gt=0,
        le=0.5,
        description="Of a race: probability of dropping the truly best finalist.",
    )
    margin: float = Field(
        default=0.0, ge=0, description="Of a race: differences below it do not matter; a tie ends it early."
    )
    prefer: Literal["cheapest", "steadiest"] = Field(
        default="cheapest", description="Of a race: who wins a tie; steadiest: least spread over seeds."
    )

    @property
    def fresh(self) -> FreshSeeds:
        """How the trainings of their fresh seeds are numbered."""
        return FreshSeeds(self.folds, self.repeated)

    @property
    def most(self) -> int:
        """Trainings that each of them has at most."""
        return self.seeds * self.fresh.trainings_per_seed

    def epochs(self, horizon: int) -> int:
        """Epochs their trainings take together."""
        return reserved_epochs(horizon, self.count, self.seeds, self.folds)


class ShipFields(Record):
    """What is tested, exported and used, decided before the test part is opened."""

    model: Literal["best", "retrained", "averaged", "ensemble"] = Field(
        default="best",
        description="Of the winner: its best checkpoint, a training on all development rows, the mean of its "
        "last epochs' weights, or several models' mean prediction.",
    )
    of: Literal["seeds", "finalists"] = Field(
        default="seeds", description="Of an ensemble: the winner's fresh trainings, or the best finalists."
    )
    count: int | None = Field(
        default=None, ge=2, le=1000, description="Members of an ensemble; all there are by default."
    )
    epochs: Count | None = Field(
        default=None, description="Last epochs whose weights are averaged; a quarter of them by default."
    )

    @property
    def ship(self) -> Ship:
        """The same as the rest of the service takes it."""
        return Ship(self.model, self.of, self.count, self.epochs)


class Limits(Record):
    """Limits of one training."""

    epoch_seconds: Amount | None = Field(
        default=None, description="An epoch that takes longer ends the trial."
    )
    checkpoint_seconds: Amount = Field(default=60.0, description="Longest time between checkpoints.")
    checkpoint_epochs: Count | None = Field(
        default=None, description="Most epochs between checkpoints; only time counts by default."
    )
    same_failures: int = Field(
        default=5, ge=1, le=10**6, description="If so many first trials fail alike, the search gives up."
    )
    worker_losses: int = Field(
        default=3, ge=1, le=1000, description="A training that loses its worker so often has failed."
    )


class Patience(Record):
    """When a search that no longer improves ends early."""

    trials: Count = Field(description="Trials in a row that did not improve the best value.")
    by: float = Field(default=0.0, ge=0, description="Least gain that counts as an improvement.")


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else {"name": "none"} if value is None else value


def _model(value: Any) -> Any:
    return {"model": value} if isinstance(value, str) else value


def _counted(value: Any) -> Any:
    return {"trials": value} if isinstance(value, int) else value


class Document(Record):
    """A whole spec."""

    version: Literal[1] = Field(description="Version of this language.")
    name: str | None = Field(
        default=None, pattern=NAME, description="What its searches are called; the file's name."
    )
    description: str = Field(default="", max_length=500, description="A line for a reader.")
    experiment: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="MLflow experiment; the spec's name by default.",
    )
    data: Data = Field(description="Where the examples come from and how they are split.")
    trainable: str = Field(min_length=1, max_length=300, description="A shipped name, or module:attribute.")
    recipe: dict[str, Any] = Field(default={}, description="Fixed choices; everything unsaid has a default.")
    space: dict[str, Any] = Field(description="Parameters by dotted name; see hpo parts for what there is.")
    forbid: list[Any] = Field(default=[], max_length=200, description="Combinations that no trial may have.")
    start_from: list[Any] = Field(
        default=[], max_length=1000, description="Points or recipe files tried first."
    )
    warm_start: list[str] = Field(default=[], max_length=100, description="Earlier searches or recipe files.")
    objective: Goal = Field(default=Goal(), description="What is optimized.")
    sampler: Annotated[Sampler, BeforeValidator(_named)] = Field(
        default=Sampler(), description="What proposes points."
    )
    scheduler: Annotated[Scheduler, BeforeValidator(_named)] = Field(
        default=Scheduler(), description="What stops trials early."
    )
    budget: BudgetFields = Field(description="What the search may spend: whichever ends first.")
    resources: Resources = Field(default=Resources(), description="What one trial needs.")
    finalists: Finalists = Field(default=Finalists(), description="How the winner is found.")
    ship: Annotated[ShipFields, BeforeValidator(_model)] = Field(
        default=ShipFields(), description="What is tested, exported and used."
    )
    limits: Limits = Field(default=Limits(), description="Limits of one training.")
    patience: Annotated[Patience, BeforeValidator(_counted)] | None = Field(
        default=None, description="When to end early."
    )
    seed: int = Field(default=0, ge=0, lt=2**53, description="Source of all randomness of the search.")
    base: str | None = Field(
        default=None, description="Folder that relative paths start from; of stored specs alone."
    )
    defaults: Literal[2] | None = Field(
        default=None, description="Edition of the recipe's defaults; of stored specs alone."
    )
