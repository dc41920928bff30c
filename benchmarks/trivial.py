"""A training that does nothing, so that only the machinery is measured."""

import numpy as np

from hpo.core.grammar import Grammar, Hyperparameter
from hpo.core.trainable import Metric


class Constant:
    """A model that predicts its score, so that its weights give what was reported."""

    def __init__(self, score):
        self.value = score

    def weights(self):
        return {"value": np.array(self.value)}

    def predict(self, examples):
        return np.full(len(examples), self.value)


class Trivial:
    """Reports a number per epoch."""

    grammar = Grammar((Hyperparameter("x", "float", 0.5, 0, 1),))
    metrics = (Metric("score", "max"),)

    def train(self, recipe, train, validation, context):
        for epoch in context.epochs():
            score = recipe["x"] * epoch
            context.report({"validation/score": score}, Constant(score))

    def load(self, recipe, weights, info):
        return Constant(float(weights["value"]))

    def score(self, outputs, targets):
        return {"score": float(outputs[0])}
