"""A trainable whose learning curves are known, for searches that need no network."""

import time
from dataclasses import dataclass

import numpy as np

from hpo.core.errors import UserError
from hpo.core.grammar import Grammar, Hyperparameter
from hpo.core.trainable import Metric
from hpo.running.environment import OpenedStage, TrainingData


@dataclass
class Constant:
    """A model that is one number."""

    value: float

    def weights(self):
        return {"value": np.array(self.value)}

    def predict(self, examples):
        return np.full(len(examples), self.value)


class Curves:
    """Rises towards ``height``; noise comes from the seed. Can fail in every way."""

    grammar = Grammar(
        (
            Hyperparameter("height", "float", 0.5, 0, 1),
            Hyperparameter("mishap", "str", "none"),
            Hyperparameter("seconds", "float", 0.0, 0, 100),
        )
    )
    metrics = (Metric("score", "max"),)

    def train(self, recipe, train, validation, context):
        random = np.random.default_rng(context.seed)
        state = context.restored()
        if state is not None:
            random.bit_generator.state = _unpacked(random.bit_generator.state, state["random"])
        for epoch in context.epochs():
            mishap(recipe["mishap"], epoch)
            time.sleep(recipe["seconds"])
            noise = 0.05 * random.standard_normal()
            score = recipe["height"] * (1 - 0.7**epoch) + noise
            if recipe["mishap"] == "nan" and epoch == 2:
                score = float("nan")
            metrics = {} if recipe["mishap"] == "silent" else {"validation/score": score}
            packed = _packed(random.bit_generator.state)
            context.report(metrics, Constant(score), lambda packed=packed: {"random": packed})

    def load(self, recipe, weights, info):
        return Constant(float(weights["value"]))

    def score(self, outputs, targets):
        return {"score": float(outputs.mean())}


def mishap(kind, epoch):
    if kind == "refused":
        raise UserError("batch_size: 1 is too small")
    if kind == "error" and epoch == 2:
        raise ValueError("the user's own mistake")
    if kind == "memory" and epoch == 2:
        raise MemoryError
    if kind == "hang" and epoch == 2:
        time.sleep(1000)
    if kind == "die" and epoch == 2:
        import os

        os._exit(1)


def _packed(state):
    inner = state["state"]
    words = [inner["state"] >> shift & (2**64 - 1) for shift in (0, 64)]
    words += [inner["inc"] >> shift & (2**64 - 1) for shift in (0, 64)]
    return np.array([*words, state["has_uint32"], state["uinteger"]], dtype=np.uint64)


def _unpacked(state, words):
    words = [int(word) for word in words]
    inner = {"state": words[0] | words[1] << 64, "inc": words[2] | words[3] << 64}
    return {**state, "state": inner, "has_uint32": words[4], "uinteger": words[5]}


def open_stage():
    return OpenedStage(Curves(), lambda split: TrainingData(None, None))
