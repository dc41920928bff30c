"""The interface of training code, shipped or the user's own.

A trainable is an object with five attributes: the four of `Trainable`, and `score` or `evaluate`. It
receives a recipe, two parts of the data and a `Context`, and trains epoch by epoch, reporting to the
context with its `Model` after each. `hpo.trainable` makes such an object of a function. A minimal
example::

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
from pathlib import Path
from typing import Any, Protocol, get_args, runtime_checkable

from hpo.core.distributed import Distributed
from hpo.core.grammar import Grammar
from hpo.core.objective import Mode
from hpo.core.recipe import Recipe

Array = Any
"""A numpy array; this package does not import numpy."""

Arrays = Mapping[str, Array]
"""Named numpy arrays: a model's weights, or the state from which a training continues."""


AS_FLOATS = "arrays as float32"
"""Argument of a user's source in searches that were recorded before arrays kept their types."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A quantity by which models are compared.

    Attributes:
        name: Its name in objectives and scores, such as ``accuracy``.
        mode: Which direction is better.
        proportion: Whether it is the share of examples with some property (accuracy, error), so that
            its interval is that of a binomial proportion.
    """

    name: str
    mode: Mode
    proportion: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be compared by.

        Raises:
            ValueError: If the name is empty, or the mode is not ``max`` or ``min``.
        """
        if not isinstance(self.name, str) or not self.name.strip():
            raise ValueError(f"the name of a metric must be a text, not {self.name!r}")
        if self.mode not in get_args(Mode):
            raise ValueError(f"metric {self.name}: mode {self.mode!r} does not exist; legal: max, min")


@dataclass(frozen=True)
class DataInfo:
    """What is known about a data set without reading examples.

    Attributes:
        kind: ``image``, ``table`` or ``array``; ``items`` of a map-style data set; ``stream`` of consecutive
            blocks of a sequence of tokens.
        task: ``classification`` or ``regression``; ``other`` if targets are not one number per row.
        shape: Shape of one example's inputs: (height, width, channels) of an image, (columns,).
        classes: Names of the classes, in the order of their labels; empty for regression.
        columns: Column names of a table, also of one with texts, which is ``items``; empty otherwise.
        categories: For each categorical column, its values in the order of their codes.
        practice: Whether it is shipped practice data, whose test score is not a scientific claim.
        fields: Of ``items``, the type of each field of an item: ``tensor``, ``array``, ``int``,
            ``float``, ``bool`` or ``str``; ``tensor, varying`` or ``array, varying`` where items differ in
            shape; fields of a tuple are named 0, 1, ...
        target: Of ``items``, the name of the field that is the target.
        scaling: For numeric columns whose differences float32 would lose, what was subtracted from them,
            and by what they were then divided.
        bits: Of images, the bits per channel of stored pixels of 16 bits that are used, the lowest ones.
        ground: Of images, the colour on which transparent pixels were put; empty if transparency was ignored.
    """

    kind: str
    task: str
    shape: tuple[int, ...]
    classes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    practice: bool = False
    fields: Mapping[str, str] = field(default_factory=dict)
    target: str = ""
    scaling: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    bits: int = 16
    ground: str = ""

    @property
    def texts(self) -> tuple[str, ...]:
        """Columns of a table that hold texts, not categories."""
        return tuple(
            name for name in self.columns if self.fields.get(name) == "str" and name not in self.categories
        )


@dataclass(frozen=True)
class Examples:
    """One part of a data set: shared arrays and the rows of the part.

    Attributes:
        inputs: Array [n, ...] of every development example: uint8 [n, height, width, channels]
            for images, float32 [n, columns] for tables (NaN where a value is missing, codes in
            categorical columns); structured if items have several inputs. It is shared by all
            workers of a node and must not be modified.
        targets: Array [n]: int64 labels, or float32 values for regression (float64 where
            float32 would lose their differences); of any shape and type for other tasks.
        rows: int64 array of the rows of this part, in a fixed order.
        info: Description of the data set.
        groups: Group of every development example, [n]; None if they are independent.
        times: Time of every development example, [n]; None if time does not matter.
        originals: Images in their own sizes, `trainables.data.originals.Originals` of length n; None where
            the inputs are all that is kept.
    """

    inputs: Array
    targets: Array
    rows: Array
    info: DataInfo
    groups: Array | None = None
    times: Array | None = None
    originals: Any = None

    def __len__(self) -> int:
        return len(self.rows)


class Model(Protocol):
    """A trained model that can be saved and can predict."""

    def weights(self) -> Arrays:
        """Return everything `Trainable.load` needs besides the recipe, as numpy arrays."""
        ...

    def predict(self, examples: Examples) -> Array:
        """Return outputs for unseen examples, in their order: an array [len(examples), ...].

        For classification these are scores [n, classes], the largest of which gives the class, or
        labels [n]; for regression they are values [n].
        """
        ...


class Context(Protocol):
    """What a training receives besides its recipe and data.

    Attributes:
        seed: Source of all randomness of this training.
        horizon: Epochs of a full training; schedules stretch to it.
        device: ``cpu`` or ``cuda``.
        threads: Threads the training may use.
        trial: Number of the trial.
        replicate: 0 in the search phase, 1 and up on fresh seeds.
        folder: Folder for files of this training; it need not exist yet.
        distributed: The place of this process if several train the trial together, else None. Each of them
            calls `report` after each epoch; only what the first one reports is recorded.
    """

    seed: int
    horizon: int
    device: str
    threads: int
    trial: int
    replicate: int
    folder: Path
    distributed: Distributed | None

    def epochs(self) -> Iterator[int]:
        """Yield the epochs to train, counted from 1; a resumed training starts after its checkpoint."""
        ...

    def restored(self) -> Arrays | None:
        """Return the state in the last checkpoint, or None for a fresh start. Call it before `epochs`."""
        ...

    def report(
        self, metrics: Mapping[str, float], model: Model, state: Callable[[], Arrays] | None = None
    ) -> None:
        """Report the result of an epoch; does not return if the trial is stopped.

        Args:
            metrics: Values by name, such as ``validation/accuracy`` and ``train/loss``.
            model: The current model; its weights are read only if they are kept.
            state: Returns everything needed to continue later; called only when a checkpoint is due.
                Without it an interrupted trial starts from the beginning.
        """
        ...


class Trainable(Protocol):
    """Code that trains a recipe.

    It also implements `Scores` or `Evaluates`. It may implement `Averages` (for searches that ship
    averaged weights), `Combines` (for searches that ship an ensemble) and `AssessesExamples` (for
    predictions with probabilities).

    Attributes:
        grammar: What its recipes may contain.
        metrics: What it reports on validation data as ``validation/<name>``, and what `score` or
            `evaluate` returns; the first is the default objective.
    """

    grammar: Grammar
    metrics: tuple[Metric, ...]

    def train(self, recipe: Recipe, train: Examples, validation: Examples, context: Context) -> None:
        """Train epoch by epoch, reporting after each."""
        ...

    def load(self, recipe: Recipe, weights: Arrays, info: DataInfo) -> Model:
        """Rebuild a trained model from its weights."""
        ...


@runtime_checkable
class Scores(Protocol):
    """A trainable that scores a model's outputs."""

    def score(self, outputs: Array, targets: Array) -> Mapping[str, float]:
        """Return the value of every metric for a model's outputs on examples with known targets."""
        ...


@runtime_checkable
class Evaluates(Protocol):
    """A trainable that scores models on examples, row by row where it can."""

    def evaluate(self, models: Sequence[Model], examples: Examples) -> Mapping[str, Array | float]:
        """Return every metric of a model on examples.

        Args:
            models: The model, or the members of an ensemble.
            examples: Rows with known targets.

        Returns:
            For each metric the value of every row, [n], whose mean is the score; or one number, for
            which no interval is known.
        """
        ...


@runtime_checkable
class Averages(Protocol):
    """A trainable whose weights can be averaged along a training."""

    def average(self, recipe: Recipe, mean: Arrays, train: Examples, context: Context) -> Arrays:
        """Turn the mean of several epochs' weights into a model's weights.

        Args:
            recipe: The training's recipe.
            mean: The mean of each floating-point array; for other arrays the last value.
            train: Training examples, to recompute what cannot be averaged, such as the statistics of
                batch norms.
            context: The training's context.
        """
        ...


@runtime_checkable
class Combines(Protocol):
    """A trainable whose models can predict together."""

    def combine(self, outputs: Sequence[Array]) -> Array:
        """Return the outputs of an ensemble, from those of its members on the same examples.

        They have the same meaning as a single model's outputs, so that `Trainable.score` accepts them.
        """
        ...


@runtime_checkable
class AssessesExamples(Protocol):
    """A trainable whose outputs give class probabilities."""

    def probabilities(self, outputs: Array) -> Array | None:
        """Return probabilities [n, classes] for a model's outputs; None if there are no classes."""
        ...


def trainable_of(attribute: Any) -> Any:
    """Return the trainable that an attribute of a user's module is.

    A class is instantiated, and a function decorated with `hpo.trainable` gives the trainable that it
    stands for.
    """
    if isinstance(attribute, type):
        return attribute()
    declared = getattr(attribute, "as_trainable", None)
    return declared() if callable(declared) else attribute


EXTRAS = ("average", "combine", "probabilities")
"""Methods that a trainable may have besides those that each needs."""
