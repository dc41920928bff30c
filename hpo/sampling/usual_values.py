"""What textbooks and libraries say of well-known hyperparameters, as a prior that results can overrule.

A search over a learning rate from 1e-8 to 10 knows, before its first trial, where to begin. The
values are the defaults that papers and libraries print, not fits to anybody's task: Kingma & Ba,
"Adam", ICLR 2015 (rate 1e-3, betas 0.9 and 0.999, epsilon 1e-8); Sutskever et al., "On the
importance of initialization and momentum", ICML 2013 (momentum 0.9); Bengio, "Practical
recommendations for gradient-based training", 2012 (batches of 32 to 256); weight decay 1e-4 as in
He et al., CVPR 2016; Srivastava et al., JMLR 2014, for dropout. Spreads are wide on purpose. Learning
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
    """Where a hyperparameter usually lies.

    Attributes:
        value: The textbook's value.
        decades: Spread on a logarithmic range, in powers of ten.
        spread: Spread on a linear range, in the parameter's own units; None where that says nothing.
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
"""By what a name means; see `hpo.sampling.known_names`."""


@dataclass(frozen=True)
class PriorDensity:
    """A truncated normal distribution of a cell in [0, 1].

    Attributes:
        centres: Its centre for each choice of another parameter [choices], or for all alike [1]; NaN
            where practice names a value outside the range.
        spread: Standard deviation.
        chooser: Column of that other parameter; None if there is none.
    """

    centres: Array
    spread: float
    chooser: int | None = None

    def draw(self, rng: np.random.Generator, rows: Array, tries: int = 4) -> tuple[Array, Flags]:
        """Values [n] for rows [n, parameters], and which of them lie inside the range."""
        steps = self.spread * rng.standard_normal((len(rows), tries))
        drawn = self.centre(rows)[:, None] + steps
        inside = (drawn >= 0) & (drawn <= 1)
        first = drawn[np.arange(len(rows)), inside.argmax(1)]
        return first, np.asarray(inside.any(1))

    def centre(self, rows: Array) -> Array:
        """The usual cell at rows [n, parameters]: [n], NaN where it lies outside the range."""
        if self.chooser is None:
            return np.full(len(rows), self.centres[0])
        return self.centres[picks(len(self.centres), rows[:, self.chooser])]


def prior_densities(space: Space, optimizer: Any = None) -> list[PriorDensity | None]:
    """What practice says of each parameter of a space; None where it knows neither name nor range.

    Args:
        space: What is searched.
        optimizer: Name of the optimizer, where the space has no choice of them.
    """
    return [_bell(parameter, space, optimizer) for parameter in space.parameters]


def _bell(parameter: Parameter, space: Space, optimizer: Any) -> PriorDensity | None:
    known = USUAL_VALUES.get(meaning(parameter.name, USUAL_VALUES) or "")
    spread = None if known is None else _spread(known, parameter.domain)
    if known is None or spread is None or spread > 0.5:
        return None
    values, chooser = [known.value], None
    if known is USUAL_VALUES["learning_rate"]:
        values = [_rate(optimizer)]
        for column, other in enumerate(space.parameters):
            if words(other.name)[-1:] == ["optimizer"] and isinstance(other.domain, Choice):
                values, chooser = [_rate(name) for name in other.domain.values], column
    centres = np.array([_cell(parameter.domain, value) for value in values])
    return None if np.isnan(centres).all() else PriorDensity(centres, spread, chooser)


def _rate(optimizer: Any) -> float:
    return USUAL_LEARNING_RATES.get(str(optimizer).lower(), USUAL_VALUES["learning_rate"].value)


def _cell(domain: Domain, value: float) -> float:
    """Where a value lies in the range; NaN outside."""
    if isinstance(domain, Choice):
        numbers = numbers_of(domain)
        assert numbers is not None
        order, cells = np.argsort(numbers), (np.arange(len(numbers)) + 0.5) / len(numbers)
        return float(np.interp(math.log(value), np.log(numbers[order]), cells[order], math.nan, math.nan))
    return unit(domain, value) if domain.low <= value <= domain.high else math.nan


def _spread(known: UsualValue, domain: Domain) -> float | None:
    if isinstance(domain, Choice):
        numbers = numbers_of(domain)
        if numbers is None or numbers.min() <= 0 or len(set(np.sign(np.diff(numbers)))) != 1:
            return None
        decades = abs(math.log10(numbers[-1] / numbers[0]))
        return known.decades / decades * (1 - 1 / len(numbers)) if decades else None
    if domain.high <= domain.low:
        return None
    if domain.log:
        return known.decades / math.log10(domain.high / domain.low)
    return None if known.spread is None else known.spread / (domain.high - domain.low)
