"""Usual values of well-known hyperparameters, from textbooks and libraries, as a prior.

A search over a learning rate from 1e-8 to 10 should not start from nothing. The values are the
defaults of papers and libraries, not fitted to any task: Kingma & Ba,
"Adam", ICLR 2015 (learning rate 1e-3, betas 0.9 and 0.999, epsilon 1e-8); Sutskever et al., "On the
importance of initialization and momentum", ICML 2013 (momentum 0.9); Bengio, "Practical
recommendations for gradient-based training", 2012 (batches of 32 to 256); weight decay 1e-4 as in
He et al., CVPR 2016; Srivastava et al., JMLR 2014, for dropout. Spreads are deliberately wide. Learning
rates depend on the optimizer: see `hpo.core.learning_rates`.

Some values depend on the context. Decoupled weight decay (Loshchilov & Hutter, ICLR 2019) is multiplied by
the learning rate, so that its usual values are larger: 0.05 in DeiT (Touvron et al., ICML 2021) and Swin
(Liu et al., ICCV 2021), 0.1 in GPT-3 (Brown et al., NeurIPS 2020). Pretrained weights are trained at a tenth
of the usual learning rate (Girshick et al., CVPR 2014), transformers with Adam at 2e-5 to 5e-5 (Devlin et
al., BERT, NAACL 2019). A spec can replace or drop any of this in its field ``prior``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from hpo.core.learning_rates import USUAL_LEARNING_RATES
from hpo.core.practice import Belief, Practice
from hpo.core.space import Choice, Parameter, Space
from hpo.sampling.known_names import meaning, words


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
    "rate_multiplier": UsualValue(0.1, 0.5, 0.2),
}
"""Usual values by known name; see `hpo.sampling.known_names`."""

BY_OPTIMIZER = frozenset({"learning_rate", "weight_decay"})
"""Names whose usual values depend on the optimizer."""

DECOUPLED = frozenset({"adamw", "lamb", "lion"})
"""Optimizers whose weight decay does not pass through the gradient."""

DECOUPLED_DECAY = UsualValue(0.05, 1.0, 0.05)
"""Weight decay of these."""

ADAPTIVE = frozenset({"adam", "adamw", "nadam", "lamb", "lion"})
"""Optimizers whose steps do not grow with the gradient."""

PRETRAINED_SHARE = 0.1
"""Learning rate for pretrained weights, relative to that for random ones."""

PRETRAINED_TRANSFORMER = 3e-5
"""Learning rate of Adam's family for a pretrained transformer."""


def usual_in(parameter: Parameter, space: Space, practice: Practice) -> dict[Any, UsualValue]:
    """Return what is usual for a parameter, for each optimizer that the space chooses from.

    Returns:
        Usual values by optimizer; with the only key None if they do not depend on a choice of the space,
        empty if nothing is known.
    """
    if practice.off:
        return {}
    if parameter.name in practice.beliefs:
        belief = practice.beliefs[parameter.name]
        return {} if belief is None else {None: _believed(belief)}
    name = meaning(parameter.name, USUAL_VALUES)
    if name is None:
        return {}
    chooser = optimizer_column(space)
    if name not in BY_OPTIMIZER or chooser is None:
        return {None: _usual(name, practice.optimizer, practice)}
    return {optimizer: _usual(name, optimizer, practice) for optimizer in chooser[1]}


def _believed(belief: Belief) -> UsualValue:
    decades = math.log10(belief.within) if belief.within > 1 else math.inf
    return UsualValue(belief.around, decades, belief.within)


def _usual(name: str, optimizer: Any, practice: Practice) -> UsualValue:
    """Return the usual value of a known name with an optimizer."""
    usual, used = USUAL_VALUES[name], str(optimizer).lower()
    if name == "weight_decay" and used in DECOUPLED:
        return DECOUPLED_DECAY
    if name != "learning_rate":
        return usual
    rate = USUAL_LEARNING_RATES.get(used, usual.value)
    if practice.pretrained:
        adaptive = used in ADAPTIVE or optimizer is None
        rate = PRETRAINED_TRANSFORMER if practice.transformer and adaptive else PRETRAINED_SHARE * rate
    return replace(usual, value=rate)


def optimizer_column(space: Space) -> tuple[int, tuple[Any, ...]] | None:
    """Return the column of the space's optimizer and its choices."""
    for column, parameter in enumerate(space.parameters):
        if words(parameter.name)[-1:] == ["optimizer"] and isinstance(parameter.domain, Choice):
            return column, parameter.domain.values
    return None
