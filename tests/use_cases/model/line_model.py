"""The code of a small trainable, which tests write beside their specs."""

MODEL = """
import numpy as np
from hpo.core.grammar import Grammar, Hyperparameter
from hpo.core.trainable import Metric


class Line:
    grammar = Grammar((Hyperparameter("rate", "float", 0.1, low=1e-6, high=1.0, log=True),))
    metrics = (Metric("mse", "min"),)

    def train(self, recipe, train, validation, context):
        raise NotImplementedError

    def load(self, recipe, weights, info):
        return Fitted(weights["line"])

    def score(self, outputs, targets):
        return {"mse": float(((outputs - targets) ** 2).mean())}


class Fitted:
    def __init__(self, line):
        self.line = line

    def predict(self, examples):
        return examples.inputs[examples.rows] @ self.line
"""
