"""What a trained model does right and wrong on validation data, as plain values."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Self

from hpo.core.health import HealthCheck, with_nan
from hpo.core.json_values import JsonFields, JsonObject, jsonable


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One epoch of the diagnosed training; NaN for what its trainable does not report.

    Attributes:
        epoch: Epochs trained.
        train_loss: Mean loss on the training rows while it trained.
        loss: Loss on the validation rows.
        train_score: The objective's metric on the training rows.
        score: The objective's metric on the validation rows.
    """

    epoch: int
    train_loss: float
    loss: float
    train_score: float
    score: float


@dataclass(frozen=True, slots=True)
class PredictedRow:
    """A validation row with the model's answer.

    Attributes:
        row: Its number in the development part, from 0.
        truth: Its class or value.
        predicted: The predicted one.
        confidence: Probability of the predicted class; NaN where there is none.
        penalty: What it is sorted by: the loss of this row, or the size of the error.
        shown: Its columns as text; empty for images.
        picture: The image as base64 of a PNG file; empty for other data.
    """

    row: int
    truth: str
    predicted: str
    confidence: float
    penalty: float
    shown: str = ""
    picture: str = ""


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Predictions of about the same confidence.

    Attributes:
        confidence: Their mean confidence.
        accuracy: Share of them that are right.
        count: How many there are.
    """

    confidence: float
    accuracy: float
    count: int


@dataclass(frozen=True, slots=True)
class SizeResult:
    """Validation error after a training on a share of the rows.

    Attributes:
        rows: Training rows.
        error: Error on the validation rows.
    """

    rows: int
    error: float


@dataclass(frozen=True)
class Diagnosis:
    """What a trained model does right and wrong on validation data.

    Attributes:
        model: Which model it is, in words.
        metric: The objective's metric.
        error: Name of the error in `sizes`.
        rows: Number of validation rows.
        checks: The curve as a reader of curves would judge it, and what to try.
        curve: The training, epoch by epoch.
        mistakes: The worst mistakes, worst first.
        at_work: Rows drawn at random.
        classes: Names of the classes; empty for values.
        confusion: Rows of each true class by predicted class.
        calibration: Confidence against accuracy; empty without probabilities.
        calibration_error: Mean difference of the two; NaN without probabilities.
        sizes: Error against the number of training rows.
        forecast: What twice the data would bring, in a sentence.
    """

    model: str
    metric: str
    error: str
    rows: int
    checks: tuple[HealthCheck, ...]
    curve: tuple[CurvePoint, ...] = ()
    mistakes: tuple[PredictedRow, ...] = ()
    at_work: tuple[PredictedRow, ...] = ()
    classes: tuple[str, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    calibration: tuple[CalibrationBin, ...] = ()
    calibration_error: float = math.nan
    sizes: tuple[SizeResult, ...] = ()
    forecast: str = ""

    def to_json(self) -> JsonObject:
        """Return everything as a JSON value."""
        shown: JsonObject = jsonable(dataclasses.asdict(self))
        return shown

    @classmethod
    def of_json(cls, body: JsonFields) -> Self:
        """Return what `to_json` was called on.

        Raises:
            KeyError: If a field is missing.
            TypeError: If it is of another form.
        """
        lists = {
            "checks": HealthCheck,
            "curve": CurvePoint,
            "mistakes": PredictedRow,
            "at_work": PredictedRow,
            "calibration": CalibrationBin,
            "sizes": SizeResult,
        }
        values = with_nan(body)
        values |= {name: tuple(kind(**with_nan(item)) for item in body[name]) for name, kind in lists.items()}
        values["classes"] = tuple(body["classes"])
        values["confusion"] = tuple(map(tuple, body["confusion"]))
        return cls(**values)
