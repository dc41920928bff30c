"""The cut of a data set on record: which rows are the test part, and by what each row is known again."""

from __future__ import annotations

import io
import json
import math
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.data.row_keys import HALVES, VERSION, Keys, paired, whole
from hpo.data.sketch import Hashes
from trainables.data.uncut import READER

DEVELOPMENT, TEST, NEW = 0, 1, -1
"""Sides of a row."""
GIVEN = "given"
"""Rule of data whose two parts the user keeps apart."""
HALF = 0.5
"""Share in common from which columns or rows are the same."""

NO_NAMES: Hashes = np.zeros(0, np.uint64)

Sides = NDArray[np.int8]


def rule_on_record(path: Path) -> str:
    """Return the rule of the cut in a file, without its rows; empty if it cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return str(json.loads(arrays["about"].tobytes())["rule"])
    except (OSError, ValueError, KeyError):
        return ""


@dataclass(frozen=True)
class RowMarks:
    """By what the rows of a data set are known.

    Attributes:
        keys: Keys of the rows in the order of the file, [n, 8].
        checks: Checksums of the columns in the order of the rows, by the number of leading rows.
        ids: Hashes of an identifying column, [n]; empty without one.
        file: Digest of the file; empty for several files.
        names: Hashes of the names of the rows, [n]; empty without names.
    """

    keys: Keys
    checks: dict[int, Hashes]
    ids: Hashes
    file: str = ""
    names: Hashes = field(default_factory=lambda: NO_NAMES)

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True)
class Cut:
    """A cut on record.

    Attributes:
        rule: ``rows``, ``groups``, ``time``, or ``given``.
        share: Share of the rows in the test part, as the spec asked for; NaN if both parts are given.
        border: Earliest time of the test part; NaN without times.
        test: Whether each row is in the test part, in the order of the file, [n].
        keys: Keys of the rows, [n, 8].
        checks: Checksums of the columns in the order of the rows.
        ids: Hashes of an identifying column, [n]; empty without one.
        file: Digest of the file; empty for several files.
        reader: Version of the reader that read the file.
        digest: Version of the keys.
        names: Hashes of the names of the rows, [n]; empty without names, and in early cuts.
    """

    rule: str
    share: float
    border: float
    test: NDArray[np.bool_]
    keys: Keys
    checks: Hashes
    ids: Hashes
    file: str = ""
    reader: int = READER
    digest: int = VERSION
    names: Hashes = field(default_factory=lambda: NO_NAMES)

    @classmethod
    def of(cls, rule: str, share: float, border: float, test: NDArray[np.bool_], marks: RowMarks) -> Cut:
        """Return a cut of rows that were marked just now."""
        checks = marks.checks.get(len(test), np.zeros(0, np.uint64))
        return cls(rule, share, border, test, marks.keys, checks, marks.ids, marks.file, names=marks.names)

    def __len__(self) -> int:
        return len(self.test)

    def to_bytes(self) -> bytes:
        """Return the cut as bytes: a bit and a key of 32 bytes for every row."""
        arrays: dict[str, NDArray[Any]] = {
            "test": np.packbits(self.test),
            "keys": self.keys,
            "checks": self.checks,
            "ids": self.ids,
            "names": self.names,
        }
        named = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name not in arrays}
        about = json.dumps({**named, "n": len(self)}).encode()
        stream = io.BytesIO()
        arrays["about"] = np.frombuffer(about, np.uint8)
        np.savez(stream, allow_pickle=False, **arrays)
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Cut:
        """Return what `to_bytes` was given."""
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            about = json.loads(arrays["about"].tobytes())
            test = np.unpackbits(arrays["test"], count=about.pop("n")).astype(bool)
            stored = {name: arrays[name] for name in ("keys", "checks", "ids", "names") if name in arrays}
        return cls(**about, test=test, **stored)

    @classmethod
    def read(cls, path: Path) -> Cut | None:
        """Return the cut in a file; None if it does not exist or cannot be read."""
        try:
            return cls.from_bytes(path.read_bytes())
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def marks(self) -> RowMarks:
        """Return by what the rows of this cut are known, to look for them in another."""
        return RowMarks(self.keys, {len(self): self.checks}, self.ids, self.file, self.names)

    def same_rule(self, rule: str, share: float) -> bool:
        """Return whether rows were cut by this rule, with this share."""
        return self.rule == rule and (math.isclose(self.share, share) or rule == GIVEN)

    def sides_of(self, rows: RowMarks) -> Sides:
        """Return the side on record of every row, [n]; `NEW` for rows that are not on record."""
        sides = self.exact_sides(rows)
        return np.where(sides == NEW, self.likely_sides(rows, sides), sides)

    def exact_sides(self, rows: RowMarks) -> Sides:
        """Return the side of every row that is as it was, [n].

        Rows are known by their number where the file, or most of its columns up to the rows on
        record, are as they were; otherwise by their ids or by their keys, and those left by their names.
        """
        sides = np.full(len(rows), NEW, np.int8)
        if self._has_same_order(rows):
            sides[: len(self)] = self.test
            return sides
        if len(self.ids) and len(rows.ids):
            _mark(sides, rows.ids, self.ids, self.test)
        if self.digest == VERSION:
            _mark(sides, whole(rows.keys), whole(self.keys), self.test)
        if len(self.names) and len(rows.names):
            _mark(sides, rows.names, self.names, self.test)
        return sides

    def likely_sides(self, rows: RowMarks, sides: Sides) -> Sides:
        """Return the side of every row without one that was edited, [n], if most such rows are found.

        Two parts of its key, or one, are then those of one row on record and of no other row here.
        """
        likely = np.full(len(rows), NEW, np.int8)
        left, vanished = sides == NEW, ~np.isin(whole(self.keys), whole(rows.keys))
        fewer = min(int(left.sum()), int(vanished.sum()))
        if not fewer or self.digest != VERSION:
            return likely
        for pair in HALVES:
            theirs, ours = _unique(paired(self.keys, pair)), _unique(paired(rows.keys, pair))
            _, known, here = np.intersect1d(*(theirs[0], ours[0]), assume_unique=True, return_indices=True)
            known, here = theirs[1][known], ours[1][here]
            fits = vanished[known] & left[here] & (likely[here] == NEW)
            likely[here[fits]] = self.test[known[fits]]
        return likely if (likely != NEW).sum() > HALF * fewer else np.full(len(rows), NEW, np.int8)

    def _has_same_order(self, rows: RowMarks) -> bool:
        if self.file and self.file == rows.file and len(self) == len(rows):
            return True
        checks = rows.checks.get(len(self))
        if self.digest != VERSION or checks is None or not len(self.checks):
            return False
        return int(np.isin(self.checks, checks).sum()) > HALF * len(self.checks)


def _unique(parts: Hashes) -> tuple[Hashes, NDArray[np.int64]]:
    """Return the values that one row only has, and these rows; not 0, which stands for no cells."""
    values, first, counts = np.unique(parts, return_index=True, return_counts=True)
    single = (counts == 1) & (values > 0)
    return values[single], first[single]


def _mark(
    sides: Sides, ours: NDArray[np.generic], known: NDArray[np.generic], test: NDArray[np.bool_]
) -> None:
    """Set the sides of new rows that are known; a row that is known on both sides is a test row."""
    if not len(known):
        return
    order = np.lexsort((test, known)) if known.dtype.kind != "V" else _order(known, test)
    ascending = known[order]
    last = np.searchsorted(ascending, ours, "right") - 1
    hit = (last >= 0) & (ascending[np.maximum(last, 0)] == ours) & (sides == NEW)
    sides[hit] = test[order][last[hit]]


def _order(known: NDArray[np.generic], test: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Order keys of many bytes, and test rows after others with the same key."""
    by_test = np.argsort(test, kind="stable")
    return by_test[np.argsort(known[by_test], kind="stable")]
