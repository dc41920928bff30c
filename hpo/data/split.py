"""Divide the development part into rows for training, for steering the search and for ranking finalists.

A split follows from the targets, from which rows are equal, from the fractions and a seed. It has a
fingerprint, which shows whether two searches were judged on the same examples.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.seeds import derive
from hpo.data.stratification import by_class, by_group, by_time, evenly, with_equal_rows

Rows = NDArray[np.int64]

ROLES = ("search", "final")
"""Validation parts in order of time: ``search`` picks epochs and steers, ``final`` ranks."""


@dataclass(frozen=True)
class Split:
    """Rows of the development part by their role; each array is ascending.

    Attributes:
        train: Rows that weights are fitted to.
        validation: Rows that pick epochs and drive early stopping.
        final: Rows that rank finalists; None if ``validation`` does that too.
    """

    train: Rows
    validation: Rows
    final: Rows | None = None

    @property
    def ranking(self) -> Rows:
        """Rows on which finalists are compared."""
        return self.validation if self.final is None else self.final

    @property
    def held_out(self) -> Rows:
        """Rows of both validation roles."""
        return self.validation if self.final is None else np.concatenate([self.validation, self.final])

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the rows of each role."""
        hasher = hashlib.sha256()
        for rows in (self.train, self.validation, self.final):
            hasher.update(b"|" if rows is None else np.asarray(rows, "<i8").tobytes() + b"|")
        return hasher.hexdigest()

    def roles(self) -> dict[str, Rows]:
        """Return the rows of each role that exists."""
        final = {} if self.final is None else {"final": self.final}
        return {"train": self.train, "validation": self.validation, **final}

    def within(self, rows: Rows) -> Split:
        """Return the split of some rows, ascending, each by its position among them."""
        positions = {role: np.flatnonzero(np.isin(rows, part)) for role, part in self.roles().items()}
        return Split(positions["train"], positions["validation"], positions.get("final"))

    def counts(self) -> dict[str, int]:
        """Return the number of rows of each role that exists."""
        return {role: len(rows) for role, rows in self.roles().items()}


@dataclass(frozen=True)
class RowLabels:
    """The columns of the development part that decide a split.

    Attributes:
        targets: Labels (int64) or values, [n].
        classes: Names of the classes; empty for regression.
        groups: Group of each row, [n]; None if rows are independent.
        times: Time of each row, [n]; None if order in time does not matter.
        stratified: Whether every part gets the same share of each class.
        equal: Number that only rows with equal inputs share, which then stay in one part unless groups or
            times decide, [n]; None to divide them like other rows.
    """

    targets: NDArray[Any]
    classes: tuple[str, ...] = ()
    groups: NDArray[Any] | None = None
    times: NDArray[np.float64] | None = None
    stratified: bool = True
    equal: NDArray[np.int64] | None = None

    @property
    def rule(self) -> str:
        """Rule by which rows are assigned: ``time``, ``groups``, ``classes`` or ``chance``."""
        if self.times is not None:
            return "time"
        if self.groups is not None:
            return "groups"
        return "classes" if self.stratified and self.targets.dtype.kind == "i" else "chance"

    def allot(self, shares: Sequence[float], seed: int) -> NDArray[np.int64]:
        """Return a part for every row, so that part k gets about ``shares[k]`` of the rows.

        Raises:
            UserError: If a part cannot be filled.
        """
        labels = self.targets if self.stratified and self.targets.dtype.kind == "i" else None
        if self.times is not None:
            return by_time(self.times, shares)
        if self.groups is not None:
            return by_group(self.groups, labels, shares, seed)
        if labels is not None:
            parts = by_class(labels, self.classes, shares, seed)
        else:
            parts = evenly(len(self.targets), shares, seed)
        return parts if self.equal is None else with_equal_rows(parts, self.equal)


def split(
    targets: NDArray[Any],
    *,
    validation: float | Mapping[str, float],
    seed: int,
    stratified: bool = True,
    groups: NDArray[Any] | None = None,
    times: NDArray[np.float64] | None = None,
    classes: Sequence[str] = (),
    equal: NDArray[np.int64] | None = None,
) -> Split:
    """Divide the development part into train and validation.

    Args:
        targets: Labels (int64) or values of all rows, [n].
        validation: Share of the rows, or a share for each of the roles ``search`` and ``final``.
        seed: Decides which rows; has no effect with times.
        stratified: Whether each class has the same share in every part, to within one row.
        groups: Rows of one group stay in one part.
        times: Validation is later than train, and ``final`` later than ``search``.
        classes: Names for messages.
        equal: Number that only rows with equal inputs share, which stay in one part, [n]; None to divide
            them like other rows.

    Raises:
        UserError: If a share is not above 0, no rows are left, or a part cannot be filled.
    """
    roles = {"search": float(validation)} if isinstance(validation, int | float) else dict(validation)
    _check(roles, len(targets))
    shares = [1.0 - sum(roles.values()), *(roles[role] for role in ROLES if role in roles)]
    data = RowLabels(targets, tuple(classes), groups, times, stratified, equal)
    parts = data.allot(shares, derive(seed, "split"))
    rows = [np.flatnonzero(parts == part) for part in range(len(shares))]
    return Split(rows[0], rows[1], rows[2] if "final" in roles else None)


def _check(roles: Mapping[str, float], n: int) -> None:
    path = "data.validation"
    unknown = [role for role in roles if role not in ROLES]
    if unknown or "search" not in roles:
        named = ", ".join(roles) or "nothing"
        raise UserError(f"{path}: legal roles are search (required) and final; it names {named}")
    for role, share in roles.items():
        if not 0 < share < 1:
            raise UserError(f"{path}: the share {share:g} of {role} is not between 0 and 1")
    if sum(roles.values()) >= 1 - 1e-9:
        raise UserError(f"{path}: a share of {sum(roles.values()):g} leaves none of {n} rows for training")


def folds(
    data: RowLabels, *, count: int, seed: int, repeats: int = 1, within: Rows | None = None
) -> list[Split]:
    """Return cross-validation splits: every row is held out once in each repeat.

    With times, fold k trains on the rows before its validation rows (``count`` + 1 blocks of time,
    the first of which is never held out), and repeats have no effect.

    Args:
        data: Labels, groups and times of the development part.
        count: Number of folds, at least 2.
        seed: Seed of the assignment; each repeat derives its own.
        repeats: How often the rows are assigned again.
        within: Rows to use; all if None.

    Raises:
        UserError: If there are more folds than examples of a class, groups or distinct times.
    """
    if count < 2 or repeats < 1:
        raise UserError(
            f"finalists.folds: {count} folds in {repeats} repeats; at least 2 folds in 1 repeat are needed"
        )
    rows = np.arange(len(data.targets)) if within is None else within
    part = RowLabels(
        data.targets[rows],
        data.classes,
        None if data.groups is None else data.groups[rows],
        None if data.times is None else data.times[rows],
        data.stratified,
        None if data.equal is None else data.equal[rows],
    )
    if data.times is not None:
        return _forward(part, rows, count)
    splits = []
    for repeat in range(repeats):
        fold_of = part.allot([1 / count] * count, derive(seed, "folds", repeat))
        splits += [Split(rows[fold_of != fold], rows[fold_of == fold]) for fold in range(count)]
    return splits


def _forward(part: RowLabels, rows: Rows, count: int) -> list[Split]:
    block = part.allot([1 / (count + 1)] * (count + 1), 0)
    return [Split(rows[block < fold], rows[block == fold]) for fold in range(1, count + 1)]
