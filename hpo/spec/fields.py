"""Define a whole spec as a record: types, defaults and one line of help for each field.

A section stands in a file of its own, such as `hpo.spec.data_fields`. The records check single
fields; `hpo.spec.cross_checks` checks them against each other. The JSON Schema for editors is made
from the same records.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from hpo.spec.budget_fields import BudgetFields, Patience
from hpo.spec.data_fields import Data
from hpo.spec.field_types import Record
from hpo.spec.finalist_fields import Finalists
from hpo.spec.limit_fields import Limits
from hpo.spec.notice_fields import OnEnd
from hpo.spec.objective_fields import ConstraintFields, Goal
from hpo.spec.resource_fields import Resources
from hpo.spec.sampler_fields import Belief, Sampler, off_as_none
from hpo.spec.scheduler_fields import Scheduler
from hpo.spec.ship_fields import ShipFields

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"

DEFAULTS: Literal[2] = 2
"""Edition of the shipped recipes' defaults; a recorded spec without this field has the first."""

AT_END: Literal["at_end"] = "at_end"
"""When the test part is opened, unless the spec says ``on_request``; left out of recorded specs."""

STORED_ONLY = ("base", "defaults")
"""Fields that only a recorded spec has; a file has its own folder and the current defaults."""


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else {"name": "none"} if value is None else value


def _model(value: Any) -> Any:
    return {"model": value} if isinstance(value, str) else value


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
    prior: Annotated[dict[str, Belief] | None, BeforeValidator(off_as_none)] = Field(
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
