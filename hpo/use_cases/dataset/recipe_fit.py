"""Check, before anything is trained, that the recipes of a search fit its images and files of weights.

How many channels images have, and which stages a network for them has, is known once the data is read. What
a shipped trainable would refuse at the start of a trial is found here by the same code.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from hpo.core.errors import UserError
from hpo.core.json_values import RecipeFields
from hpo.core.recipe import Recipe
from hpo.core.trainable import DataInfo
from hpo.spec import SearchSpec

DRAWS = 60
"""Points drawn to look for recipes that do not fit."""

BUILT = 6
"""Networks built at most; the largest take seconds."""


def recipe_warnings(spec: SearchSpec, info: DataInfo) -> list[str]:
    """Return what some trials would be refused for, each a sentence.

    Args:
        spec: What is to be searched.
        info: Its data.

    Raises:
        UserError: If every trial would be.
    """
    if spec.trainable != "image_classifier":
        return []
    recipes = list(_drawn(spec))
    reasons = [_misfit(recipe, info) for recipe in _distinct(recipes)]
    missing = list(dict.fromkeys(_missing_files(recipes)))
    found = list(dict.fromkeys(reason for reason in reasons if reason))
    if found and all(reasons) and all(_can_misfit(recipe) for recipe in recipes):
        raise UserError(found[0])
    return [*missing, *(f"{reason}; trials that draw that will fail" for reason in found)]


def _drawn(spec: SearchSpec) -> Iterator[RecipeFields]:
    random = Random(0)
    for _ in range(DRAWS):
        point = spec.space.sample_any(random)
        if not spec.space.forbidden(point):
            yield spec.recipe_of(spec.space.completed(point))


def _can_misfit(recipe: RecipeFields) -> bool:
    given: str = recipe["preprocessing"]["name"]
    start: str = recipe["transfer"]["name"]
    return given == "given_mean_std" or start != "none"


def _missing_files(recipes: list[RecipeFields]) -> Iterator[str]:
    """Warn of files of weights that this machine does not have; nodes of a cluster may."""
    for recipe in recipes:
        file = recipe["transfer"].get("weights")
        if file and not Path(file).is_file():
            yield f"transfer.weights: {file} does not exist here; a trial that does not find it fails"


def _distinct(recipes: list[RecipeFields]) -> list[RecipeFields]:
    """Return recipes that can misfit for different reasons; those whose file is not here are left out."""
    chosen: list[RecipeFields] = []
    keys: list[Any] = []
    for recipe in recipes:
        transfer = {key: recipe["transfer"].get(key) for key in ("name", "weights", "stage")}
        network = [recipe["model"], recipe["normalization"]] if transfer["name"] != "none" else []
        key = [recipe["preprocessing"], transfer, network]
        absent = transfer["weights"] and not Path(transfer["weights"]).is_file()
        if _can_misfit(recipe) and not absent and key not in keys:
            keys.append(key)
            chosen.append(recipe)
    return chosen[:BUILT]


def _misfit(recipe: RecipeFields, info: DataInfo) -> str | None:
    from trainables.image_classifier import misfit  # imports torch

    return misfit(Recipe(recipe), info)
