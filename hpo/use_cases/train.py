"""Train an exported recipe once, without a search."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from hpo.core.errors import DiskFull, HpoError, UserError
from hpo.core.events import Reported
from hpo.core.fresh_seeds import SEARCH, FreshSeeds
from hpo.core.home import Home, SearchFolder
from hpo.core.json_values import JsonFields, JsonObject
from hpo.core.objective import Objective
from hpo.core.ports import TrainingTask
from hpo.core.shipped_model import ALL
from hpo.core.space import Point
from hpo.data.split import Split
from hpo.running.embedded_ray import local_gpus
from hpo.running.environment import TrainingEnvironment
from hpo.running.worker import Worker
from hpo.spec.data_fields import Data
from hpo.spec.hand_written import changed, spec_of, with_spec
from hpo.spec.recipe_files import RecipeFile, read_recipe
from hpo.spec.space_building import HORIZON
from hpo.use_cases.dataset.split_dataset import SplitDataset, split_dataset_of
from hpo.use_cases.dataset.staging import DataStaging
from hpo.use_cases.model.provenance import TrainingRecord, cut_of, training_records_of

Tell = Callable[[Reported], None]
"""Receives the report of every epoch."""


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """The result of one training.

    Attributes:
        epoch: The epoch that counts.
        metrics: Metrics of that epoch; those on the final part, if there is one, included.
        weights: File of the weights.
        sha256: Of that file.
    """

    epoch: int
    metrics: Mapping[str, float]
    weights: str
    sha256: str

    def to_json(self) -> JsonObject:
        """Return epoch, metrics and weights side by side, as a JSON value."""
        return {"epoch": self.epoch, **self.metrics, "weights": self.weights, "sha256": self.sha256}


def train_recipe(
    path: Path,
    *,
    home: Home,
    spec: Path | None = None,
    values: Point | None = None,
    watch: Tell | None = None,
) -> TrainedModel:
    """Train a recipe as its provenance says: data, split, seed and threads.

    A recipe written by hand has no provenance; a spec for the same trainable gives it.

    On the machine of the search the result has exactly the numbers of the model that was kept; of an
    ensemble, those of its first member.

    Args:
        path: The recipe file.
        home: Home for data and weights.
        spec: The spec of a recipe written by hand; None for the only one beside it.
        values: Values that replace those of the recipe, by dotted name.
        watch: Receives every epoch.

    Raises:
        UserError: If the file is not a recipe, or nothing says which data to train on.
        HpoError: If the training failed.
    """
    recipe = read_recipe(path)
    if (file := spec_of(path, spec)) is not None:
        recipe = with_spec(recipe, path, file)
    record = training_records(recipe, path)[0]
    if values:
        record = dataclasses.replace(record, recipe=changed(recipe, path, record.recipe, values))
    return train_again(recipe, path, record, home=home, watch=watch)


def training_records(recipe: RecipeFile, path: Path) -> tuple[TrainingRecord, ...]:
    """Return how each member of a recipe's model was trained.

    Raises:
        UserError: If its provenance does not say which data to train on, or its weights are a mean of
            several models'.
    """
    if "soup" in recipe.provenance:
        raise UserError(
            f"{path}: it is the mean of several models' weights and cannot be trained again; "
            "`hpo predict` uses them"
        )
    missing = [key for key in ("data", "seed", "objective") if key not in recipe.provenance]
    if missing:
        raise UserError(
            f"{path}: provenance lacks {', '.join(missing)}, so it cannot be trained; "
            "recipes that `hpo export` writes can"
        )
    return training_records_of(recipe, path)


def train_again(
    recipe: RecipeFile, path: Path, record: TrainingRecord, *, home: Home, watch: Tell | None = None
) -> TrainedModel:
    """Train one member's weights again; see `train_recipe`.

    Args:
        recipe: The file's content.
        path: The file.
        record: How the weights were trained.
        home: Home for data and weights.
        watch: Receives every epoch.
    """
    home.create()
    folder = SearchFolder(home.root / "trained" / path.stem)
    environment = _environment(recipe, record.split, path, home, folder)
    return _trained(Worker(environment), _task(recipe, record), environment, watch)


def _environment(
    recipe: RecipeFile, split: str, path: Path, home: Home, folder: SearchFolder
) -> TrainingEnvironment:
    provenance = recipe.provenance
    base = Path(provenance.get("base") or path.absolute().parent)
    try:
        data = Data.model_validate(provenance["data"])
        objective = Objective(**provenance["objective"])
    except (ValidationError, TypeError) as error:
        raise UserError(f"{path}: provenance cannot be used: {error}") from error
    dataset = split_dataset_of(data, base, home, cut_of(provenance))
    splits = _splits(provenance, split, dataset, path)
    staging = DataStaging.of(recipe.trainable, base, dataset.prepared.folder, splits, folder.root)
    device = str(provenance.get("device", "cpu"))
    return TrainingEnvironment(
        open=staging,
        folder=folder,
        objective=objective,
        device=device,
        threads=int(provenance.get("threads", 1)),
        processes=_processes(provenance, device),
        checkpoint_seconds=math.inf,
    )


def _processes(provenance: JsonFields, device: str) -> int:
    """Return the processes of the search's trainings, or 1 if this machine has fewer GPUs."""
    processes = int(provenance.get("processes", 1))
    return processes if device == "cpu" or processes <= local_gpus() else 1


def _splits(provenance: JsonFields, name: str, dataset: SplitDataset, path: Path) -> dict[str, Split]:
    """Return the search's own split, and the one that a member was trained on if it is another."""
    if name == ALL:
        return {SEARCH: dataset.split}
    rows = provenance.get("rows") or {}
    fresh = FreshSeeds(rows.get("folds"), rows.get("repeated", True))
    splits = dataset.splits(fresh, rows.get("seeds", 1))
    if name not in splits:
        raise UserError(f"{path}: provenance names a split that its data does not have: {name}")
    return {key: splits[key] for key in (SEARCH, name)}


def _task(recipe: RecipeFile, record: TrainingRecord) -> TrainingTask:
    horizon = record.recipe.get(HORIZON) or recipe.provenance.get("horizon")
    if not isinstance(horizon, int):
        raise UserError(f"the recipe lacks {HORIZON}, the length of its training")
    return TrainingTask(
        0,
        1,
        record.recipe,
        record.seed,
        horizon,
        keep_weights=True,
        split=record.split,
        until=record.until,
        averages=record.averages,
    )


def _trained(
    worker: Worker, task: TrainingTask, environment: TrainingEnvironment, tell: Tell | None
) -> TrainedModel:
    """Train to the last epoch, and return the epoch that counts."""
    objective, counts, value = environment.objective, None, math.nan
    worker.start(task)
    while True:
        message = worker.advance()
        for report in message.reports:
            if tell:
                tell(report)
            now = objective.standing(value, report.metrics.get(objective.key, math.nan))
            if counts is None or now != value or objective.at == "last" or task.until:
                counts, value = report, now
        if message.full:
            raise DiskFull(message.full, environment.folder.root)
        if message.lost:
            raise HpoError(f"the training ended: {message.lost}")
        if message.failure:
            raise HpoError(f"the training failed ({message.failure[0]}): {message.failure[1]}")
        if message.weights[0]:
            worker.abandon()
            worker.close()
            break
    assert counts is not None
    file, sha256 = message.weights
    metrics = {**counts.metrics, **message.scores}
    return TrainedModel(counts.epoch, metrics, str(environment.folder.weights / file), sha256)
