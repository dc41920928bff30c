"""Try one recipe of a spec in this process, and find out what a search would find out later.

It trains an epoch or two on a share of the data. Then its weights are loaded and scored in another
process, it is continued from its checkpoint, and trained again on the same seed. No test row is read.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.fresh_seeds import SEARCH
from hpo.core.home import Home, SearchFolder
from hpo.core.json_values import RecipeFields
from hpo.core.seeds import derive
from hpo.core.space import Point
from hpo.data.split import Split
from hpo.spec import SearchSpec
from hpo.spec.overview import budget_forecast
from hpo.use_cases.dataset.split_dataset import split_dataset_of
from hpo.use_cases.dataset.staging import DataStaging
from hpo.use_cases.health import saved_results
from hpo.use_cases.health.attempt import Attempt
from hpo.use_cases.health.tried_training import FurtherChecks, TriedTraining
from hpo.use_cases.search import assembly
from hpo.use_cases.search.capacity import local_cpus

SHARE, LEAST_ROWS = 0.1, 200
"""Share of the rows of each part that is used, and the rows up to which all are."""

NO_DATA = "none"
"""Kind of the rows that stand in for the data of a script that reads its own."""


def try_recipe(
    spec: SearchSpec,
    *,
    home: Home,
    values: Point | None = None,
    debug: Callable[[BaseException], None] | None = None,
    further: FurtherChecks | None = None,
) -> Attempt:
    """Try the recipe that a search of a spec would try first.

    Args:
        spec: The spec.
        home: Where the development part is kept.
        values: Values that replace those of the recipe, by dotted name.
        debug: Called with an exception of the training's own code, such as a debugger.
        further: More checks of a training that reported; their findings come last.

    Raises:
        UserError: If a value is not legal, or the data cannot be read.
    """
    recipe = _recipe(spec, values or {})
    dataset = split_dataset_of(spec.data, spec.base, home.create())
    whole = dataset.split
    split = Split(_some(whole.train, spec.seed), _some(whole.validation, spec.seed))
    rows = {
        "train": (len(split.train), len(whole.train)),
        "validation": (len(split.validation), len(whole.validation)),
    }
    with tempfile.TemporaryDirectory(prefix="hpo-try-") as scratch:
        folder = SearchFolder(Path(scratch))
        data = dataset.prepared.folder
        staging = DataStaging.of(spec.trainable, spec.base, data, {SEARCH: split}, folder.root)
        environment = assembly.environment_of(spec, staging, folder)
        trial = TriedTraining(spec, recipe, environment, staging, debug)
        findings = (*trial.findings(), *(trial.further(further) if further else ()))
    seconds = trial.seconds * len(whole.train) / len(split.train)
    search = _search_seconds(spec, seconds)
    shown = {} if dataset.prepared.info.kind == NO_DATA else rows
    attempt = Attempt(recipe, trial.metrics, shown, findings, seconds, search, trial.error)
    if not values:
        saved_results.save(home, spec.digest, "try", attempt.to_json())
    return attempt


def _recipe(spec: SearchSpec, values: Point) -> RecipeFields:
    point = spec.start_from[0] if spec.start_from else assembly.searcher_of(spec).ask(0)
    try:
        return spec.recipe_of({**(point or {}), **values})
    except ValueError as error:
        raise UserError(f"--set: {error}") from error


def _some(rows: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Return a share of rows, drawn at random and in their order."""
    count = min(len(rows), max(LEAST_ROWS, math.ceil(SHARE * len(rows))))
    drawn = np.random.default_rng(derive(seed, "try")).choice(len(rows), count, replace=False)
    return rows[np.sort(drawn)]


def _search_seconds(spec: SearchSpec, epoch_seconds: float) -> float:
    forecast = budget_forecast(spec)
    if forecast is None:
        return math.nan
    at_once = max(1, int(local_cpus() / spec.resources.cpus))
    at_once = min(at_once, spec.resources.trials_at_once or at_once)
    return (forecast.epochs + forecast.reserved) * epoch_seconds / at_once
