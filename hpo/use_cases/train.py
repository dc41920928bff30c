"""One plain training of an exported recipe, without a search."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hpo.core.errors import DiskFull, HpoError, UserError
from hpo.core.events import Reported
from hpo.core.fresh_seeds import SEARCH, FreshSeeds
from hpo.core.home import Home, SearchFolder
from hpo.core.objective import Objective
from hpo.core.ports import TrainingTask
from hpo.core.shipped_model import ALL
from hpo.data.split import Split
from hpo.running.environment import TrainingEnvironment
from hpo.running.worker import Worker
from hpo.spec.fields import Data
from hpo.spec.recipe_files import RecipeFile, read_recipe
from hpo.spec.space_building import HORIZON
from hpo.use_cases.dataset.split_dataset import SplitDataset, split_dataset_of
from hpo.use_cases.dataset.staging import DataStaging
from hpo.use_cases.model.provenance import TrainingRecord, training_records_of

Tell = Callable[[Reported], None]


def train_recipe(path: Path, *, home: Home, watch: Tell | None = None) -> dict[str, Any]:
    """Train a recipe as its provenance says: data, split, seed and threads.

    On the machine that it comes from it gives the very numbers of the model that was kept; of an
    ensemble, those of its first member.

    Args:
        path: The recipe file.
        home: Where data and weights are kept.
        watch: Told of every epoch.

    Returns:
        The metrics of the epoch that counts, on the final part as well if the data has one, that
        epoch, and where the weights were written.

    Raises:
        UserError: If the file is no recipe, or does not say on what to train.
        HpoError: If the training failed.
    """
    recipe = read_recipe(path)
    return train_again(recipe, path, training_records(recipe, path)[0], home=home, watch=watch)


def training_records(recipe: RecipeFile, path: Path) -> tuple[TrainingRecord, ...]:
    """How each member of a recipe's model was made.

    Raises:
        UserError: If its provenance does not say on what to train.
    """
    said = recipe.provenance
    missing = [key for key in ("data", "seed", "objective") if key not in said]
    if missing:
        raise UserError(
            f"{path}: provenance does not say {', '.join(missing)}, so there is nothing to train on; "
            "`hpo export` writes recipes that do"
        )
    return training_records_of(recipe, path)


def train_again(
    recipe: RecipeFile, path: Path, making: TrainingRecord, *, home: Home, watch: Tell | None = None
) -> dict[str, Any]:
    """Make one member's weights again; see `train_recipe`.

    Args:
        recipe: The file's content.
        path: The file.
        making: How the weights were made.
        home: Where data and weights are kept.
        watch: Told of every epoch.
    """
    home.create()
    folder = SearchFolder(home.root / "trained" / path.stem)
    place = _workplace(recipe, making.split, path, home, folder)
    return _trained(Worker(place), _order(recipe, making), place, watch)


def _workplace(
    recipe: RecipeFile, split: str, path: Path, home: Home, folder: SearchFolder
) -> TrainingEnvironment:
    said = recipe.provenance
    base = Path(said.get("base") or path.absolute().parent)
    try:
        data = Data.model_validate(said["data"])
        objective = Objective(**said["objective"])
    except (ValidationError, TypeError) as error:
        raise UserError(f"{path}: provenance cannot be used: {error}") from error
    material = split_dataset_of(data, base, home)
    splits = _splits(said, split, material, path)
    staging = DataStaging.of(recipe.trainable, base, material.prepared.folder, splits, folder.root)
    return TrainingEnvironment(
        open=staging,
        folder=folder,
        objective=objective,
        device=str(said.get("device", "cpu")),
        threads=int(said.get("threads", 1)),
        checkpoint_seconds=math.inf,
    )


def _splits(said: Mapping[str, Any], name: str, material: SplitDataset, path: Path) -> dict[str, Split]:
    """The search's own split, and the one that a member was trained on if it is another."""
    if name == ALL:
        return {SEARCH: material.split}
    rows = said.get("rows") or {}
    fresh = FreshSeeds(rows.get("folds"), rows.get("repeated", True))
    known = material.splits(fresh, rows.get("seeds", 1))
    if name not in known:
        raise UserError(f"{path}: provenance names rows that are no split of its data: {name}")
    return {each: known[each] for each in (SEARCH, name)}


def _order(recipe: RecipeFile, making: TrainingRecord) -> TrainingTask:
    horizon = making.recipe.get(HORIZON) or recipe.provenance.get("horizon")
    if not isinstance(horizon, int):
        raise UserError(f"the recipe does not say {HORIZON}, so nobody knows how long to train it")
    return TrainingTask(
        0,
        1,
        making.recipe,
        making.seed,
        horizon,
        keep_weights=True,
        split=making.split,
        until=making.until,
        averages=making.averages,
    )


def _trained(
    worker: Worker, order: TrainingTask, place: TrainingEnvironment, tell: Tell | None
) -> dict[str, Any]:
    """Train to the last epoch, and say how the epoch went that counts."""
    objective, counts, value = place.objective, None, math.nan
    worker.start(order)
    while True:
        message = worker.advance()
        for report in message.reports:
            if tell:
                tell(report)
            now = objective.standing(value, report.metrics.get(objective.key, math.nan))
            if counts is None or now != value or objective.at == "last" or order.until:
                counts, value = report, now
        if message.full:
            raise DiskFull(message.full, place.folder.root)
        if message.failure:
            raise HpoError(f"the training failed ({message.failure[0]}): {message.failure[1]}")
        if message.weights[0]:
            worker.abandon()
            break
    assert counts is not None
    weights = place.folder.weights / message.weights[0]
    found = {"epoch": counts.epoch, **counts.metrics, **message.scores}
    return {**found, "weights": str(weights), "sha256": message.weights[1]}
