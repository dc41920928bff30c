"""What textbooks and libraries say of well-known hyperparameters, as a prior that results can overrule.

A search over a learning rate from 1e-8 to 10 knows, before its first trial, where to begin. The
values are the defaults that papers and libraries print, not fits to anybody's task: Kingma & Ba,
"Adam", ICLR 2015 (rate 1e-3, betas 0.9 and 0.999, epsilon 1e-8); Sutskever et al., "On the
importance of initialization and momentum", ICML 2013 (momentum 0.9); Bengio, "Practical
recommendations for gradient-based training", 2012 (batches of 32 to 256); weight decay 1e-4 as in
He et al., CVPR 2016; Srivastava et al., JMLR 2014, for dropout. Spreads are wide on purpose.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpo.core.space import Choice, Domain, Parameter
from hpo.sampling.encoding import unit

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Usual:
    """Where a hyperparameter usually lies.

    Attributes:
        value: The textbook's value.
        decades: Spread on a logarithmic range, in powers of ten.
        spread: Spread on a linear range, in the parameter's own units; None where that says nothing.
    """

    value: float
    decades: float
    spread: float | None = None


PRACTICE = {
    "learning_rate": Usual(1e-3, 1.0),
    "batch_size": Usual(128, 0.5, 128),
    "momentum": Usual(0.9, 0.3, 0.3),
    "beta1": Usual(0.9, 0.3, 0.2),
    "beta2": Usual(0.999, 0.3, 0.1),
    "one_minus_momentum": Usual(0.1, 1.0, 0.3),
    "one_minus_beta1": Usual(0.1, 1.0, 0.2),
    "one_minus_beta2": Usual(1e-3, 1.0, 0.1),
    "epsilon": Usual(1e-8, 2.0),
    "weight_decay": Usual(1e-4, 1.5, 0.03),
    "l2": Usual(1e-4, 2.0),
    "l1": Usual(1e-5, 2.0),
    "dropout": Usual(0.2, 0.5, 0.25),
    "max_dropout": Usual(0.2, 0.5, 0.25),
    "label_smoothing": Usual(0.1, 0.5, 0.1),
    "warmup": Usual(0.05, 0.5, 0.1),
}
"""By the last word of a dotted name, in lower case."""

ALIASES = {
    "lr": "learning_rate",
    "initial_learning_rate": "learning_rate",
    "eps": "epsilon",
    "wd": "weight_decay",
    "beta_1": "beta1",
    "beta_2": "beta2",
    "dropout_rate": "dropout",
    "drop_rate": "dropout",
}


@dataclass(frozen=True, slots=True)
class Bell:
    """A truncated normal distribution of a cell in [0, 1]."""

    centre: float
    spread: float

    def draw(self, rng: np.random.Generator, count: int, tries: int = 4) -> tuple[Array, NDArray[np.bool_]]:
        """Values [count], and which of them lie inside the range."""
        drawn = self.centre + self.spread * rng.standard_normal((count, tries))
        inside = (drawn >= 0) & (drawn <= 1)
        first = drawn[np.arange(count), inside.argmax(1)]
        return first, np.asarray(inside.any(1))

    def near(self, cells: Array) -> NDArray[np.bool_]:
        """Which cells lie where practice expects them."""
        return np.asarray(np.abs(cells - self.centre) <= self.spread)


def usual(parameter: Parameter) -> Bell | None:
    """What practice says of a parameter; None where it says nothing about this name or range."""
    name = parameter.name.rsplit(".", 1)[-1].lower()
    known = PRACTICE.get(ALIASES.get(name, name))
    domain = parameter.domain
    if known is None or isinstance(domain, Choice) or not domain.low <= known.value <= domain.high:
        return None
    spread = _spread(known, domain)
    return None if spread is None or spread > 0.5 else Bell(unit(domain, known.value), spread)


def _spread(known: Usual, domain: Domain) -> float | None:
    assert not isinstance(domain, Choice)
    if domain.high <= domain.low:
        return None
    if domain.log:
        return known.decades / math.log10(domain.high / domain.low)
    return None if known.spread is None else known.spread / (domain.high - domain.low)
