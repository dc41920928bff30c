"""Points of a mixed, conditional space as rows of numbers, for distance-based models.

A row has one cell in [0, 1] per parameter, on the parameter's own scale; every row is a valid point,
because cells of parameters that do not exist there are ignored. Features are what a kernel sees:
numbers rounded as they will be used, choices one-hot unless they are numbers, and parameters that do
not exist at one common value.
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
"""Numeric choices that span this factor are compared on a logarithmic scale."""
ABSENT = 0.5
"""Cell and feature of a parameter that does not exist."""


class Encoding:
    """Converts rows to points and features, and points to rows.

    Attributes:
        space: The encoded space.
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
        """Number of cells of a row."""
        return len(self.space.parameters)

    def point(self, row: Array) -> Point:
        """Return the point of a row [width]; it may be forbidden."""
        point: dict[str, Any] = {}
        for parameter, cell in zip(self.space.parameters, row.tolist(), strict=True):
            if self.space.exists(parameter, point):
                point[parameter.name] = at(parameter.domain, min(cell, 1 - 1e-12))
        return point

    def row(self, point: Point) -> Array:
        """Return the row [width] of a point."""
        cells = [
            unit(parameter.domain, point[parameter.name]) if parameter.name in point else ABSENT
            for parameter in self.space.parameters
        ]
        return np.array(cells)

    def features(self, rows: Array) -> Array:
        """Return the features [n, features] of rows [n, width]; one-hot choices are a unit apart."""
        exists = self.exists(rows)
        blocks = []
        for j, parameter in enumerate(self.space.parameters):
            present = exists[:, j : j + 1]
            if isinstance(parameter.domain, Choice):
                table, absent = self._tables[j]
                blocks.append(np.where(present, table[picks(len(table), rows[:, j])], absent))
            else:
                blocks.append(np.where(present, snapped(parameter.domain, rows[:, j : j + 1]), ABSENT))
        return np.concatenate(blocks, axis=1)

    def exists(self, rows: Array) -> Flags:
        """Return which parameters exist at rows [n, width]: [n, width]."""
        flags = np.ones(rows.shape, bool)
        for j, parameter in enumerate(self.space.parameters):
            for parent, predicate in parameter.when:
                k = self._column[parent]
                flags[:, j] &= flags[:, k] & self._holds(self.space.parameters[k], predicate, rows[:, k])
        return flags

    @staticmethod
    def _holds(parent: Parameter, predicate: Any, cells: Array) -> Flags:
        domain = parent.domain
        if isinstance(domain, Choice):
            table = np.array([predicate.holds(value) for value in domain.values])
            return np.asarray(table[picks(len(domain.values), cells)], bool)
        return np.array([predicate.holds(at(domain, min(c, 1 - 1e-12))) for c in cells.tolist()], bool)


def unit(domain: Domain, value: Any) -> float:
    """Return the position of a value in [0, 1]; `hpo.sampling.non_adaptive.at` maps it back to the value."""
    match domain:
        case Choice(values):
            return (domain.index(value) + 0.5) / len(values)
        case Uniform() if domain.shaped:
            return domain.position(value)
        case Uniform(low, _, step=float() as step):
            return (round((float(value) - low) / step) + 0.5) / domain.count()
        case Integer(low, log=False, step=step):
            return ((float(value) - low) / step + 0.5) / domain.count()
        case Integer(low, high):
            return math.log(value / (low - 0.5)) / math.log((high + 0.5) / (low - 0.5))
        case Uniform(low, high) if low == high:
            return ABSENT
        case Uniform(low, high, log=True):
            return math.log(value / low) / math.log(high / low)
        case Uniform(low, high):
            return (float(value) - low) / (high - low)


def snapped(domain: Domain, cells: Array) -> Array:
    """Move cells to the middle of the value they represent, for integers and grids."""
    if isinstance(domain, Integer) and domain.log:
        low, high = domain.low - 0.5, domain.high + 0.5
        whole = np.clip(np.rint(low * (high / low) ** cells), domain.low, domain.high)
        return np.asarray(np.log(whole / low) / math.log(high / low))
    if isinstance(domain, Uniform) and domain.shaped:
        if domain.step is None:
            return cells
        middles = [unit(domain, at(domain, cell)) for cell in cells.ravel().tolist()]
        return np.array(middles).reshape(cells.shape)
    count = domain.count()
    if isinstance(domain, Uniform) and domain.low == domain.high:
        count = 1
    if math.isfinite(count):
        return np.asarray((np.minimum(np.floor(cells * count), count - 1) + 0.5) / count)
    return cells


def numbers_of(domain: Choice) -> Array | None:
    """Return the values of a choice between finite numbers [values]; None if any is not one."""
    for value in domain.values:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if not abs(value) <= sys.float_info.max:
            return None
    return np.array(domain.values, np.float64)


def picks(count: int, cells: Array) -> NDArray[np.intp]:
    """Return the index of the choice that each cell [n] represents."""
    return np.asarray(np.minimum((cells * count).astype(np.intp), count - 1))


def _table(domain: Choice) -> tuple[Array, float]:
    """Return the features of each value of a choice [values, features], and those used where it is absent."""
    numbers = numbers_of(domain)
    if numbers is None:
        return np.eye(len(domain.values)) * math.sqrt(0.5), 0.0
    return _spaced(numbers)[:, None], ABSENT


def _spaced(numbers: Array) -> Array:
    """Return the positions of numbers in their range, on a log scale if the range is wide."""
    low, high = numbers.min(), numbers.max()
    if low == high:
        return np.full(len(numbers), ABSENT)
    if low > 0 and high >= WIDE * low:
        return np.asarray(np.log(numbers / low) / math.log(high / low))
    return np.asarray((numbers - low) / (high - low))
