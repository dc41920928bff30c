"""A model's answers on validation rows: its worst mistakes, its confusions, its confidence."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.diagnosis import CalibrationBin, PredictedRow
from hpo.core.formatting import number
from hpo.core.trainable import AssessesExamples, Examples, Model, Trainable
from hpo.metrics.labels import labels_of

BINS = 10
PIXELS = 96
"""Height to which small pictures are enlarged."""

COLUMNS = 6
"""Columns of a table that are shown of a row."""


@dataclass(frozen=True)
class Answers:
    """A model's answers on examples of classes or values.

    Attributes:
        examples: The examples.
        truth: Labels or values, [n].
        predicted: Predicted labels or values, [n].
        probabilities: [n, classes]; None without any.
    """

    examples: Examples
    truth: NDArray[Any]
    predicted: NDArray[Any]
    probabilities: NDArray[np.float64] | None

    @classmethod
    def of(cls, trainable: Trainable, model: Model, examples: Examples) -> Answers | None:
        """Return a model's answers; None if targets or outputs are neither classes nor values."""
        task, truth = examples.info.task, np.asarray(examples.targets[examples.rows])
        if task not in ("classification", "regression"):
            return None
        outputs = np.asarray(model.predict(examples))
        if task == "regression":
            return cls(examples, truth.reshape(len(truth)), outputs.reshape(len(outputs)), None)
        shares = trainable.probabilities(outputs) if isinstance(trainable, AssessesExamples) else None
        predicted = labels_of(outputs)
        if predicted is None:
            return None
        return cls(examples, truth, predicted, None if shares is None else np.asarray(shares, np.float64))

    @property
    def is_classes(self) -> bool:
        """Whether they are classes."""
        return self.examples.info.task == "classification"

    @property
    def confidence(self) -> NDArray[np.float64]:
        """Probability of each predicted class, [n]; NaN without probabilities."""
        if self.probabilities is None:
            return np.full(len(self.truth), math.nan)
        shares: NDArray[np.float64] = np.take_along_axis(self.probabilities, self.predicted[:, None], 1)
        return shares[:, 0]

    @property
    def penalties(self) -> NDArray[np.float64]:
        """Loss of each row, or the size of its error, [n]."""
        if not self.is_classes:
            differences = self.predicted.astype(np.float64) - self.truth
            return np.asarray(np.abs(differences), np.float64)
        if self.probabilities is None:
            return np.asarray(self.predicted != self.truth, np.float64)
        right = np.take_along_axis(self.probabilities, self.truth[:, None], 1)[:, 0]
        losses: NDArray[np.float64] = -np.log(np.maximum(right, np.finfo(np.float64).tiny))
        return losses

    def worst(self, most: int) -> tuple[PredictedRow, ...]:
        """Return the worst mistakes, worst first; none that is right."""
        order = np.argsort(-self.penalties, kind="stable")
        if self.is_classes:
            order = order[self.predicted[order] != self.truth[order]]
        return self.rows(order[:most])

    def rows(self, positions: Sequence[int] | NDArray[np.int64]) -> tuple[PredictedRow, ...]:
        """Return rows by their positions among the examples."""
        confidence, penalties = self.confidence, self.penalties
        return tuple(
            PredictedRow(
                row=int(self.examples.rows[n]),
                truth=self._name(self.truth[n]),
                predicted=self._name(self.predicted[n]),
                confidence=float(confidence[n]),
                penalty=float(penalties[n]),
                shown=self._shown(int(self.examples.rows[n])),
                picture=self._picture(int(self.examples.rows[n])),
            )
            for n in map(int, positions)
        )

    def confusion(self) -> tuple[tuple[int, ...], ...]:
        """Return the number of rows of each true class by predicted class."""
        classes = len(self.examples.info.classes)
        counts = np.bincount(self.truth * classes + self.predicted, minlength=classes * classes)
        return tuple(map(tuple, counts.reshape(classes, classes).tolist()))

    def calibration(self) -> tuple[tuple[CalibrationBin, ...], float]:
        """Return confidence against accuracy in bins of equal width, and the expected calibration error.

        Guo et al., On Calibration of Modern Neural Networks, ICML 2017.
        """
        if self.probabilities is None:
            return (), math.nan
        confidence, right = self.confidence, self.predicted == self.truth
        bin_numbers = np.minimum((confidence * BINS).astype(int), BINS - 1)
        bins = [
            CalibrationBin(
                float(confidence[bin_numbers == n].mean()),
                float(right[bin_numbers == n].mean()),
                int((bin_numbers == n).sum()),
            )
            for n in range(BINS)
            if (bin_numbers == n).any()
        ]
        error = sum(bin_.count * abs(bin_.confidence - bin_.accuracy) for bin_ in bins) / len(right)
        return tuple(bins), error

    def _name(self, value: Any) -> str:
        return self.examples.info.classes[int(value)] if self.is_classes else number(float(value))

    def _shown(self, row: int) -> str:
        info, values = self.examples.info, self.examples.inputs[row]
        if info.kind == "image" or values.dtype.fields is not None:
            return ""
        values = np.ravel(values)[:COLUMNS]
        names = info.columns[:COLUMNS] or tuple(map(str, range(len(values))))
        return ", ".join(
            f"{n} {_cell(info.categories.get(n), v)}" for n, v in zip(names, values, strict=False)
        )

    def _picture(self, row: int) -> str:
        return _png(self.examples.inputs[row]) if self.examples.info.kind == "image" else ""


def _cell(categories: Sequence[str] | None, value: Any) -> str:
    if categories and math.isfinite(float(value)) and 0 <= int(value) < len(categories):
        return categories[int(value)]
    return number(float(value))


def _png(pixels: NDArray[np.uint8]) -> str:
    """Return an image [height, width, channels] as base64 of a PNG, small ones enlarged."""
    from PIL import Image

    factor = max(1, PIXELS // pixels.shape[0])
    array = np.ascontiguousarray(pixels).repeat(factor, 0).repeat(factor, 1)
    image = Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array[..., :3])
    if max(image.size) > 2 * PIXELS:
        image.thumbnail((2 * PIXELS, 2 * PIXELS))
    stream = io.BytesIO()
    image.save(stream, "PNG", optimize=True)
    return base64.b64encode(stream.getvalue()).decode()
