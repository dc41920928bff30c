"""How a model's weights were trained, as exported in a recipe and as read from one.

Under ``provenance.model`` a recipe states the kind, the digest and, for every member, the training
that produced its weights: enough to find them, to check them and to reproduce them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hpo.core.errors import UserError
from hpo.core.fresh_seeds import SEARCH
from hpo.core.history import History
from hpo.core.json_values import JsonFields, RecipeFields
from hpo.core.model_provenance import NamedScore, ShippedMember, ShippedModel
from hpo.core.objective import Objective
from hpo.core.recipe import Recipe
from hpo.core.shipped_model import AVERAGED, SEEN, Ship, members_of
from hpo.core.training_state import RETRAINED, Training
from hpo.data.recorded_cuts import NO_CUTS, CutsOnRecord
from hpo.spec.recipe_files import RecipeFile


@dataclass(frozen=True, slots=True)
class TrainingRecord:
    """How the weights of one member were trained.

    Attributes:
        recipe: The recipe that was trained.
        seed: Seed of the training.
        split: Name of the split that it was trained on.
        until: Epochs after which it ended; None for a full training.
        averages: Number of last epochs whose weights were averaged; 0 without averaging.
        file: Name of the weights' file.
        sha256: SHA-256 of the file; empty if it is not on record.
        metric: Name of the score by which a new training is compared with this one.
        value: That score; NaN if it is not on record.
    """

    recipe: RecipeFields = field(repr=False)
    seed: int
    split: str = SEARCH
    until: int | None = None
    averages: int = 0
    file: str = ""
    sha256: str = ""
    metric: str = ""
    value: float = math.nan


def model_provenance(history: History, horizon: int, folder: Path) -> ShippedModel:
    """Return the fixed model of a search, with how each member was trained.

    Args:
        history: History of the search, with a fixed model.
        horizon: Epochs of a full training.
        folder: Folder of the weights.
    """
    model = history.model
    assert model is not None
    assert history.winner is not None
    averages = Ship.from_spec(history.opened.spec if history.opened else {}).averages(horizon)
    recipe = Recipe(history.trainings[history.winner.trial, 0].recipe)
    members = tuple(_member(member, averages, recipe, history.objective) for member in members_of(history))
    return ShippedModel(model.kind, model.reason, model.digest, str(folder), members)


def _member(training: Training, averages: int, recipe: Recipe, objective: Objective) -> ShippedMember:
    return ShippedMember(
        trial=training.trial,
        replicate=training.replicate,
        seed=training.seed,
        split=training.split,
        until=training.until,
        averages=averages,
        file=training.weights,
        sha256=training.sha256,
        score=NamedScore(*score_of(training, objective)),
        recipe=None if Recipe(training.recipe) == recipe else dict(training.recipe),
    )


def score_of(training: Training, objective: Objective) -> tuple[str, float]:
    """Return name and value of the score of a training's kept weights."""
    if training.origin == RETRAINED:
        name = f"{SEEN}/{objective.metric}"
        return name, training.metrics.get(name, math.nan)
    for name in (objective.final_key, f"{AVERAGED}/{objective.metric}"):
        if name in training.scores:
            return name, training.scores[name]
    return objective.key, training.value


def cut_of(provenance: JsonFields) -> CutsOnRecord:
    """Return the cut of the data that a recipe's provenance names, so that reading it again follows it."""
    split = provenance.get("split")
    return CutsOnRecord.of_record(split) if isinstance(split, Mapping) else NO_CUTS


def training_records_of(recipe: RecipeFile, path: Path) -> tuple[TrainingRecord, ...]:
    """Return how every member of an exported recipe's model was trained.

    Recipes exported before models had kinds describe a single training.

    Raises:
        UserError: If the provenance is incomplete or malformed.
    """
    provenance = recipe.provenance
    try:
        if "model" in provenance:
            members = provenance["model"]["members"]
            return tuple(_training_record(member, recipe.recipe) for member in members)
        weights = provenance.get("weights") or {}
        value = (provenance.get("validation") or {}).get("this_model")
        rows, objective = provenance.get("rows") or {}, Objective(**provenance["objective"])
        final = rows and "final" in ((provenance.get("split") or {}).get("counts") or {})
        return (
            TrainingRecord(
                recipe.recipe,
                int(provenance["seed"]),
                rows.get("split", SEARCH),
                file=weights.get("file", ""),
                sha256=weights.get("sha256", ""),
                metric=objective.final_key if final else objective.key,
                value=math.nan if value is None else float(value),
            ),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: provenance cannot be used: {error!r}") from error


def _training_record(member: JsonFields, recipe: RecipeFields) -> TrainingRecord:
    value = member["score"]["value"]
    return TrainingRecord(
        member.get("recipe", recipe),
        int(member["seed"]),
        member["split"],
        member["until"],
        member["averages"],
        member["file"],
        member["sha256"],
        member["score"]["metric"],
        math.nan if value is None else float(value),
    )
