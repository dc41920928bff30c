"""Define the validated spec that all other packages work with."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from hpo.core import recipe as recipes
from hpo.core.budget import Budget
from hpo.core.grammar import Grammar
from hpo.core.json_values import RecipeFields, SpecFields
from hpo.core.objective import Objective
from hpo.core.shipped_model import Ship
from hpo.core.space import Point, Space
from hpo.core.trainable import Metric
from hpo.spec.budget_fields import Patience
from hpo.spec.data_fields import Data
from hpo.spec.fields import STORED_ONLY
from hpo.spec.finalist_fields import Finalists
from hpo.spec.limit_fields import Limits
from hpo.spec.notice_fields import OnEnd
from hpo.spec.recipe_points import flat, lay
from hpo.spec.resource_fields import Resources
from hpo.spec.sampler_fields import Sampler
from hpo.spec.scheduler_fields import Scheduler
from hpo.spec.space_building import HORIZON


@dataclass(frozen=True)
class SearchSpec:
    """A validated search.

    Attributes:
        version: Version of the spec format.
        name: Name of its searches.
        description: One-line description.
        experiment: MLflow experiment.
        data: Source and split.
        trainable: Shipped name, or ``module:attribute``.
        grammar: What the trainable's recipes can contain.
        metrics: What the trainable reports on validation data.
        recipe: Fixed choices as written.
        space: The parameters, including the conditions that parts imply.
        start_from: Points to try first, complete.
        warm_start: Earlier searches or recipe files.
        objective: What is optimized.
        sampler: What proposes points.
        prior: Beliefs about good values by name of a parameter, as JSON; None for ``off``.
        scheduler: What stops trials early, and the epochs of a full training.
        budget: Limits of the search.
        resources: Resources of one trial.
        finalists: How the winner is chosen.
        ship: The model that is tested, exported and used.
        limits: Limits of one training.
        patience: When to end early; None for never.
        on_end: Whom to tell that the search has ended; None for nobody.
        test: When the test part is opened: ``at_end`` or ``on_request``.
        seed: Seed of everything random.
        base: Folder of relative paths.
        document: Everything above as a JSON value that `hpo.spec.parse_spec` turns into an equal spec.
        warnings: Problems that a user should know of but that stop nothing.
        user_code: File of a user's own trainable; None for a shipped one.
        written: The text that it was read from, with its comments; empty if it was not a file.
    """

    version: int
    name: str
    description: str
    experiment: str
    data: Data
    trainable: str
    grammar: Grammar = field(repr=False, compare=False)
    metrics: tuple[Metric, ...]
    recipe: RecipeFields
    space: Space
    start_from: tuple[Point, ...]
    warm_start: tuple[str, ...]
    objective: Objective
    sampler: Sampler
    prior: Mapping[str, Mapping[str, float] | None] | None
    scheduler: Scheduler
    budget: Budget
    resources: Resources
    finalists: Finalists
    ship: Ship
    limits: Limits
    patience: Patience | None
    on_end: OnEnd | None
    test: Literal["at_end", "on_request"]
    seed: int
    base: Path
    document: SpecFields = field(repr=False)
    warnings: tuple[str, ...] = field(default=(), compare=False)
    user_code: Path | None = field(default=None, compare=False)
    written: str = field(default="", compare=False, repr=False)

    @property
    def horizon(self) -> int:
        """Epochs of a full training."""
        return self.scheduler.horizon

    @property
    def digest(self) -> str:
        """SHA-256 of what the spec searches, independent of its folder and of whom it tells."""
        outside = (*STORED_ONLY, "on_end")
        content = {key: value for key, value in self.document.items() if key not in outside}
        return recipes.digest(content)

    def moved_to(self, folder: str) -> SearchSpec:
        """Return a spec that is recorded as one from another folder, where its files will be when it runs."""
        return dataclasses.replace(self, document={**self.document, "base": folder})

    @property
    def reserved_epochs(self) -> int:
        """Epochs set aside for the finalists, and for retraining the model if it is retrained."""
        return self.finalists.epochs(self.horizon) + self.ship.reserves(self.horizon)

    def recipe_of(self, point: Point) -> RecipeFields:
        """Return the complete recipe of a point: fixed choices, the point, defaults, the horizon.

        Raises:
            ValueError: If the grammar rejects the point.
        """
        return dict(self.grammar.resolve(self._laid(point)))

    def overridden(self, point: Point) -> dict[str, tuple[Any, Any]]:
        """Return the fixed choices that a point or the horizon replaces: name to (written, used)."""
        written = {
            k: v for k, v in recipes.Recipe(lay(self.grammar, self.recipe, {})).flat().items() if v != {}
        }
        used = recipes.Recipe(self.recipe_of(point)).flat()
        return {
            name: (value, used.get(name))
            for name, value in written.items()
            if used.get(name) != value or type(used.get(name)) is not type(value)
        }

    def values_of(self, recipe: RecipeFields) -> Point:
        """Return a recipe's values by the dotted names of a space, with defaults filled in.

        Raises:
            ValueError: If the grammar rejects the recipe.
        """
        return flat(self.grammar, self.grammar.resolve(recipe))

    def _laid(self, point: Point) -> RecipeFields:
        laid = lay(self.grammar, self.recipe, self.space.completed(point))
        return {**laid, HORIZON: self.horizon} if HORIZON in self.grammar.slots else laid
