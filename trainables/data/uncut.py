"""Rows before a test part is cut off, and the rule by which they are first cut."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

READER = 9
"""Version of the readers; raised when one reads the same file differently.

2 turns images upright and leaves hidden ones out. 3 reads numbers that are written for people, takes no
marks of missing values for categories, and refuses images with their channels first. 4 refuses labels of
a user's function that skip values. 5 scales columns that single precision would round, refuses targets of one
value, puts transparent pixels on a stated ground and takes the bits of an image's pixels that are used.
6 cuts rows with equal inputs together although their labels differ. 7 reads columns that are said to hold
texts, which earlier ones left out. 8 reads numbers in Indian groups of digits (1,00,000), and bytes as the
text that they encode. 9 recognises large data that stays in its place by rows of 4 GiB together, and texts
by what they hold, however long others of their part are.
"""


@dataclass(frozen=True)
class Uncut:
    """Everything that decides which rows are the test part, and by which they are known again.

    Attributes:
        digests: Digests of the rows' content, [n, 2].
        share: Share of the rows in the test part.
        labels: Classes, of each of which the share is taken; None to take it of all rows.
        groups: Groups, which stay together; None if rows are independent.
        times: Times, the latest of which are the test part; None if order does not matter.
        ids: Values of an identifying column, [n] of text; None without one.
        columns: Returns the columns as numbers or texts, [n] each; None to know rows by their digests.
        file: Digest of the file that the rows were read from; empty for several files.
        names: Names of the rows, [n] of text, by which those are known whose content changed; None without.
        reader: Version of the reader, `READER`.
    """

    digests: NDArray[np.uint64]
    share: float
    labels: NDArray[np.int64] | None = None
    groups: NDArray[Any] | None = None
    times: NDArray[np.float64] | None = None
    ids: NDArray[Any] | None = None
    columns: Callable[[], Iterable[NDArray[Any]]] | None = None
    file: str = ""
    names: NDArray[Any] | None = None
    reader: int = READER

    def __len__(self) -> int:
        return len(self.digests)

    @property
    def rule(self) -> str:
        """What decides: ``time``, ``groups`` or ``rows``."""
        return "time" if self.times is not None else "groups" if self.groups is not None else "rows"

    @property
    def together(self) -> bool:
        """Whether rows with equal inputs are cut together whatever their labels are."""
        return self.reader > 5 and self.rule == "rows"


Cutter = Callable[[Uncut], NDArray[np.bool_]]
"""Returns which rows are the test part."""
