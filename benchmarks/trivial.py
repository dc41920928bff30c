"""Trainings that compute nothing, so that only the machinery is measured."""

import os
import time
from pathlib import Path

import numpy as np

from hpo.core.grammar import Grammar, Hyperparameter
from hpo.core.trainable import Metric

SECONDS = 1.0
"""How long a training takes."""

GATE = "HPO_WAITING_GATE"
"""Environment variable: a folder in which each worker creates a file when it is ready."""

WORKERS = "HPO_WAITING_WORKERS"
"""Environment variable: number of workers that start together."""


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


def nothing(part):
    """Return ten rows; which ones does not matter."""
    return np.arange(20.0).reshape(10, 2) + (part == "test"), np.arange(10.0)


class Waiting(Trivial):
    """Waits and reports when it began, in which process, and how long it waited.

    A worker is ready after its first training, in which its weights are checked. It does not begin the
    second one before all workers are ready.
    """

    trained = 0

    def train(self, recipe, train, validation, context):
        began = time.time()
        if Waiting.trained == 1:
            began = wait_for_others()
        Waiting.trained += 1
        for _ in context.epochs():
            time.sleep(SECONDS)
            score, process = recipe["x"], float(os.getpid())
            facts = {"train/began": began, "train/ended": time.time(), "train/process": process}
            context.report({"validation/score": score} | facts, Constant(score))


def wait_for_others():
    """Wait until all workers are ready; return the moment at which the last one was."""
    gate, workers = Path(os.environ[GATE]), int(os.environ[WORKERS])
    (gate / str(os.getpid())).touch()
    while len(found := list(gate.iterdir())) < workers:
        time.sleep(0.02)
    return max(path.stat().st_mtime for path in found)
