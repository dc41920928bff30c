"""What is done to the weights of a training before they are kept: made whole, and scored."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from hpo.core.fresh_seeds import SEARCH
from hpo.core.ports import TrainingTask
from hpo.core.recipe import Recipe
from hpo.core.shipped_model import AVERAGED
from hpo.core.trainable import Array, Arrays, Averages, Context, Examples, Trainable
from hpo.running.environment import OpenedStage, TrainingData
from hpo.running.training_context import Finish, Kept

MOST = 20_000
"""Examples beyond which their own luck is too small to be worth a look at each of them."""


def final_scorer(stage: OpenedStage, order: TrainingTask, parts: TrainingData, metric: str) -> Finish:
    """What becomes of the weights that an order keeps.

    Means of several epochs' weights are completed by the trainable and scored on validation; all
    are scored on the final part, if there is one and it was not trained on. What each example
    contributes to the value by which finalists are compared is noted, where it has parts.

    Args:
        stage: Trainable and data.
        order: What is trained.
        parts: On which rows.
        metric: The objective's.
    """
    trainable, recipe = stage.trainable, Recipe(order.recipe)

    def finish(weights: Arrays, context: Context) -> Kept:
        scores: dict[str, float] = {}
        if order.averages:
            assert isinstance(trainable, Averages)
            weights = trainable.average(recipe, weights, parts.train, context)
            outputs, targets = _asked(trainable, recipe, weights, parts.validation)
            scores |= _named(AVERAGED, trainable.score(outputs, targets))
        final, each = None if order.until else stage.final(), None
        if final is not None:
            outputs, targets = _asked(trainable, recipe, weights, final)
            scores |= _named("final", trainable.score(outputs, targets))
            each = contributions(trainable, metric, outputs, targets)
        elif not (order.until or order.averages) and order.split == SEARCH and context.device == "cpu":
            # Folds and all rows need no such word; on a GPU another pass by the CPU would be felt.
            with contextlib.suppress(Exception):  # it is a word more, and must not cost a training
                each = _validated(trainable, metric, recipe, weights, parts.validation)
        return Kept(weights, scores, each)

    return finish


def _validated(trainable: Trainable, metric: str, recipe: Recipe, weights: Arrays, part: Examples) -> Any:
    return (
        contributions(trainable, metric, *_asked(trainable, recipe, weights, part))
        if len(part) <= MOST
        else None
    )


def contributions(trainable: Trainable, metric: str, outputs: Array, targets: Array) -> Any:
    """What each example contributes to a score, [n]; None where the score is no mean over examples.

    uint8 if each is 0 or 1, as of an accuracy, otherwise float32.
    """
    if len(targets) > MOST:
        return None
    with contextlib.suppress(Exception):  # a user's score may not take one example; none is needed
        whole = trainable.score(outputs, targets)[metric]
        alone = (trainable.score(outputs[i : i + 1], targets[i : i + 1]) for i in range(len(targets)))
        each = np.array([score[metric] for score in alone], np.float64)
        if np.isclose(each.mean(), whole, rtol=1e-6, atol=1e-9):
            return each.astype(np.uint8 if np.isin(each, (0, 1)).all() else np.float32)
    return None


def _asked(trainable: Trainable, recipe: Recipe, weights: Arrays, examples: Examples) -> tuple[Array, Array]:
    """A model's outputs for examples, and their targets."""
    model = trainable.load(recipe, weights, examples.info)
    return model.predict(examples), examples.targets[examples.rows]


def _named(part: str, scores: Any) -> dict[str, float]:
    return {f"{part}/{name}": float(value) for name, value in scores.items()}
