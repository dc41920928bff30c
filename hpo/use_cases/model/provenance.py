"""How a model's weights were made, as an exported recipe says it and as it is read again.

Under ``provenance.model`` a recipe names the kind, the digest and, for every member, the very
training that gave its weights: enough to find them, to check them and to make them again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hpo.core.errors import UserError
from hpo.core.fresh_seeds import SEARCH
from hpo.core.history import RETRAINED, History, Training
from hpo.core.objective import Objective
from hpo.core.recipe import Recipe
from hpo.core.shipped_model import AVERAGED, SEEN, Ship, members_of
from hpo.spec.recipe_files import RecipeFile


@dataclass(frozen=True, slots=True)
class TrainingRecord:
    """How the weights of one member were made.

    Attributes:
        recipe: What was trained.
        seed: Source of its randomness.
        split: Name of the split that it trained on.
        until: Epochs after which it ended; None for a full training.
        averages: So many last epochs' weights were averaged; 0 if none were.
        file: Name of the weights' file.
        sha256: Of its content; empty where that was not written down.
        metric: Name of the score by which a new training is held against this one.
        value: That score; NaN where it was not written down.
    """

    recipe: Mapping[str, Any] = field(repr=False)
    seed: int
    split: str = SEARCH
    until: int | None = None
    averages: int = 0
    file: str = ""
    sha256: str = ""
    metric: str = ""
    value: float = math.nan


def model_provenance(history: History, horizon: int, folder: Path) -> dict[str, Any]:
    """The fixed model of a search, as a JSON value.

    Args:
        history: The search, its model fixed.
        horizon: Epochs of a full training.
        folder: Where the weights lie.
    """
    model = history.model
    assert model is not None
    assert history.winner is not None
    averages = Ship.asked(history.opened.spec if history.opened else {}).averages(horizon)
    recipe = Recipe(history.trainings[history.winner.trial, 0].recipe)
    members = [_member(each, averages, recipe, history.objective) for each in members_of(history)]
    return {
        "kind": model.kind,
        "reason": model.reason,
        "digest": model.digest,
        "folder": str(folder),
        "members": members,
    }


def _member(training: Training, averages: int, recipe: Recipe, objective: Objective) -> dict[str, Any]:
    metric, value = score_of(training, objective)
    own = {} if Recipe(training.recipe) == recipe else {"recipe": dict(training.recipe)}
    return {
        "trial": training.trial,
        "replicate": training.replicate,
        "seed": training.seed,
        "split": training.split,
        "until": training.until,
        "averages": averages,
        "file": training.weights,
        "sha256": training.sha256,
        "score": {"metric": metric, "value": value if math.isfinite(value) else None},
        **own,
    }


def score_of(training: Training, objective: Objective) -> tuple[str, float]:
    """Name and value of the score of a training's kept weights, on whatever they were scored on."""
    if training.origin == RETRAINED:
        name = f"{SEEN}/{objective.metric}"
        return name, training.metrics.get(name, math.nan)
    for name in (objective.final_key, f"{AVERAGED}/{objective.metric}"):
        if name in training.scores:
            return name, training.scores[name]
    return objective.key, training.value


def training_records_of(recipe: RecipeFile, path: Path) -> tuple[TrainingRecord, ...]:
    """How every member of an exported recipe's model was made.

    Recipes that were exported before models had kinds say it of one training.

    Raises:
        UserError: If the provenance does not say it, or says it in another way.
    """
    said = recipe.provenance
    try:
        if "model" in said:
            return tuple(_making(each, recipe.recipe) for each in said["model"]["members"])
        kept, value = said.get("weights") or {}, (said.get("validation") or {}).get("this_model")
        rows, objective = said.get("rows") or {}, Objective(**said["objective"])
        final = rows and "final" in ((said.get("split") or {}).get("counts") or {})
        return (
            TrainingRecord(
                recipe.recipe,
                int(said["seed"]),
                rows.get("split", SEARCH),
                file=kept.get("file", ""),
                sha256=kept.get("sha256", ""),
                metric=objective.final_key if final else objective.key,
                value=math.nan if value is None else float(value),
            ),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: provenance cannot be used: {error!r}") from error


def _making(said: Mapping[str, Any], recipe: Mapping[str, Any]) -> TrainingRecord:
    value = said["score"]["value"]
    return TrainingRecord(
        said.get("recipe", recipe),
        int(said["seed"]),
        said["split"],
        said["until"],
        said["averages"],
        said["file"],
        said["sha256"],
        said["score"]["metric"],
        math.nan if value is None else float(value),
    )
