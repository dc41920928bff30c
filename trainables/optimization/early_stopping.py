"""Early stopping that keeps the best epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence


class EarlyStopping:
    """Which epoch is kept, and whether training still goes on.

    It looks at the validation losses alone, so that it has no state of its own.

    Args:
        patience: Epochs without a better validation loss after which training ends.
    """

    def __init__(self, patience: int):
        self.patience = patience

    def best(self, losses: Sequence[float]) -> int:
        """The epoch to keep, from 1: the first of the lowest finite loss; the last if none is."""
        finite = [(loss, epoch) for epoch, loss in enumerate(losses, 1) if math.isfinite(loss)]
        return min(finite)[1] if finite else len(losses)

    def over(self, losses: Sequence[float]) -> bool:
        """Whether the last ``patience`` epochs, and one more, brought nothing better."""
        return len(losses) - self.best(losses) > self.patience
