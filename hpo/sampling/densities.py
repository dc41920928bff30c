"""Densities around usual values, on the cells of an encoded space."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpo.core.practice import UNKNOWN, Practice
from hpo.core.space import Choice, Domain, Parameter, Space, Uniform
from hpo.sampling.encoding import numbers_of, picks, unit
from hpo.sampling.usual_values import UsualValue, optimizer_column, usual_in

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class PriorDensity:
    """A truncated normal distribution of a cell in [0, 1].

    Attributes:
        centres: Its centre for each choice of another parameter [choices], or one for all [1]; NaN
            where the usual value lies outside the range.
        spread: Standard deviation.
        chooser: Column of that other parameter, if any.
    """

    centres: Array
    spread: float
    chooser: int | None = None

    def draw(self, rng: np.random.Generator, rows: Array, tries: int = 4) -> tuple[Array, Flags]:
        """Draw values [n] for rows [n, parameters], and return which of them lie inside the range."""
        steps = self.spread * rng.standard_normal((len(rows), tries))
        drawn = self.centre(rows)[:, None] + steps
        inside = (drawn >= 0) & (drawn <= 1)
        first = drawn[np.arange(len(rows)), inside.argmax(1)]
        return first, np.asarray(inside.any(1))

    def centre(self, rows: Array) -> Array:
        """Return the usual cell [n] at rows [n, parameters]; NaN where it lies outside the range."""
        if self.chooser is None:
            return np.full(len(rows), self.centres[0])
        return self.centres[picks(len(self.centres), rows[:, self.chooser])]


def prior_densities(space: Space, practice: Practice = UNKNOWN) -> list[PriorDensity | None]:
    """Return the density of each parameter of a space; None where its name or range is not known.

    Args:
        space: Space to search.
        practice: What decides which values are usual.
    """
    return [_bell(parameter, space, practice) for parameter in space.parameters]


def _bell(parameter: Parameter, space: Space, practice: Practice) -> PriorDensity | None:
    usual = usual_in(parameter, space, practice)
    spreads = [_spread(value, parameter.domain) for value in usual.values()]
    widest = max((spread for spread in spreads if spread is not None), default=None)
    if widest is None or widest > 0.5:
        return None
    chooser = optimizer_column(space)
    centres = np.array([_cell(parameter.domain, value.value) for value in usual.values()])
    column = chooser[0] if chooser and None not in usual else None
    return None if np.isnan(centres).all() else PriorDensity(centres, widest, column)


def _cell(domain: Domain, value: float) -> float:
    """Return the position of a value in the range; NaN outside."""
    if isinstance(domain, Choice):
        numbers = numbers_of(domain)
        assert numbers is not None
        order, cells = np.argsort(numbers), (np.arange(len(numbers)) + 0.5) / len(numbers)
        return float(np.interp(math.log(value), np.log(numbers[order]), cells[order], math.nan, math.nan))
    return unit(domain, value) if domain.low <= value <= domain.high else math.nan


def _spread(usual: UsualValue, domain: Domain) -> float | None:
    if isinstance(domain, Choice):
        numbers = numbers_of(domain)
        if numbers is None or numbers.min() <= 0 or len(set(np.sign(np.diff(numbers)))) != 1:
            return None
        decades = abs(math.log10(numbers[-1] / numbers[0]))
        return usual.decades / decades * (1 - 1 / len(numbers)) if decades else None
    if domain.high <= domain.low or (isinstance(domain, Uniform) and domain.bell):
        return None  # a normal distribution says itself where good values are expected
    if domain.log:
        return usual.decades / math.log10(domain.high / domain.low)
    return None if usual.spread is None else usual.spread / (domain.high - domain.low)
