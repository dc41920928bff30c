"""Points of a mixed, conditional space as rows of numbers, for models that measure distances.

A row has one cell in [0, 1] per parameter, on the parameter's own scale; every row is some point,
because cells of parameters that do not exist there are ignored. Features are what a kernel sees:
numbers rounded as they will be, choices one-hot unless they are numbers, and whatever does not exist at
one common value.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.space import Choice, Domain, Integer, Parameter, Point, Space, Uniform
from hpo.sampling.non_adaptive import at

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

WIDE = 4.0
"""Numbers to choose from that span this factor are compared by their logarithms."""
ABSENT = 0.5
"""The cell and the feature of a parameter that does not exist."""


class Encoding:
    """Turns rows into points and features, and points into rows.

    Attributes:
        space: The space encoded.
        owner: Which parameter each feature belongs to [features].
    """

    def __init__(self, space: Space):
        self.space = space
        self._column = {parameter.name: j for j, parameter in enumerate(space.parameters)}
        self._tables = {
            j: _table(parameter.domain)
            for j, parameter in enumerate(space.parameters)
            if isinstance(parameter.domain, Choice)
        }
        widths = [self._tables[j][0].shape[1] if j in self._tables else 1 for j in range(self.width)]
        self.owner = np.repeat(np.arange(len(widths)), widths)

    @property
    def width(self) -> int:
        """Cells of a row."""
        return len(self.space.parameters)

    def point(self, row: Array) -> dict[str, Any]:
        """The point of a row [width]; it may be a forbidden one."""
        point: dict[str, Any] = {}
        for parameter, cell in zip(self.space.parameters, row.tolist(), strict=True):
            if self.space.exists(parameter, point):
                point[parameter.name] = at(parameter.domain, min(cell, 1 - 1e-12))
        return point

    def row(self, point: Point) -> Array:
        """The row of a point [width]."""
        cells = [
            unit(parameter.domain, point[parameter.name]) if parameter.name in point else ABSENT
            for parameter in self.space.parameters
        ]
        return np.array(cells)

    def features(self, rows: Array) -> Array:
        """What a kernel sees of rows [n, width]: [n, features], one-hot choices a unit apart."""
        exists = self.exists(rows)
        blocks = []
        for j, parameter in enumerate(self.space.parameters):
            there = exists[:, j : j + 1]
            if isinstance(parameter.domain, Choice):
                table, absent = self._tables[j]
                blocks.append(np.where(there, table[picks(len(table), rows[:, j])], absent))
            else:
                blocks.append(np.where(there, snapped(parameter.domain, rows[:, j : j + 1]), ABSENT))
        return np.concatenate(blocks, axis=1)

    def exists(self, rows: Array) -> Flags:
        """Which parameters exist at rows [n, width]: [n, width]."""
        found = np.ones(rows.shape, bool)
        for j, parameter in enumerate(self.space.parameters):
            for parent, predicate in parameter.when:
                k = self._column[parent]
                found[:, j] &= found[:, k] & self._holds(self.space.parameters[k], predicate, rows[:, k])
        return found

    @staticmethod
    def _holds(parent: Parameter, predicate: Any, cells: Array) -> Flags:
        domain = parent.domain
        if isinstance(domain, Choice):
            table = np.array([predicate.holds(value) for value in domain.values])
            return np.asarray(table[picks(len(domain.values), cells)], bool)
        return np.array([predicate.holds(at(domain, min(c, 1 - 1e-12))) for c in cells.tolist()], bool)


def unit(domain: Domain, value: Any) -> float:
    """Where a value lies in [0, 1]; `hpo.sampling.non_adaptive.at` maps that place back to the value."""
    match domain:
        case Choice(values):
            return (domain.index(value) + 0.5) / len(values)
        case Uniform(low, _, step=float() as step):
            return (round((float(value) - low) / step) + 0.5) / domain.count()
        case Integer(low, high, log=False):
            return (float(value) - low + 0.5) / (high - low + 1)
        case Integer(low, high):
            return math.log(value / (low - 0.5)) / math.log((high + 0.5) / (low - 0.5))
        case Uniform(low, high) if low == high:
            return ABSENT
        case Uniform(low, high, log=True):
            return math.log(value / low) / math.log(high / low)
        case Uniform(low, high):
            return (float(value) - low) / (high - low)


def snapped(domain: Domain, cells: Array) -> Array:
    """Cells moved to the middle of the value they stand for, where values are whole or on a grid."""
    if isinstance(domain, Integer) and domain.log:
        low, high = domain.low - 0.5, domain.high + 0.5
        whole = np.clip(np.rint(low * (high / low) ** cells), domain.low, domain.high)
        return np.asarray(np.log(whole / low) / math.log(high / low))
    count = domain.count()
    if isinstance(domain, Uniform) and domain.low == domain.high:
        count = 1
    if math.isfinite(count):
        return np.asarray((np.minimum(np.floor(cells * count), count - 1) + 0.5) / count)
    return cells


def numbers_of(domain: Choice) -> Array | None:
    """The values of a choice between finite numbers [values]; None if there is anything else among them."""
    for value in domain.values:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if not abs(value) <= sys.float_info.max:
            return None
    return np.array(domain.values, np.float64)


def picks(count: int, cells: Array) -> NDArray[np.intp]:
    """Which of so many choices each cell [n] stands for."""
    return np.asarray(np.minimum((cells * count).astype(np.intp), count - 1))


def _table(domain: Choice) -> tuple[Array, float]:
    """The features of each value of a choice [values, features], and theirs where it does not exist."""
    numbers = numbers_of(domain)
    if numbers is None:
        return np.eye(len(domain.values)) * math.sqrt(0.5), 0.0
    return _spaced(numbers)[:, None], ABSENT


def _spaced(numbers: Array) -> Array:
    """Where numbers lie between the least and the greatest, by their logarithms if that is a wide range."""
    low, high = numbers.min(), numbers.max()
    if low == high:
        return np.full(len(numbers), ABSENT)
    if low > 0 and high >= WIDE * low:
        return np.asarray(np.log(numbers / low) / math.log(high / low))
    return np.asarray((numbers - low) / (high - low))
