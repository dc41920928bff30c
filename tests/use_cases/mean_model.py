"""A toy model that predicts the mean target and a searched shift, as the source of a user's module."""

MEAN_MODEL = """
import numpy as np
from hpo.core.grammar import Grammar, Hyperparameter
from hpo.core.trainable import Metric


class Mean:
    grammar = Grammar((Hyperparameter("shift", "float", 0.0, low=-1.0, high=1.0),))
    metrics = (Metric("mse", "min"),)

    def train(self, recipe, train, validation, context):
        for _ in context.epochs():
            model = Fitted(train.targets[train.rows].mean() + recipe["shift"])
            value = self.score(model.predict(validation), validation.targets[validation.rows])["mse"]
            context.report({"validation/mse": value}, model)

    def load(self, recipe, weights, info):
        return Fitted(float(weights["mean"]))

    def score(self, outputs, targets):
        return {"mse": float(((outputs - targets) ** 2).mean())}


class Fitted:
    def __init__(self, mean):
        self.mean = mean

    def predict(self, examples):
        return np.full(len(examples), self.mean)

    def weights(self):
        return {"mean": np.array(self.mean)}
"""
