"""Cut a test part so that no row that is on record ever changes sides.

Known rows keep their side; rows that are new fall by their own hash, with their group, or by a date that
was frozen with the first cut. Data of which nothing is on record is cut for the first time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hpo.data.cut import DEVELOPMENT, GIVEN, HALF, NEW, TEST, Cut, RowMarks, Sides
from hpo.data.row_keys import keys_of_columns, keys_of_digests, text_keys
from hpo.data.sketch import Hashes
from trainables.data.content import Content
from trainables.data.digests import as_keys
from trainables.data.held_out import fallen, first_cut, require_both
from trainables.data.uncut import Uncut

MOST_TARGETS = 64
"""Numbers of a target of several dimensions by which rows are recognised."""


@dataclass
class StableCut:
    """Cuts rows as a source asks for it, and keeps the cut for the record.

    Attributes:
        opened: Cuts whose test parts were opened, or the only one that applies: each of their rows
            keeps its side.
        others: Further cuts on record; one applies if most of its rows, or of the data's, are the same.
        made: The last cut made; None before.
    """

    opened: Sequence[Cut] = ()
    others: Sequence[Cut] = ()
    made: Cut | None = field(default=None, init=False)

    def __call__(self, rows: Uncut) -> NDArray[np.bool_]:
        """Return which rows are the test part.

        Raises:
            UserError: If either part would be empty.
        """
        cuts = [cut for cut in (*self.opened, *self.others) if cut.same_rule(rows.rule, rows.share)]
        marks = marks_of(rows, [len(cut) for cut in cuts])
        sides, border = self._sides(rows, marks)
        mask = first_cut(rows) if border is None else fallen(rows, border)
        mask[sides != NEW] = sides[sides != NEW] == TEST
        if rows.groups is not None and (sides != NEW).any():
            mask = _with_alike(mask, sides, rows.groups)
        elif rows.together and (sides != NEW).any():
            mask = _with_alike(mask, sides, as_keys(rows.digests)) & (sides != DEVELOPMENT)
        require_both(mask, rows)
        if rows.times is not None and border is None:
            border = float(rows.times[mask].min())
        self.made = Cut.of(rows.rule, rows.share, math.nan if border is None else border, mask, marks)
        return mask

    def _sides(self, rows: Uncut, marks: RowMarks) -> tuple[Sides, float | None]:
        """Return the sides of known rows, and the frozen border; None if the data is cut for the first time.

        A date that was frozen with an opened part stays, however many of the rows are new.
        """
        sides, border = np.full(len(rows), NEW, np.int8), None
        for cuts, always in ((self.opened, True), (self.others, False)):
            for likely in (False, True):  # rows as they were first, whichever cut has them
                ours = np.full(len(rows), NEW, np.int8)
                for cut in cuts:
                    if not cut.same_rule(rows.rule, rows.share):
                        continue
                    exact = cut.exact_sides(marks)
                    found = cut.likely_sides(marks, exact) if likely else exact
                    matched = int((found != NEW).sum()) + likely * int((exact != NEW).sum())
                    most = matched > HALF * min(len(cut), len(rows))
                    if not matched or not _fits(found, rows) or not (always or most):
                        continue
                    ours = np.maximum(ours, found) if always else np.where(ours == NEW, found, ours)
                    if border is None and (most or rows.times is not None):
                        border = cut.border
                sides = np.where(sides == NEW, ours, sides)
        return sides, border


def _fits(sides: Sides, rows: Uncut) -> bool:
    """Return whether groups or times allow these sides; otherwise they are others than before."""
    test, development = sides == TEST, sides == DEVELOPMENT
    if not test.any() or not development.any():
        return True
    if rows.times is not None:
        return bool(rows.times[development].max() < rows.times[test].min())
    if rows.groups is not None:
        return not np.isin(rows.groups[test], rows.groups[development]).any()
    return True


def _with_alike(mask: NDArray[np.bool_], sides: Sides, groups: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Move new rows to the side of the rows on record that are alike: of their group, or with their inputs.

    If these are on both sides, new rows are test rows.
    """
    test = np.isin(groups, groups[sides == TEST])
    development = np.isin(groups, groups[sides == DEVELOPMENT])
    return np.asarray(test | (mask & ~development))


def marks_of(rows: Uncut, lengths: Iterable[int] = ()) -> RowMarks:
    """Return by what rows that are to be cut are known.

    Args:
        rows: The rows.
        lengths: Numbers of leading rows whose columns are compared.
    """
    ids: Hashes = np.zeros(0, np.uint64) if rows.ids is None else text_keys(rows.ids)
    if rows.columns is None:
        names: Hashes = np.zeros(0, np.uint64) if rows.names is None else text_keys(rows.names)
        return RowMarks(keys_of_digests(rows.digests), {}, ids, rows.file, names)
    keys, checks = keys_of_columns(rows.columns(), len(rows), lengths)
    return RowMarks(keys, checks, ids, rows.file)


def given_cut(development: Content, test: Content, digests: Sequence[Hashes]) -> Cut:
    """Return the cut of data whose parts were given.

    Args:
        development: Its development part; of data that stays in its place, the sample of it.
        test: Its test part, likewise.
        digests: Digests of the rows of either, [n, 2] each.
    """
    if development.info.kind != "table":
        sizes = len(digests[0]), len(digests[1])
        keys = keys_of_digests(np.concatenate(list(digests)))
    else:
        sizes = len(development), len(test)
        keys, _ = keys_of_columns(_joined(development, test), sum(sizes))
    is_test = np.arange(sum(sizes)) >= sizes[0]
    empty = np.zeros(0, np.uint64)
    return Cut.of(GIVEN, math.nan, math.nan, is_test, RowMarks(keys, {}, empty))


def _joined(development: Content, test: Content) -> Iterable[NDArray[np.generic]]:
    for ours, theirs in zip(_columns(development), _columns(test), strict=True):
        yield np.concatenate([ours, theirs])


def _columns(content: Content) -> Iterable[NDArray[np.generic]]:
    yield from content.traits or content.inputs.T
    if content.info.task == "classification":
        yield np.array(content.info.classes, object)[content.targets]
    else:  # several labels, or a mask, of which some positions do
        flat = content.targets.reshape(len(content.targets), -1)
        yield from flat.T[:: max(1, -(-flat.shape[1] // MOST_TARGETS))]
