"""What a model is worth on a part of the data, whichever way its trainable scores.

A trainable scores a model's outputs (`Scores`), or the model itself on examples (`Evaluates`). Whatever
needs a score, the value of each row or an interval asks here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.trainable import Array, Combines, Evaluates, Examples, Model, Scores, Trainable
from hpo.metrics.forms import Score


@dataclass(frozen=True)
class Assessment:
    """The scores of a model on a part.

    Attributes:
        values: Every metric.
        rows: The value of every row, [n] float64, of each metric that was evaluated row by row.
        score: The trainable's score, which gives more of a metric; None if it evaluates models.
        outputs: The model's outputs, [n, ...]; None if it evaluates models.
        targets: The targets, [n].
    """

    values: Mapping[str, float]
    rows: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    score: Score | None = None
    outputs: Array = None
    targets: Array = None

    @property
    def not_numbers(self) -> str:
        """That outputs of some rows are NaN, as "3 of 36 predictions are not numbers"; empty if none is.

        A metric can be finite all the same: `argmax` of such scores is a class.
        """
        outputs = np.asarray(self.outputs)
        if self.outputs is None or outputs.dtype.kind != "f" or not outputs.ndim:
            return ""
        return _counted(np.isnan(outputs.reshape(len(outputs), -1)).any(axis=1), "predictions")

    def values_missing(self, name: str) -> str:
        """Return that values of rows are NaN in a metric, likewise; empty if none is."""
        return _counted(np.isnan(self.rows[name]), "values") if name in self.rows else ""


def _counted(missing: NDArray[np.bool_], nouns: str) -> str:
    count = int(missing.sum())
    verb = "is not a number" if count == 1 else "are not numbers"
    return f"{count} of {len(missing)} {nouns} {verb}" if count else ""


def assess(trainable: Trainable, models: Sequence[Model], examples: Examples) -> Assessment:
    """Score a model, or the members of an ensemble together.

    Raises:
        UserError: If the trainable returned other metrics than it declares, or values of other rows.
    """
    if isinstance(trainable, Evaluates):
        return evaluated(trainable, trainable.evaluate(models, examples), len(examples))
    assert isinstance(trainable, Scores)
    outputs, targets = outputs_of(trainable, models, examples), examples.targets[examples.rows]
    values = {name: float(value) for name, value in trainable.score(outputs, targets).items()}
    return Assessment(values, {}, trainable.score, outputs, targets)


def evaluated(trainable: Trainable, values: Mapping[str, Array | float], n: int) -> Assessment:
    """Return the assessment that an evaluation's values give.

    Args:
        trainable: Declares the metrics.
        values: For each metric the value of every row, [n], or one number.
        n: Number of rows that were evaluated.

    Raises:
        UserError: If metrics are missing or not declared, or there are not as many values as rows.
    """
    declared = [metric.name for metric in trainable.metrics]
    if set(values) != set(declared):
        returned = ", ".join(map(str, values)) or "nothing"
        raise UserError(f"evaluate returned {returned}; the declared metrics are {', '.join(declared)}")
    scores: dict[str, float] = {}
    rows: dict[str, NDArray[np.float64]] = {}
    for name in declared:
        array = np.asarray(values[name], np.float64)
        if array.ndim == 0:
            scores[name] = float(array)
        elif array.shape != (n,):
            raise UserError(
                f"evaluate returned {name} of shape {array.shape}; legal: one number, or the value of each "
                f"of the {n} rows"
            )
        else:
            rows[name] = array
            scores[name] = float(array.mean())
    return Assessment(scores, rows)


def outputs_of(trainable: Trainable, models: Sequence[Model], examples: Examples) -> Array:
    """Return the outputs of the only model, or of all members of an ensemble combined."""
    outputs = [model.predict(examples) for model in models]
    if len(outputs) == 1:
        return outputs[0]
    assert isinstance(trainable, Combines)
    return trainable.combine(outputs)
