"""Choices of the shipped trainables that conflict, as far as a recipe alone can show."""

from __future__ import annotations

from hpo.core.conflicts import Conflict
from hpo.core.space import Among, Between
from trainables.parts.activation import ACTIVATION
from trainables.parts.loss import LOSS, REGRESSION_LOSS
from trainables.parts.model import MODEL
from trainables.parts.normalization import NORMALIZATION
from trainables.parts.transfer import TRANSFER

# The size of images is not known here; convolutions that end in a single pixel are found when the
# network is built.
ONE_VALUE = Conflict(
    (
        ("batch_size", Among((1,))),
        ("normalization", Among(("batch_norm", "decorrelated_batch_norm"))),
        ("model", Among(("mlp",))),
        ("model.depth", Between(low=1)),
    ),
    "batch_size: 1 leaves a normalization over batches (batch_norm, decorrelated_batch_norm) one value per "
    "unit of an mlp, which has no variance; legal: a batch_size of at least 2, or another normalization",
)

_CLASSIFICATION = (
    "accuracy",
    "error",
    "loss",
    "log_loss",
    "macro_f1",
    "macro_precision",
    "macro_recall",
    "balanced_accuracy",
    "roc_auc",
    "average_precision",
    "calibration_error",
)

_REGRESSION = ("mean_squared_error", "mean_absolute_error", "r2")

NO_CLASSES = Conflict(
    (("sampling", Among(("balanced",))),),
    "sampling: balanced draws equally many examples of each class, and a regression has no classes; "
    "legal: shuffled",
    metrics=_REGRESSION,
)

NO_ERROR = Conflict(
    (("schedule", Among(("plateau",))), ("schedule.metric", Among(("error",)))),
    "schedule.metric: error is the share of wrong classes, and a regression has no classes; legal: loss",
    metrics=_REGRESSION,
)

LOSS_OF_CLASSES = Conflict(
    (("loss", Among(tuple(name for name in LOSS.names if name != LOSS.default))),),
    "loss: has an effect only in a classification; a regression minimizes regression_loss, one of "
    f"{', '.join(REGRESSION_LOSS.names)}",
    stops=False,
    metrics=_REGRESSION,
)

LOSS_OF_VALUES = Conflict(
    (
        (
            "regression_loss",
            Among(tuple(name for name in REGRESSION_LOSS.names if name != REGRESSION_LOSS.default)),
        ),
    ),
    "regression_loss: has an effect only in a regression, whose objective.metric is "
    f"{', '.join(_REGRESSION[:-1])} or {_REGRESSION[-1]}; a classification minimizes loss",
    stops=False,
    metrics=_CLASSIFICATION,
)

NO_POOLING = Conflict(
    (
        ("regularize.fractional_max_pooling", Among((True,))),
        ("model", Among(tuple(name for name in MODEL.names if name != "cnn"))),
    ),
    "regularize.fractional_max_pooling: replaces the poolings of cnn and has no effect in other models",
    stops=False,
)

NO_BRANCHES = Conflict(
    (
        ("regularize.stochastic_depth", Among((True,))),
        ("model", Among(("mlp", "cnn"))),
    ),
    "regularize.stochastic_depth: skips residual blocks, which mlp and cnn do not have; legal: resnet, vit "
    "or a library's model",
    stops=False,
)

LIBRARY_ACTIVATION = Conflict(
    (
        ("activation", Among(tuple(name for name in ACTIVATION.names if name != ACTIVATION.default))),
        ("model", Among(("torchvision", "timm"))),
    ),
    "activation: a library's model has its own activations; leave it out",
    stops=False,
)

LIBRARY_NORMALIZATION = Conflict(
    (
        (
            "normalization",
            # Weight norm changes the layers of any model.
            Among(tuple(name for name in NORMALIZATION.names if name not in ("auto", "weight_norm"))),
        ),
        ("model", Among(("torchvision", "timm"))),
    ),
    "normalization: a library's model has its own normalization; leave it out",
    stops=False,
)

LONG_WARMUP = Conflict(
    (("warmup", Among(("epochs",))),),
    "warmup.length: is longer than the training, which then never reaches its learning rate; legal: at most "
    "the epochs of a full training",
    exceeds=("warmup.length", "epochs"),
)

NO_WEIGHTS = Conflict(
    (
        ("transfer", Among(tuple(name for name in TRANSFER.names if name != TRANSFER.default))),
        ("transfer.weights", Among((None,))),
    ),
    "transfer: has no weights to start from; legal: transfer.weights, a safetensors file of the same model",
)
