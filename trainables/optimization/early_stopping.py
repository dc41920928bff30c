"""Early stopping that keeps the best epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence


class EarlyStopping:
    """Decides which epoch is kept and when training ends.

    It is a function of the validation losses and has no state.

    Args:
        patience: Epochs without a better validation loss after which training ends.
    """

    def __init__(self, patience: int):
        self.patience = patience

    def best(self, losses: Sequence[float]) -> int:
        """Return the epoch to keep, from 1: the first with the lowest finite loss, or the last epoch."""
        finite = [(loss, epoch) for epoch, loss in enumerate(losses, 1) if math.isfinite(loss)]
        return min(finite)[1] if finite else len(losses)

    def over(self, losses: Sequence[float]) -> bool:
        """Return whether more than ``patience`` epochs have passed without a better loss."""
        return len(losses) - self.best(losses) > self.patience
