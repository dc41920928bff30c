"""What is examined: a trainable with a recipe and rows, from a spec or from a recipe file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from hpo.core.errors import UserError
from hpo.core.grammar import Grammar
from hpo.core.home import Home
from hpo.core.json_values import RecipeFields
from hpo.core.learning_rates import USUAL_LEARNING_RATES
from hpo.core.recipe import Recipe
from hpo.core.space import Point, Space, Uniform
from hpo.core.trainable import Examples, Metric, Trainable
from hpo.data.examples import open_examples
from hpo.spec import SearchSpec
from hpo.spec.data_fields import Data
from hpo.spec.hand_written import changed, spec_of, with_spec
from hpo.spec.recipe_files import RecipeFile, code_folder, read_recipe
from hpo.spec.space_building import HORIZON
from hpo.use_cases.dataset.split_dataset import SplitDataset, split_dataset_of
from hpo.use_cases.dataset.staging import load_trainable
from hpo.use_cases.model.provenance import cut_of
from hpo.use_cases.search import assembly

RATE = "learning_rate"


@dataclass(frozen=True)
class Subject:
    """A trainable with a recipe and development rows.

    Attributes:
        trainable: The training code.
        recipe: The complete recipe.
        train: The training rows.
        validation: The validation rows.
        seed: Source of randomness.
        device: ``cpu`` or ``cuda``.
        threads: Threads of a training.
        space: The searched hyperparameters; without any for a single recipe.
        start: The point of the recipe.
        recipe_of: Returns the recipe of another point; raises ValueError if it is not legal.
        digest: Of the spec or the recipe, by which the result is found again.
        horizon: Epochs of a full training; None if nothing says so.
        metric: The objective's metric; empty for the first one of the trainable.
    """

    trainable: Trainable
    recipe: Recipe
    train: Examples
    validation: Examples
    seed: int
    device: str
    threads: int
    space: Space
    start: Point
    recipe_of: Callable[[Point], RecipeFields]
    digest: str
    horizon: int | None = None
    metric: str = ""

    @property
    def rates(self) -> tuple[float, float]:
        """Lowest and highest learning rate of the space as multiples of the recipe's; 1 and 1 if fixed."""
        parameter, rate = self.space.by_name.get(RATE), self.start.get(RATE)
        if parameter is None or not isinstance(parameter.domain, Uniform) or not rate:
            return 1.0, 1.0
        return parameter.domain.low / rate, parameter.domain.high / rate

    @property
    def measured(self) -> Metric:
        """The objective's metric as the trainable declares it."""
        declared = {metric.name: metric for metric in reversed(self.trainable.metrics)}
        return declared.get(self.metric, self.trainable.metrics[0])

    @property
    def grammar(self) -> Grammar:
        """What recipes can contain."""
        return self.trainable.grammar


def subject_of_spec(spec: SearchSpec, home: Home, values: Point, point: Point | None = None) -> Subject:
    """Return the recipe that a search of a spec would try first.

    Args:
        spec: The spec.
        home: Where the development part is kept.
        values: Values that replace those of the recipe, by dotted name.
        point: Another point than the one that a search would try first.

    Raises:
        UserError: If a value is not legal, or the data cannot be read.
    """
    return _subject(spec, home, {**(_first_point(spec) if point is None else point), **values})


def _first_point(spec: SearchSpec) -> Point:
    point = spec.start_from[0] if spec.start_from else assembly.searcher_of(spec).ask(0)
    return _usual_rate(spec, point or {})


def _subject(spec: SearchSpec, home: Home, point: Point) -> Subject:
    try:
        recipe = Recipe(spec.recipe_of(point))
    except ValueError as error:
        raise UserError(f"--set: {error}") from error
    train, validation = _rows(split_dataset_of(spec.data, spec.base, home.create()))
    return Subject(
        load_trainable(spec.trainable, spec.base),
        recipe,
        train,
        validation,
        spec.seed,
        "cuda" if spec.resources.gpus else "cpu",
        spec.resources.threads,
        spec.space,
        point,
        spec.recipe_of,
        spec.digest,
        spec.horizon,
        spec.objective.metric,
    )


def _usual_rate(spec: SearchSpec, point: Point) -> Point:
    """Return a point at the usual learning rate of its optimizer, as far as the space allows.

    The sampler's first point may have one at which no network learns, which says nothing about the network.
    """
    parameter = spec.space.by_name.get(RATE)
    optimizer = point.get("optimizer", spec.recipe.get("optimizer", {}))
    name = optimizer if isinstance(optimizer, str) else optimizer.get("name")
    usual = USUAL_LEARNING_RATES.get(str(name))
    if spec.start_from or parameter is None or usual is None or not isinstance(parameter.domain, Uniform):
        return point
    low, high = parameter.domain.low, parameter.domain.high
    return {**point, RATE: min(max(usual, low), high)}


def subject_of_recipe(path: Path, home: Home, spec: Path | None, values: Point) -> Subject:
    """Return a recipe with the data that its provenance, or a spec, names.

    Args:
        path: The recipe file.
        home: Where the development part is kept.
        spec: The spec of a recipe written by hand; None for the only one beside it.
        values: Values that replace those of the recipe, by dotted name.

    Raises:
        UserError: If the file is not a recipe, or nothing says which data to use.
    """
    file = read_recipe(path)
    if (beside := spec_of(path, spec)) is not None:
        file = with_spec(file, path, beside)
    choices: RecipeFields = changed(file, path, file.recipe, values) if values else file.recipe
    provenance, recipe = file.provenance, Recipe(choices)
    train, validation = _rows(dataset_of_recipe(file, path, home))
    return Subject(
        load_trainable(file.trainable, code_folder(file.trainable, path, provenance)),
        recipe,
        train,
        validation,
        int(provenance.get("seed", 0)),
        str(provenance.get("device", "cpu")),
        int(provenance.get("threads", 1)),
        Space(()),
        {},
        lambda point: recipe.to_dict(),
        recipe.digest,
        recipe.get(HORIZON) or provenance.get("horizon"),
        (provenance.get("objective") or {}).get("metric", ""),
    )


def dataset_of_recipe(file: RecipeFile, path: Path, home: Home) -> SplitDataset:
    """Read and split the data that a recipe was trained on.

    Raises:
        UserError: If its provenance does not name it.
    """
    provenance = file.provenance
    if "data" not in provenance:
        raise UserError(f"{path}: provenance does not say which data it was trained on")
    try:
        data = Data.model_validate(provenance["data"])
    except ValidationError as error:
        raise UserError(f"{path}: provenance cannot be used: {error}") from error
    base = Path(provenance.get("base") or path.absolute().parent)
    return split_dataset_of(data, base, home.create(), cut_of(provenance))


def _rows(dataset: SplitDataset) -> tuple[Examples, Examples]:
    folder, split = dataset.prepared.folder, dataset.split
    return open_examples(folder, split.train), open_examples(folder, split.validation)
