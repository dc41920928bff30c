"""What all methods of the comparison share: the reduction factor, and how epochs are counted."""

from __future__ import annotations

import math
from dataclasses import dataclass

FACTOR = 3


@dataclass
class Outcome:
    """Result of one search.

    Attributes:
        epochs: Epochs spent when the target was reached, or when the search was given up.
        seconds: What these epochs took when they were recorded, over all workers.
        reached: Whether the target was reached.
        trials: Trials started.
        best: Best validation value so far.
        pick_test: Test value at that trial and epoch.
    """

    epochs: int = 0
    seconds: float = 0.0
    reached: bool = False
    trials: int = 0
    best: float = math.inf
    pick_test: float = math.nan

    def take(self, value: float, test: float, seconds: float, target: float, most: int) -> bool:
        """Count one epoch; return whether the search is over."""
        self.epochs += 1
        self.seconds += seconds
        if math.isfinite(value) and value < self.best:
            self.best, self.pick_test = value, test
        self.reached = self.best <= target
        return self.reached or self.epochs >= most
