"""The usual learning rate of each optimizer.

Recipes take it where they say ``learning_rate: null``, and a sampler begins its search near it. The
values are those that papers and libraries print: 0.1 for plain steps, half of it with momentum, 1e-3
for Adam's family (Kingma and Ba, ICLR 2015).
"""

from __future__ import annotations

from collections.abc import Mapping

USUAL_LEARNING_RATES: Mapping[str, float] = {
    "sgd": 0.1,
    "momentum": 0.05,
    "nesterov": 0.05,
    "adagrad": 0.01,
    "rmsprop": 1e-3,
    "adadelta": 1.0,
    "adam": 1e-3,
    "adamw": 1e-3,
    "nadam": 1e-3,
    "lars": 0.1,
    "lamb": 5e-3,
}
"""By the optimizer's name in a recipe."""
