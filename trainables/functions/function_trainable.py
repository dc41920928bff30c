"""A training function as the class interface; see `hpo.core.trainable` and `hpo.trainable`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hpo.core.errors import UserError
from hpo.core.grammar import Grammar
from hpo.core.recipe import Recipe
from hpo.core.seeds import derive
from hpo.core.trainable import Array, Arrays, Context, DataInfo, Examples, Metric, Model
from trainables.functions.datasets import Dataset, DevelopmentData
from trainables.functions.run import (
    SEED_BITS,
    Functions,
    Run,
    TrackedModel,
    as_array,
    seed_everything,
)

PREFIX = "validation/"


@dataclass(frozen=True)
class FunctionTrainable:
    """Trains, loads and evaluates by a user's functions.

    Attributes:
        grammar: What recipes can contain.
        metrics: What an evaluation returns.
        functions: The user's functions.
    """

    grammar: Grammar
    metrics: tuple[Metric, ...]
    functions: Functions

    def train(self, recipe: Recipe, train: Examples, validation: Examples, context: Context) -> None:
        """Call the training function; see `hpo.core.trainable.Trainable`."""
        data = DevelopmentData(Dataset(train), Dataset(validation), train.info)
        run = Run(self.functions, recipe, train.info, context, lambda values: self._summary(values, data))
        seed_everything(run.seed)
        self.functions.fit(run, data, **recipe.to_dict())

    def load(self, recipe: Recipe, weights: Arrays, info: DataInfo) -> Model:
        """Build the model and restore its weights."""
        run = Run(self.functions, recipe, info)
        run.load(weights)
        return TrackedModel(run)

    def parts(self, recipe: Recipe, train: Examples, seed: int) -> Any:
        """Return the parts of a training before its first step; None if the user's code shows none."""
        if self.functions.parts is None:
            return None
        run = Run(self.functions, recipe, train.info)
        run.seed = derive(seed, "user") % 2**SEED_BITS
        seed_everything(run.seed)
        return self.functions.parts(run, DevelopmentData(Dataset(train), Dataset(train), train.info))

    def evaluate(self, models: Sequence[Model], examples: Examples) -> Mapping[str, Array | float]:
        """Return every metric of a model, or of an ensemble's combined outputs."""
        first = models[0]
        assert isinstance(first, TrackedModel)
        if self.functions.takes_outputs:
            judged: Any = combined([model.predict(examples) for model in models])
        elif len(models) == 1:
            judged = first.run.model
        else:
            raise UserError("an ensemble needs an evaluate(run, outputs, dataset) and a predict function")
        values = self.functions.evaluate(first.run, judged, Dataset(examples))
        return {name: as_array(value) for name, value in dict(values).items()}

    def _summary(self, values: Mapping[str, Any], data: DevelopmentData) -> dict[str, float]:
        """Return a report's values as numbers; those of declared metrics are on validation."""
        declared = {metric.name for metric in self.metrics}
        metrics: dict[str, float] = {}
        for name, value in values.items():
            array = as_array(value)
            rows = len(data.validation)
            if array.ndim and (name not in declared or array.shape != (rows,)):
                if name in declared:
                    legal = f"; legal: one number, or the value of each of the {rows} validation rows"
                else:
                    names = ", ".join(metric.name for metric in self.metrics)
                    legal = f", but is none of the declared metrics ({names}); legal then: one number"
                raise UserError(f"{name} was reported with shape {array.shape}{legal}")
            metrics[PREFIX + name if name in declared else name] = float(array.astype(np.float64).mean())
        return metrics


@dataclass(frozen=True)
class CombiningFunctionTrainable(FunctionTrainable):
    """One whose evaluation takes outputs, so that models can predict together."""

    def combine(self, outputs: Sequence[Array]) -> Array:
        """Return the mean of the members' outputs."""
        return combined(outputs)


def combined(outputs: Sequence[Array]) -> Array:
    """Return the mean of several models' outputs; those of a single one as they are."""
    return outputs[0] if len(outputs) == 1 else np.mean(np.stack(outputs), axis=0)
