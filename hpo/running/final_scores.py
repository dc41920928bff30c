"""Completing and scoring the weights of a training before they are kept."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from hpo.core.fresh_seeds import SEARCH
from hpo.core.ports import TrainingTask
from hpo.core.recipe import Recipe
from hpo.core.shipped_model import AVERAGED
from hpo.core.trainable import Array, Arrays, Averages, Context, Examples, Trainable
from hpo.metrics.forms import forms, jackknifed
from hpo.running.environment import OpenedStage, TrainingData
from hpo.running.training_context import Finish, Kept

MOST = 20_000
"""Examples beyond which sampling noise is too small for single contributions to be worth recording."""


def final_scorer(stage: OpenedStage, task: TrainingTask, parts: TrainingData, metric: str) -> Finish:
    """Return the function that completes and scores a task's weights before they are kept.

    Mean weights of several epochs are completed by the trainable and scored on validation. All weights
    are scored on the final part, if there is one and it was not trained on. Each example's contribution
    to the value that ranks finalists is recorded, if the value is a mean over examples.

    Args:
        stage: Trainable and data.
        task: The training.
        parts: Its training and validation data.
        metric: The objective's metric.
    """
    trainable, recipe = stage.trainable, Recipe(task.recipe)

    def finish(weights: Arrays, context: Context) -> Kept:
        scores: dict[str, float] = {}
        if task.averages:
            assert isinstance(trainable, Averages)
            weights = trainable.average(recipe, weights, parts.train, context)
            outputs, targets = _predicted(trainable, recipe, weights, parts.validation)
            scores |= _prefixed(AVERAGED, trainable.score(outputs, targets))
        final, examples = None if task.until else stage.final(), None
        if final is not None:
            outputs, targets = _predicted(trainable, recipe, weights, final)
            scores |= _prefixed("final", trainable.score(outputs, targets))
            examples = contributions(trainable, metric, outputs, targets)
        elif not (task.until or task.averages) and task.split == SEARCH and context.device == "cpu":
            # Not needed for folds and all rows; on a GPU another pass on the CPU would take too long.
            with contextlib.suppress(Exception):  # it is optional and must not fail the training
                examples = _validated(trainable, metric, recipe, weights, parts.validation)
        related = dependence(parts.validation if final is None else final) if examples is not None else {}
        return Kept(weights, scores, examples, related)

    return finish


def _validated(trainable: Trainable, metric: str, recipe: Recipe, weights: Arrays, part: Examples) -> Any:
    return (
        contributions(trainable, metric, *_predicted(trainable, recipe, weights, part))
        if len(part) <= MOST
        else None
    )


def contributions(trainable: Trainable, metric: str, outputs: Array, targets: Array) -> Any:
    """Return each example's contribution to a score, [n]; None if it is unknown.

    Their mean is the score. Of a score that is not a mean over examples, the contribution is by how
    much each example moves it. The type is uint8 if all are 0 or 1, as for an accuracy, otherwise
    float32.
    """
    if len(targets) > MOST:
        return None

    def score(some: Array, their: Array) -> dict[str, float]:
        return {metric: float(trainable.score(some, their)[metric])}

    with contextlib.suppress(Exception):  # a user's score may reject some of the examples
        form = forms(score, outputs, targets)[metric] or jackknifed(score, metric, outputs, targets)
        if form is not None:
            values = form.contributions.round(12)
            return values.astype(np.uint8 if np.isin(values, (0, 1)).all() else np.float32)
    return None


def dependence(examples: Examples) -> Arrays:
    """Return groups and times of a part's rows as arrays [n], by their names in a file; often none."""
    named = {"groups": examples.groups, "times": examples.times}
    return {name: np.asarray(values[examples.rows]) for name, values in named.items() if values is not None}


def _predicted(
    trainable: Trainable, recipe: Recipe, weights: Arrays, examples: Examples
) -> tuple[Array, Array]:
    """Return a model's outputs for examples, and the targets."""
    model = trainable.load(recipe, weights, examples.info)
    return model.predict(examples), examples.targets[examples.rows]


def _prefixed(part: str, scores: Any) -> dict[str, float]:
    return {f"{part}/{name}": float(value) for name, value in scores.items()}
