"""Usual values of well-known hyperparameters, from textbooks and libraries, as a prior.

A search over a learning rate from 1e-8 to 10 should not start from nothing. The values are the
defaults of papers and libraries, not fitted to any task: Kingma & Ba,
"Adam", ICLR 2015 (learning rate 1e-3, betas 0.9 and 0.999, epsilon 1e-8); Sutskever et al., "On the
importance of initialization and momentum", ICML 2013 (momentum 0.9); Bengio, "Practical
recommendations for gradient-based training", 2012 (batches of 32 to 256); weight decay 1e-4 as in
He et al., CVPR 2016; Srivastava et al., JMLR 2014, for dropout. Spreads are deliberately wide. Learning
rates depend on the optimizer: see `hpo.core.learning_rates`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.learning_rates import USUAL_LEARNING_RATES
from hpo.core.space import Choice, Domain, Parameter, Space
from hpo.sampling.encoding import numbers_of, picks, unit
from hpo.sampling.known_names import meaning, words

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class UsualValue:
    """The usual value of a hyperparameter.

    Attributes:
        value: The textbook's value.
        decades: Spread on a logarithmic range, in powers of ten.
        spread: Spread on a linear range, in the parameter's own units; None where it is not useful there.
    """

    value: float
    decades: float
    spread: float | None = None


USUAL_VALUES = {
    "learning_rate": UsualValue(1e-3, 1.0),
    "batch_size": UsualValue(128, 0.5, 128),
    "momentum": UsualValue(0.9, 0.3, 0.3),
    "beta1": UsualValue(0.9, 0.3, 0.2),
    "beta2": UsualValue(0.999, 0.3, 0.1),
    "one_minus_momentum": UsualValue(0.1, 1.0, 0.3),
    "one_minus_beta1": UsualValue(0.1, 1.0, 0.2),
    "one_minus_beta2": UsualValue(1e-3, 1.0, 0.1),
    "epsilon": UsualValue(1e-8, 2.0),
    "weight_decay": UsualValue(1e-4, 1.5, 0.03),
    "l2": UsualValue(1e-4, 2.0),
    "l1": UsualValue(1e-5, 2.0),
    "dropout": UsualValue(0.2, 0.5, 0.25),
    "max_dropout": UsualValue(0.2, 0.5, 0.25),
    "label_smoothing": UsualValue(0.1, 0.5, 0.1),
    "warmup": UsualValue(0.05, 0.5, 0.1),
}
"""Usual values by known name; see `hpo.sampling.known_names`."""


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


def prior_densities(space: Space, optimizer: Any = None) -> list[PriorDensity | None]:
    """Return the density of each parameter of a space; None where its name or range is not known.

    Args:
        space: Space to search.
        optimizer: Name of the optimizer, if the space does not search over it.
    """
    return [_bell(parameter, space, optimizer) for parameter in space.parameters]


def _bell(parameter: Parameter, space: Space, optimizer: Any) -> PriorDensity | None:
    usual = USUAL_VALUES.get(meaning(parameter.name, USUAL_VALUES) or "")
    spread = None if usual is None else _spread(usual, parameter.domain)
    if usual is None or spread is None or spread > 0.5:
        return None
    values, chooser = [usual.value], None
    if usual is USUAL_VALUES["learning_rate"]:
        values = [_learning_rate(optimizer)]
        for column, other in enumerate(space.parameters):
            if words(other.name)[-1:] == ["optimizer"] and isinstance(other.domain, Choice):
                values, chooser = [_learning_rate(name) for name in other.domain.values], column
    centres = np.array([_cell(parameter.domain, value) for value in values])
    return None if np.isnan(centres).all() else PriorDensity(centres, spread, chooser)


def _learning_rate(optimizer: Any) -> float:
    return USUAL_LEARNING_RATES.get(str(optimizer).lower(), USUAL_VALUES["learning_rate"].value)


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
    if domain.high <= domain.low:
        return None
    if domain.log:
        return usual.decades / math.log10(domain.high / domain.low)
    return None if usual.spread is None else usual.spread / (domain.high - domain.low)
