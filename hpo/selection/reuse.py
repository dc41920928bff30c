"""The luck that earlier searches on the same validation rows may have added to a winner's score.

The best of m noisy scores is too high by what the noise alone gives the best of m. A search corrects for its
own trials by fresh seeds. Earlier searches on the same rows chose this search's ranges and models by
their scores there, so that its winner is in effect the best of all trials on these rows. Fresh seeds do not
show that: it is luck with the examples, which all of them share.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import special


@dataclass(frozen=True, slots=True)
class Reuse:
    """How often the rows of a score were used to choose by.

    Attributes:
        own: Choices of this search: its trials, or 1 for rows on which only its winner is scored.
        others: Choices of other searches before it.
    """

    own: int = 0
    others: int = 0

    def luck(self, width: float) -> float:
        """Return by how much the expected best of all choices exceeds that of this search's own.

        Args:
            width: Standard deviation of the luck that a recipe has with the examples.
        """
        if not self.others or not self.own:
            return 0.0
        return width * (expected_best(self.own + self.others) - expected_best(self.own))


def expected_best(count: int) -> float:
    """Return the expected greatest of standard normal values (Blom, "Statistical Estimates", 1958)."""
    return float(special.ndtri((count - 0.375) / (count + 0.25))) if count > 1 else 0.0


def width_of(with_recipe: float, examples: float, share: float, n: float) -> float:
    """Return the width of the luck that a recipe has with the examples; NaN if it is unknown.

    Args:
        with_recipe: Variance over examples that differs between recipes; 0 if it is unknown.
        examples: Variance over examples; 0 if it is unknown.
        share: The score.
        n: Number of independent examples, if the score is a share of them; else 0.
    """
    if with_recipe or examples:
        return math.sqrt(with_recipe or examples)
    return math.sqrt(max(share * (1 - share), 1 / n) / n) if n else math.nan
