"""The interface for code that trains: the shipped trainables' and a user's own.

A trainable is an object with four names (`Trainable`). It is handed a recipe, two parts of the
data and a `Context`, and trains one epoch after the other, showing its `Model` to the context
after each. A minimal one::

    class Ridge:
        grammar = Grammar((Hyperparameter("alpha", "float", 1.0, low=0),))
        metrics = (Metric("error", "min"),)

        def train(self, recipe, train, validation, context):
            for _ in context.epochs():
                model = fit(recipe["alpha"], train)
                context.report({"validation/error": error(model, validation)}, model)

        def load(self, recipe, weights, info):
            return RidgeModel(weights["w"])

        def score(self, outputs, targets):
            return {"error": abs(outputs - targets).mean()}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from hpo.core.grammar import Grammar
from hpo.core.objective import Mode
from hpo.core.recipe import Recipe

Array = Any
"""A numpy array; core names no array library."""

Arrays = Mapping[str, Array]
"""Named numpy arrays: a model's weights, or all that a training needs to go on."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A quantity by which models are compared.

    Attributes:
        name: Its name in objectives and scores, such as ``accuracy``.
        mode: Which direction is better.
        proportion: Whether it is the share of examples that have a property (accuracy, error),
            so that its interval is that of a binomial share.
    """

    name: str
    mode: Mode
    proportion: bool = False


@dataclass(frozen=True)
class DataInfo:
    """What is known of a data set without looking at an example.

    Attributes:
        kind: ``image``, ``table`` or ``array``.
        task: ``classification`` or ``regression``.
        shape: Shape of one example's inputs: (height, width, channels) of an image, (columns,).
        classes: Names of the classes, in the order of their labels; empty for regression.
        columns: Column names of a table; empty otherwise.
        categories: For each categorical column, its values in the order of their codes.
        practice: Whether it is shipped practice data, whose test score is no scientific claim.
    """

    kind: str
    task: str
    shape: tuple[int, ...]
    classes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    practice: bool = False


@dataclass(frozen=True)
class Examples:
    """One part of a data set: shared arrays and the rows that belong to the part.

    Attributes:
        inputs: Array [n, ...] of every development example: uint8 [n, height, width, channels]
            for images, float32 [n, columns] for tables (NaN where a value is missing, codes in
            categorical columns). It is shared by all workers of a node and must not be written.
        targets: Array [n]: int64 labels, or float32 values for regression.
        rows: int64 array of the rows of this part, in a fixed order.
        info: What the data set is.
    """

    inputs: Array
    targets: Array
    rows: Array
    info: DataInfo

    def __len__(self) -> int:
        return len(self.rows)


class Model(Protocol):
    """A trained network that can be kept and asked."""

    def weights(self) -> Arrays:
        """Everything `Trainable.load` needs besides the recipe, as numpy arrays."""
        ...

    def predict(self, examples: Examples) -> Array:
        """Outputs for examples never seen, in their order: an array [len(examples), ...].

        Of classes either scores [n, classes], of which the largest names the class, or labels [n];
        of regression values [n].
        """
        ...


class Context(Protocol):
    """What a training is handed besides its recipe and data.

    Attributes:
        seed: Source of all randomness of this training.
        horizon: Epochs of a full training; schedules stretch to it.
        device: ``cpu`` or ``cuda``.
        threads: Threads the training may use.
    """

    seed: int
    horizon: int
    device: str
    threads: int

    def epochs(self) -> Iterator[int]:
        """Epochs to train, counted from 1; a resumed training starts after its checkpoint."""
        ...

    def restored(self) -> Arrays | None:
        """What the last checkpoint kept, or None at a fresh start. Read it before `epochs`."""
        ...

    def report(
        self, metrics: Mapping[str, float], model: Model, state: Callable[[], Arrays] | None = None
    ) -> None:
        """Say how the epoch went; does not return if the trial is to stop.

        Args:
            metrics: Names with their part, such as ``validation/accuracy`` and ``train/loss``.
            model: The network as it is now; its weights are read only if they are to be kept.
            state: Gives all that is needed to go on later; called only when a checkpoint is due.
                Without it an interrupted trial starts again.
        """
        ...


class Trainable(Protocol):
    """Code that trains a recipe.

    It may have more: `Averages` for a search that ships averaged weights, `Combines` for one that
    ships an ensemble, `AssessesExamples` for predictions with probabilities.

    Attributes:
        grammar: What its recipes may say.
        metrics: What it reports on validation data as ``validation/<name>``, and what `score`
            returns; the first is the default objective.
    """

    grammar: Grammar
    metrics: tuple[Metric, ...]

    def train(self, recipe: Recipe, train: Examples, validation: Examples, context: Context) -> None:
        """Train epoch by epoch, reporting after each."""
        ...

    def load(self, recipe: Recipe, weights: Arrays, info: DataInfo) -> Model:
        """Build the model a training had, from its weights."""
        ...

    def score(self, outputs: Array, targets: Array) -> Mapping[str, float]:
        """Value of every metric for a model's outputs on examples with known targets."""
        ...


@runtime_checkable
class Averages(Protocol):
    """A trainable whose weights can be averaged along a training."""

    def average(self, recipe: Recipe, mean: Arrays, train: Examples, context: Context) -> Arrays:
        """Make the mean of several epochs' weights a model's weights.

        Args:
            recipe: Of the training.
            mean: The plain mean of every array of floats; of the others the last one.
            train: From which is taken anew what is no mean of its kind, such as the statistics of
                batch norms.
            context: Of the training.
        """
        ...


@runtime_checkable
class Combines(Protocol):
    """A trainable whose models can predict together."""

    def combine(self, outputs: Sequence[Array]) -> Array:
        """The outputs of an ensemble, from those of its members on the same examples.

        They mean what a single model's mean: what `Trainable.score` takes.
        """
        ...


@runtime_checkable
class AssessesExamples(Protocol):
    """A trainable whose outputs tell how probable each class is."""

    def probabilities(self, outputs: Array) -> Array | None:
        """Probabilities [n, classes] from a model's outputs; None where they tell of no classes."""
        ...


EXTRAS = ("average", "combine", "probabilities")
"""Methods that a trainable may have besides those of `Trainable`."""
