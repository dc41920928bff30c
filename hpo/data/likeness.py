"""Whether a data set holds the rows of a test part that was opened: the same, resembling, or unknown.

Each kind of evidence stands alone, since an edit of the data leaves some of it and takes the rest:
sketches of columns survive dropped rows, shapes of distributions survive scaling, digests of labels
survive any change of the inputs. Values that recur between the test and the development part of
one data set say nothing, so every sketch is calibrated by its own flags before it counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpo.core.likeness import RESEMBLES, SAME, UNKNOWN, Likeness
from hpo.data.near_duplicates import near_share
from hpo.data.signature import QUANTILES, Signature
from hpo.data.sketch import DEVELOPMENT, IDENTITY, TEST, VALUES, Hashes, complete_below

HALF = 0.5
"""Share in common from which values or rows are the same."""
RECURRING = 0.3
"""Share of test values that also occur in development from which a column tells nothing."""
MANY = 2.5
"""Rows of other data, per development row of the opened data, from which more values recur by chance."""
THIRD = 1 / 3
"""Share of the telling columns that must be the same."""
FEWEST = 8
"""Values that must be comparable for a share to mean anything."""
LOOSE = 0.2
"""Share from which data resembles other data."""
TOLERANCE = 0.05
"""Greatest mean difference of scaled quantiles of the same rows, times the root of their number."""
LEAST_SEALED = 0.02
"""Share of test rows from which other ones would show in the distribution of the whole."""
SOME_IMAGES = 0.25
"""Share of sealed images with a near duplicate from which images are the same."""
FEW_IMAGES = 0.05
MOST_IMAGES = 0.75
"""Share above which data resembles opened data however many near duplicates that has itself."""
MORE_IMAGES = 0.1
"""Least share above that of the near duplicates within the opened data for images to be the same."""


def compare(opened: Signature, other: Signature) -> Likeness:
    """Say whether the rows of an opened test part are in another data set.

    Args:
        opened: Signature of the data set whose test part was opened.
        other: Signature of the data set of a new search.
    """
    more = _more_rows(opened, other)
    findings = [
        _by_images(opened, other),
        _by_blocks(opened, other),
        _by_columns(opened, other),
        _by_sketch(opened.keys, other.keys, more, "rows"),
        _by_sketch(opened.combinations, other.combinations, more, "combinations of values"),
        _by_sketch(opened.ranks, other.ranks, more, "combinations of ranks"),
        _by_sketch(opened.named, other.named, more, "rows, by half of their cells,"),
        _by_sketch(opened.placed, other.placed, more, "rows, by half of their cells,"),
        _by_shapes(opened, other),
    ]
    rank = {SAME: 2, RESEMBLES: 1, UNKNOWN: 0}
    return max(findings, key=lambda finding: (rank[finding.answer], finding.share))


@dataclass(frozen=True, slots=True)
class _Shares:
    """What two sketches have in common.

    Attributes:
        test: Share of the opened test rows' own values that the other data has.
        all: Share of all values of the opened data that the other has.
        other: Share of the other's values that the opened data has.
        recurring: Share of the opened test values that other rows of its source have: its development
            part or, where that is larger, as many rows as the other data has.
        n: Number of the opened test rows' own values that were compared.
    """

    test: float
    all: float
    other: float
    recurring: float
    n: int

    @property
    def same(self) -> bool:
        """Whether the opened rows are there: most of them, or as many as of all, in a part of the data.

        Either must be more than recurring values alone would give, by three standard deviations.
        """
        present = self.test > HALF or (self.other > HALF and self.test > HALF * self.all > 0)
        chance = self.n * self.recurring
        return present and self.n * self.test > chance + 3 * np.sqrt(chance * (1 - self.recurring)) + 1


def _more_rows(opened: Signature, other: Signature) -> float:
    """Return how many rows the other data has per development row, if that is more than of joined data."""
    ratio = _row_ratio(opened, other)
    return ratio if ratio > MANY else 1.0


def _row_ratio(opened: Signature, other: Signature) -> float:
    return max(1.0, int(other.sizes[0]) / max(1, int(opened.sizes[0] - opened.sizes[1])))


def _by_chance(common: int, n: int, more: float) -> float:
    """Return the share of values that so many rows of the same source have by chance.

    Args:
        common: Number of values that the development part has.
        n: Number of values.
        more: How many times more rows there are.
    """
    return common / n if more <= 1 else float(1 - (1 - (common + 1) / (n + 1)) ** more)


def _shares(opened: Hashes, other: Hashes, size: int, more: float) -> _Shares | None:
    """Compare two sketches; None if too few values are comparable."""
    border = min(complete_below(opened, size), complete_below(other, size))
    ours, theirs = opened[opened < border], other[other < border]
    test = (ours & TEST) > 0
    both = test & ((ours & DEVELOPMENT) > 0)
    alone = test & ~both
    if alone.sum() < FEWEST or len(theirs) < FEWEST:
        return None
    shared = np.isin(ours & IDENTITY, theirs & IDENTITY)
    return _Shares(
        float(shared[alone].mean()),
        float(shared.mean()),
        float(shared.sum() / len(theirs)),
        _by_chance(int(both.sum()), int(test.sum()), more),
        int(alone.sum()),
    )


def _by_columns(opened: Signature, other: Signature) -> Likeness:
    ours, theirs, more = opened.sketches(), other.sketches(), _more_rows(opened, other)
    ratio = _row_ratio(opened, other)
    telling = [
        index
        for index, sketch in enumerate(ours)
        if not opened.counters[index] and _recurring(sketch, more) <= RECURRING
    ]
    candidates = _sharing_values([ours[index] for index in telling], theirs)
    same, target, best = 0, False, 0.0
    for index, columns in zip(telling, candidates, strict=True):
        pairs = [_shares(ours[index], theirs[column], VALUES, ratio) for column in columns]
        matching = [shares.test for shares in pairs if shares is not None and shares.same]
        same += bool(matching)
        best = max([best, *matching])
        target = target or (bool(matching) and index < opened.target[0])
    evidence = f"{same} of {len(telling)} distinctive columns have the same values"
    if target or (same and same >= max(min(2, len(telling)), THIRD * len(telling))):
        return Likeness(SAME, best, evidence)
    return Likeness(RESEMBLES, best, evidence) if same else Likeness(UNKNOWN)


def _sharing_values(ours: list[Hashes], theirs: list[Hashes]) -> list[NDArray[np.int64]]:
    """Return for each of our columns which of theirs share at least a few values with it."""
    if not theirs:
        return [np.zeros(0, np.int64)] * len(ours)
    values = np.concatenate(theirs) & IDENTITY
    column = np.repeat(np.arange(len(theirs)), [len(sketch) for sketch in theirs])
    order = np.argsort(values, kind="stable")
    values, column = values[order], column[order]
    sharing = []
    for sketch in ours:
        first = np.searchsorted(values, sketch & IDENTITY, "left")
        last = np.searchsorted(values, sketch & IDENTITY, "right")
        matches = [column[start:end] for start, end in zip(first, last, strict=True) if end > start]
        counts = (
            np.bincount(np.concatenate(matches), minlength=len(theirs)) if matches else np.zeros(1, np.int64)
        )
        sharing.append(np.flatnonzero(counts >= FEWEST // 2))
    return sharing


def _recurring(sketch: Hashes, more: float) -> float:
    test = (sketch & TEST) > 0
    if test.sum() < FEWEST:
        return 1.0
    return _by_chance(int(((sketch[test] & DEVELOPMENT) > 0).sum()), int(test.sum()), more)


def _by_sketch(opened: Hashes, other: Hashes, more: float, what: str) -> Likeness:
    shares = _shares(opened, other, 2048, more)
    if shares is None or shares.recurring > RECURRING:
        return Likeness(UNKNOWN)
    expected = 3 * shares.recurring
    evidence = f"{shares.test:.0%} of the {what} are there"
    if (shares.same or shares.test > LOOSE) and shares.test > expected:
        return Likeness(SAME, shares.test, evidence)
    if shares.test > LOOSE / 2 + expected:
        return Likeness(RESEMBLES, shares.test, evidence)
    return Likeness(UNKNOWN)


def _by_blocks(opened: Signature, other: Signature) -> Likeness:
    """Compare the labels of blocks with test rows: a file of development rows alone says nothing."""
    blocks = opened.sealed_blocks()
    fewer = min(len(blocks), len(other.blocks))
    if not fewer:
        return Likeness(UNKNOWN)
    common = int(np.isin(blocks, other.blocks).sum())
    evidence = f"{common} of {len(blocks)} blocks of labels are the same"
    if common > HALF * fewer:
        return Likeness(SAME, common / len(blocks), evidence)
    return Likeness(RESEMBLES, common / len(blocks), evidence) if common else Likeness(UNKNOWN)


def _by_shapes(opened: Signature, other: Signature) -> Likeness:
    """Compare the distributions of columns: of the wholes, and of the test part with either."""
    ours, theirs = opened.quantiles, other.quantiles
    if not len(ours) or not len(theirs):
        return Likeness(UNKNOWN)
    best, telling = 0, 0
    wholes = [(0, 0)] if opened.sizes[1] >= LEAST_SEALED * opened.sizes[0] else []
    for our, their in (*wholes, (1, 0), (1, 1)):
        rows = max(1, min(int(opened.sizes[our]), int(other.sizes[their])))
        usable = ~np.isnan(ours[:, our, 0]) & ~opened.counters
        telling = max(telling, int(usable.sum()))
        best = max(best, int(_matching(ours[usable, our], theirs[:, their], rows).sum()))
    evidence = f"{best} of {telling} columns have the same distribution, scale aside"
    if best >= max(2, THIRD * telling) or best == telling == 1:
        return Likeness(SAME, 1.0, evidence)
    return Likeness(RESEMBLES, best / telling, evidence) if best > 1 else Likeness(UNKNOWN)


def _matching(ours: NDArray[np.float32], theirs: NDArray[np.float32], rows: int) -> NDArray[np.bool_]:
    """Return whether each of our columns has the quantiles of one of theirs."""
    theirs = theirs[~np.isnan(theirs[:, 0])]
    theirs = np.concatenate([theirs, -theirs[:, ::-1]])  # of a column whose sign was changed, too
    if not len(theirs) or not len(ours):
        return np.zeros(len(ours), bool)
    limit = TOLERANCE / np.sqrt(rows)
    weights = np.ones(QUANTILES) / QUANTILES
    return np.array([bool(((np.abs(theirs - column) @ weights) < limit).any()) for column in ours])


def _by_images(opened: Signature, other: Signature) -> Likeness:
    theirs = np.concatenate([other.images, other.others])
    if not len(opened.images) or not len(theirs):
        return Likeness(UNKNOWN)
    share, recurring = near_share(opened.images, theirs), float(opened.recurring[0])
    evidence = f"{share:.0%} of the images are there"
    if share > max(SOME_IMAGES, min(3 * recurring, MOST_IMAGES), recurring + MORE_IMAGES):
        return Likeness(SAME, share, evidence)
    few = max(FEW_IMAGES, min(2 * recurring, MOST_IMAGES))
    return Likeness(RESEMBLES, share, evidence) if share > few else Likeness(UNKNOWN)
