"""How fast a network answers, measured while it is validated anyway."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager


class InferencePace:
    """The shortest time per example over all validations of a training.

    The shortest, because whatever else a machine does can only make a measurement longer.

    Attributes:
        seconds_per_example: That time; NaN before the first validation.
    """

    def __init__(self) -> None:
        self.seconds_per_example = math.nan

    @contextmanager
    def timed(self, examples: int) -> Iterator[None]:
        """Measure a block that computes the outputs of this many examples."""
        began = time.perf_counter()
        yield
        passed = (time.perf_counter() - began) / max(1, examples)
        if not passed >= self.seconds_per_example:
            self.seconds_per_example = passed
