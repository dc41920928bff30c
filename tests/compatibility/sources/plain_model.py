"""A line fitted in Python's own arithmetic: no library and no processor changes its numbers."""

import random

import numpy as np

from hpo.core.parts import Grammar, Hyperparameter
from hpo.core.trainable import Metric


class Line:
    grammar = Grammar(
        (
            Hyperparameter("learning_rate", "float", 0.1, low=1e-6, high=100.0, log=True),
            Hyperparameter("fate", "str", "fits", choices=("fits", "diverges", "raises")),
        )
    )
    metrics = (Metric("mse", "min"),)

    def train(self, recipe, train, validation, context):
        kept = context.restored()
        line = _start(context.seed) if kept is None else Fitted(*kept["line"].tolist())
        pairs = list(zip(_inputs(train), train.targets[train.rows].tolist(), strict=True))
        for epoch in context.epochs():
            if recipe["fate"] == "raises" and epoch == 2:
                raise RuntimeError("this one was meant to fail")
            line = line.step(pairs, recipe["learning_rate"])
            mse = self.score(line.predict(validation), validation.targets[validation.rows])["mse"]
            mse = float("nan") if recipe["fate"] == "diverges" and epoch == 2 else mse
            context.report({"validation/mse": mse}, line, line.weights)

    def load(self, recipe, weights, info):
        return Fitted(*weights["line"].tolist())

    def score(self, outputs, targets):
        errors = [a - b for a, b in zip(outputs.tolist(), targets.tolist(), strict=True)]
        return {"mse": sum(error * error for error in errors) / len(errors)}


class Fitted:
    def __init__(self, slope, height):
        self.slope, self.height = slope, height

    def step(self, pairs, rate):
        errors = [(self.slope * x + self.height - y, x) for x, y in pairs]
        slope = self.slope - rate * 2 * sum(error * x for error, x in errors) / len(pairs)
        return Fitted(slope, self.height - rate * 2 * sum(error for error, _ in errors) / len(pairs))

    def predict(self, examples):
        return np.array([self.slope * x + self.height for x in _inputs(examples)])

    def weights(self):
        return {"line": np.array([self.slope, self.height])}


def _start(seed):
    source = random.Random(seed)
    return Fitted(source.random(), source.random())


def _inputs(examples):
    return examples.inputs[examples.rows][:, 0].tolist()
