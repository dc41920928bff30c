"""Choices of the shipped trainables that conflict, as far as a recipe alone can show."""

from __future__ import annotations

from hpo.core.conflicts import Conflict
from hpo.core.space import Among, Between
from trainables.parts.model import MODEL

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

NO_POOLING = Conflict(
    (
        ("regularize.fractional_max_pooling", Among((True,))),
        ("model", Among(tuple(name for name in MODEL.names if name != "cnn"))),
    ),
    "regularize.fractional_max_pooling: replaces the poolings of cnn and has no effect in other models",
    stops=False,
)
