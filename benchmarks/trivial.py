"""A training that does nothing, so that only the machinery is measured."""

import numpy as np

from hpo.core.grammar import Grammar, Hyperparameter
from hpo.core.trainable import Metric


class Nothing:
    """A model without weights."""

    def weights(self):
        return {"none": np.zeros(1)}

    def predict(self, examples):
        return np.zeros(len(examples))


class Trivial:
    """Reports a number per epoch."""

    grammar = Grammar((Hyperparameter("x", "float", 0.5, 0, 1),))
    metrics = (Metric("score", "max"),)

    def train(self, recipe, train, validation, context):
        for epoch in context.epochs():
            context.report({"validation/score": recipe["x"] * epoch}, Nothing())

    def load(self, recipe, weights, info):
        return Nothing()

    def score(self, outputs, targets):
        return {"score": 0.0}
