"""Which choices of the shipped trainables do not go together, as far as a recipe alone tells."""

from __future__ import annotations

from hpo.core.conflicts import Conflict
from hpo.core.space import Among, Between
from trainables.parts.model import MODEL

# How large images are is not known here: that a convolution ends in a single place is found when the
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
    "regularize.fractional_max_pooling: replaces the poolings of cnn, and does nothing in any other model",
    stops=False,
)
