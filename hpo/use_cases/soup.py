"""Average the weights of models that were fine-tuned from one root: a model soup.

Models that start from the same weights often end in one basin, so that the mean of their weights is a
model, at the cost of one, and often a better one (Wortsman et al., "Model soups: averaging weights of
multiple fine-tuned models improves accuracy without increasing inference time", ICML 2022). The
ingredients are the finalists' fresh trainings. The test part stays sealed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from hpo.core.errors import UserError
from hpo.core.events import End, SoupMade
from hpo.core.file_digest import sha256_of
from hpo.core.fresh_seeds import SEARCH, FreshSeeds
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.json_values import JsonObject
from hpo.core.recipe import Recipe
from hpo.core.trainable import Arrays, Averages
from hpo.core.training_state import Training
from hpo.data import prepared
from hpo.ledger.searches import open_ledger, read_history
from hpo.metrics.assessment import assess
from hpo.running import checkpoints
from hpo.running.environment import TrainingData
from hpo.running.weight_mean import WeightMean
from hpo.spec import SearchSpec, parse_spec
from hpo.spec.recipe_files import RecipeFile, recipe_text
from hpo.use_cases.dataset.staging import DataStaging
from hpo.use_cases.export import weights_beside
from hpo.use_cases.model.winning_recipe import recipe_file
from trainables.registry import SHIPPED

Rule = Literal["greedy", "uniform"]

FILE = "soup.safetensors"

SOUP = "soup"
"""Key of a recipe's provenance that lists the models whose weights were averaged."""

NETWORK = ("model", "activation", "normalization", "preprocessing", "image_size")
"""What finalists of a shipped trainable must have in common."""


@dataclass(frozen=True, slots=True)
class Ingredient:
    """One fine-tuned model.

    Attributes:
        trial: Its trial.
        replicate: Its replicate.
        value: The objective on validation rows.
        used: Whether its weights are in the mean.
    """

    trial: int
    replicate: int
    value: float
    used: bool


@dataclass(frozen=True, slots=True)
class Soup:
    """A mean of weights, and how it compares.

    Attributes:
        metric: The metric, on validation rows.
        rule: ``greedy``: a model is added, best first, if the mean gets no worse; ``uniform``: all are.
        value: The mean's value; of a greedy soup it is chosen on the same rows, and thus optimistic.
        ingredients: The models, best first.
        path: The recipe file; its weights lie beside it.
    """

    metric: str
    rule: Rule
    value: float
    ingredients: tuple[Ingredient, ...]
    path: str

    def to_json(self) -> JsonObject:
        """Return the result as a JSON value."""
        return dataclasses.asdict(self)


def average_finalists(name: str, *, home: Home, out: Path, rule: Rule = "greedy") -> Soup:
    """Average the weights of a search's fine-tuned finalists, and write the model with its recipe.

    Args:
        name: The search.
        home: Home of the search.
        out: Recipe file to write; the weights are written beside it.
        rule: Which models are averaged.

    Raises:
        UserError: If there is no such search, its finalists are not trained, were not fine-tuned from the
            same weights, or have different networks.
    """
    ledger = open_ledger(name, home)
    history = read_history(ledger)
    trainings = _trainings(name, history)
    assert history.opened is not None
    spec = parse_spec(history.opened.spec, source=name)
    pot = _Pot.of(spec, home, name, history.opened.split["data"], trainings)
    ranked = sorted(trainings, key=lambda t: -spec.objective.rising(pot.value_of([t])))
    used = ranked if rule == "uniform" else _greedy(pot, ranked)
    weights, value = pot.mean_of(used), pot.value_of(used)
    ingredients = tuple(Ingredient(t.trial, t.replicate, pot.value_of([t]), t in used) for t in ranked)
    soup = Soup(spec.objective.metric, rule, value, ingredients, str(out))
    try:
        sha256 = checkpoints.write(weights_beside(out) / FILE, weights)
        file = recipe_file(spec, name, history, home)
        out.write_text(recipe_text(_described(file, soup, ranked[0], sha256)))
    except OSError as error:
        raise UserError(f"--out {out}: {error.strerror}") from error
    ledger.append([_recorded(soup, used, sha256)])
    return soup


def _recorded(soup: Soup, used: Sequence[Training], sha256: str) -> SoupMade:
    """Return the event by which an audit knows the files of a soup."""
    path = Path(soup.path).absolute()
    return SoupMade(
        path=str(path),
        recipe_sha256=sha256_of(path),
        weights=str(weights_beside(path) / FILE),
        sha256=sha256,
        rule=soup.rule,
        metric=soup.metric,
        value=soup.value,
        members=tuple(training.key for training in used),
    )


def _greedy(pot: _Pot, ranked: Sequence[Training]) -> list[Training]:
    """Return the models whose mean is no worse than without them, tried best first."""
    used = [ranked[0]]
    for training in ranked[1:]:
        rising = pot.spec.objective.rising
        if rising(pot.value_of([*used, training])) >= rising(pot.value_of(used)):
            used.append(training)
    return used


def _trainings(name: str, history: History) -> list[Training]:
    """Return the finalists' fresh trainings, if their weights can be averaged."""
    assert history.opened is not None
    finalists = history.finalists.trials if history.finalists else ()
    trainings = [t for trial in finalists for t in history.replicates(trial) if t.end is End.FINISHED]
    if history.winner is None or len(trainings) < 2:
        raise UserError(
            f"{name} has {len(trainings)} trained finalists, and at least 2 are averaged; more: "
            "finalists.count, finalists.seeds"
        )
    if FreshSeeds.of(history.opened.spec).folds is not None:
        raise UserError(f"{name}: with finalists.folds each model was trained on validation rows of others")
    if history.opened.spec["trainable"] in SHIPPED:
        _check_root(name, trainings)
    return trainings


def _check_root(name: str, trainings: Sequence[Training]) -> None:
    """Check that models of a shipped trainable start from one file and have one network."""
    roots = {(t.recipe.get("transfer") or {}).get("weights") for t in trainings}
    if None in roots or len(roots) > 1:
        raise UserError(
            f"{name}: its finalists were not fine-tuned from the same weights (recipe.transfer.weights), "
            "and a mean of unrelated weights is not a model"
        )
    for group in NETWORK:
        if any(t.recipe.get(group) != trainings[0].recipe.get(group) for t in trainings):
            raise UserError(f"{name}: its finalists differ in {group}, so their weights cannot be averaged")


@dataclass(frozen=True)
class _Pot:
    """Averages weights and scores them on validation rows.

    Attributes:
        spec: The search's spec.
        trainable: Its trainable.
        parts: Its training and validation rows.
        weights: Each training's weights.
        values: Values known so far, by the trainings whose mean they are of.
    """

    spec: SearchSpec
    trainable: Any
    parts: TrainingData
    weights: Mapping[tuple[int, int], Arrays]
    values: dict[frozenset[tuple[int, int]], float] = field(default_factory=dict)

    @classmethod
    def of(
        cls, spec: SearchSpec, home: Home, name: str, fingerprint: str, trainings: Sequence[Training]
    ) -> _Pot:
        """Open the data that a search was trained on, as its home keeps it, and its trainings' weights."""
        folder, data = home.search(name), home.data(fingerprint)
        if prepared.read(data) is None:
            raise UserError(
                f"{name}: {home.root} no longer holds its data; `hpo resume {name}` reads it again"
            )
        stage = DataStaging(spec.trainable, spec.base, data, folder.root / "splits")()
        if not isinstance(stage.trainable, Averages):
            raise UserError(f"{name}: {spec.trainable} has no method `average`, which completes a mean")
        read = {t.key: checkpoints.read(folder.weights / Path(t.weights).name, t.sha256) for t in trainings}
        return cls(spec, stage.trainable, stage.parts(SEARCH), read)

    def mean_of(self, trainings: Sequence[Training]) -> Arrays:
        """Return the mean weights of trainings, with statistics of norms from the training rows."""
        first = trainings[0]
        if len(trainings) == 1:
            return self.weights[first.key]
        recipe, mean = Recipe(first.recipe), WeightMean(0)
        for training in trainings:
            mean.add(1, self.trainable.load(recipe, self.weights[training.key], self.parts.train.info))
        completed: Arrays = self.trainable.average(
            recipe, mean.arrays(), self.parts.train, _Context(first.seed)
        )
        return completed

    def value_of(self, trainings: Sequence[Training]) -> float:
        """Return the objective of their mean on the validation rows."""
        keys = frozenset(training.key for training in trainings)
        if keys not in self.values:
            part, weights = self.parts.validation, self.mean_of(trainings)
            model = self.trainable.load(Recipe(trainings[0].recipe), weights, part.info)
            self.values[keys] = assess(self.trainable, [model], part).values[self.spec.objective.metric]
        return self.values[keys]


@dataclass(frozen=True)
class _Context:
    """What `average` sees of a training: its seed."""

    seed: int
    horizon: int = 1
    device: str = "cpu"
    threads: int = 1
    distributed: None = None

    def epochs(self) -> Iterator[int]:
        """Yield nothing: there is nothing to train."""
        return iter(())

    def restored(self) -> None:
        """Return nothing: there is no checkpoint."""

    def report(self, *_: Any) -> None:
        """Do nothing with a report."""


def _described(file: RecipeFile, soup: Soup, best: Training, sha256: str) -> RecipeFile:
    """Return the recipe of the best model, with the provenance of the mean."""
    used = [ingredient for ingredient in soup.ingredients if ingredient.used]
    member = {
        "trial": best.trial,
        "replicate": best.replicate,
        "seed": best.seed,
        "split": best.split,
        "until": None,
        "averages": 0,
        "file": FILE,
        "sha256": sha256,
        "score": {"metric": f"validation/{soup.metric}", "value": soup.value},
    }
    model = {
        "kind": "soup",
        "reason": f"the mean weights of {len(used)} models that were fine-tuned from the same weights",
        "digest": sha256,
        "folder": str(weights_beside(Path(soup.path)).absolute()),
        "members": [member],
    }
    changed = {
        "model": model,
        "weights": {"file": FILE, "sha256": sha256},
        "validation": {"mean": soup.value, "std": None, "n": 1, "this_model": soup.value},
        "test": None,
        SOUP: [dataclasses.asdict(ingredient) for ingredient in used],
    }
    return RecipeFile(file.trainable, best.recipe, {**file.provenance, **changed})
