"""The shipped trainables as plain data: their grammars and metrics can be read without torch."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from hpo.core.conflicts import Conflict
from hpo.core.grammar import ABSENT, Grammar
from hpo.core.trainable import DataInfo, Metric
from trainables.parts.activation import ACTIVATION
from trainables.parts.augmentation import AUGMENT
from trainables.parts.averaging import AVERAGING
from trainables.parts.conflicts import (
    LIBRARY_ACTIVATION,
    LIBRARY_NORMALIZATION,
    LONG_WARMUP,
    LOSS_OF_CLASSES,
    LOSS_OF_VALUES,
    NO_BRANCHES,
    NO_CLASSES,
    NO_ERROR,
    NO_POOLING,
    NO_WEIGHTS,
    ONE_VALUE,
)
from trainables.parts.initialization import INIT
from trainables.parts.loss import LOSS, REGRESSION_LOSS
from trainables.parts.model import MODEL
from trainables.parts.normalization import NORMALIZATION
from trainables.parts.optimizer import OPTIMIZER
from trainables.parts.preprocessing import PREPROCESSING
from trainables.parts.regularize import REGULARIZE
from trainables.parts.schedule import BATCH_SCALING, GRADIENT_CLIPPING, SCHEDULE, WARMUP
from trainables.parts.table_model import TABLE_MODEL
from trainables.parts.training import IMAGE_SIZES, TRAINING
from trainables.parts.transfer import TRANSFER
from trainables.parts.views import TEST_AUGMENT


@dataclass(frozen=True)
class ShippedTrainable:
    """A shipped trainable.

    Attributes:
        name: Name in a spec.
        builder: ``module:attribute`` of its class.
        grammar: What its recipes may contain.
        kind: Kind of data that it accepts; see `DataInfo`.
        tasks: For each task that it supports, the metrics that it reports on validation data.
        doc: One line for a reader.
        conflicts: Choices of its recipes that conflict.
    """

    name: str
    builder: str
    grammar: Grammar
    kind: str
    tasks: Mapping[str, tuple[Metric, ...]]
    doc: str
    conflicts: tuple[Conflict, ...] = ()

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics of all its tasks; the first is the default."""
        return tuple(metric for metrics in self.tasks.values() for metric in metrics)

    def complaint(self, info: DataInfo, metric: str) -> str | None:
        """Return why it cannot be trained on a data set for a metric; None if it can."""
        if self.kind == "table" and info.texts:
            ignored = ", ".join(f"{name}: ignore" for name in info.texts)
            return (
                f"trainable: {self.name} cannot use the column {info.texts[0]}, which holds texts; leave it "
                f"out with columns: {{{ignored}}}, or train with code of your own"
            )
        if info.kind != self.kind:
            shape = f" of shape {' x '.join(map(str, info.shape))}" if info.shape else ""
            actual = f"{info.kind.removesuffix('s')}s{shape}"
            others = [other.name for other in SHIPPED.values() if other.kind == info.kind]
            instead = f"; legal here: {', '.join(others)}" if others else f"; {_GIVEN_AS[self.kind]}"
            return f"trainable: {self.name} takes {self.kind}s, and this data has {actual}{instead}"
        if info.task not in self.tasks:
            supported = " and ".join(self.tasks)
            return f"trainable: {self.name} supports {supported}, and this data is for {info.task}"
        if info.task == "classification" and len(info.classes) < 2:
            return f"data: all examples are of class {info.classes[0]!r}; classification needs at least two"
        legal = [metric.name for metric in self.tasks[info.task]]
        if metric not in legal:
            return (
                f"objective.metric: {metric} is not a metric of {info.task}; legal here: {', '.join(legal)}"
            )
        return None

    def load(self) -> Any:
        """Import the class and make a trainable."""
        module, _, attribute = self.builder.partition(":")
        return getattr(importlib.import_module(module), attribute)()


_GIVEN_AS = {
    "image": "images are uint8 [n, height, width, channels]",
    "table": "a table is float32 [n, columns]",
}

CLASSIFICATION = (
    Metric("accuracy", "max", proportion=True),
    Metric("error", "min", proportion=True),
    Metric("loss", "min"),
    Metric("log_loss", "min"),
    Metric("macro_f1", "max"),
    Metric("macro_precision", "max"),
    Metric("macro_recall", "max"),
    Metric("balanced_accuracy", "max"),
    Metric("roc_auc", "max"),
    Metric("average_precision", "max"),
    Metric("calibration_error", "min"),
)

REGRESSION = (
    Metric("mean_squared_error", "min"),
    Metric("mean_absolute_error", "min"),
    Metric("r2", "max"),
)

FACTS = ("parameters", "seconds_per_example")
"""What all shipped trainables report of a model besides its scores: the number of its weights, and the
shortest time that it took for the answer to a validation example."""

EARLIER: Mapping[str, Any] = {"init": "auto", "init.zero_bias": True, "init.zero_residual": True}
"""Defaults that have changed since version 0.1.0."""

EARLIER_FOR_IMAGES: Mapping[str, Any] = {
    **EARLIER,
    "augment.original_pixels": ABSENT,
    "test_augment.original_pixels": ABSENT,
}
EARLIER_FOR_TABLES: Mapping[str, Any] = {**EARLIER, "model.embedding_std": ABSENT}

IMAGE_CLASSIFIER = ShippedTrainable(
    "image_classifier",
    "trainables.image_classifier:ImageClassifier",
    Grammar(
        TRAINING + IMAGE_SIZES,
        (
            MODEL,
            ACTIVATION,
            NORMALIZATION,
            INIT,
            LOSS,
            OPTIMIZER,
            SCHEDULE,
            WARMUP,
            BATCH_SCALING,
            GRADIENT_CLIPPING,
            REGULARIZE,
            AVERAGING,
            TRANSFER,
            PREPROCESSING,
            AUGMENT,
            TEST_AUGMENT,
        ),
        EARLIER_FOR_IMAGES,
    ),
    "image",
    {"classification": CLASSIFICATION},
    "Classifies images, with the network and training that a recipe describes",
    (ONE_VALUE, LONG_WARMUP, NO_POOLING, NO_BRANCHES, LIBRARY_ACTIVATION, LIBRARY_NORMALIZATION, NO_WEIGHTS),
)

_FOR_TABLES = tuple(
    part for part in REGULARIZE.parts if part.name not in ("stochastic_depth", "fractional_max_pooling")
)

TABULAR = ShippedTrainable(
    "tabular",
    "trainables.tabular:Tabular",
    Grammar(
        TRAINING,
        (
            TABLE_MODEL,
            ACTIVATION,
            NORMALIZATION,
            INIT,
            LOSS,
            REGRESSION_LOSS,
            OPTIMIZER,
            SCHEDULE,
            WARMUP,
            BATCH_SCALING,
            GRADIENT_CLIPPING,
            replace(REGULARIZE, parts=_FOR_TABLES),
            AVERAGING,
        ),
        EARLIER_FOR_TABLES,
    ),
    "table",
    {"classification": CLASSIFICATION, "regression": REGRESSION},
    "Classifies the rows of a table, or predicts a value for each",
    (ONE_VALUE, LONG_WARMUP, NO_CLASSES, NO_ERROR, LOSS_OF_CLASSES, LOSS_OF_VALUES),
)

SHIPPED: Mapping[str, ShippedTrainable] = {
    trainable.name: trainable for trainable in (IMAGE_CLASSIFIER, TABULAR)
}
"""All shipped trainables by name."""
