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
from hpo.metrics.assessment import Assessment, assess
from hpo.metrics.forms import Score, forms, jackknifed
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
            scores |= _prefixed(AVERAGED, _assessed(trainable, recipe, weights, parts.validation).values)
        final, examples = None if task.until else stage.final(), None
        if final is not None:
            assessment = _assessed(trainable, recipe, weights, final)
            scores |= _prefixed("final", assessment.values)
            examples = contributions(assessment, metric)
        elif not (task.until or task.averages) and task.split == SEARCH and context.device == "cpu":
            # Not needed for folds and all rows; on a GPU another pass on the CPU would take too long.
            with contextlib.suppress(Exception):  # it is optional and must not fail the training
                examples = _validated(trainable, metric, recipe, weights, parts.validation)
        related = dependence(parts.validation if final is None else final) if examples is not None else {}
        return Kept(weights, scores, examples, related)

    return finish


def _validated(trainable: Trainable, metric: str, recipe: Recipe, weights: Arrays, part: Examples) -> Any:
    return contributions(_assessed(trainable, recipe, weights, part), metric) if len(part) <= MOST else None


def contributions(assessment: Assessment, metric: str) -> Any:
    """Return each example's contribution to a score, [n]; None if it is unknown.

    Their mean is the score. Of a score that is not a mean over examples, the contribution is by how
    much each example moves it. The type is uint8 if all are 0 or 1, as for an accuracy, otherwise
    float32.
    """
    if assessment.score is None:
        rows = assessment.rows.get(metric)
        return None if rows is None or len(rows) > MOST else _packed(rows)
    if len(assessment.targets) > MOST:
        return None
    with contextlib.suppress(Exception):  # a user's score may reject some of the examples
        return _of_form(assessment.score, metric, assessment.outputs, assessment.targets)
    return None


def _of_form(complete: Score, metric: str, outputs: Array, targets: Array) -> Any:
    def score(some: Array, their: Array) -> dict[str, float]:
        return {metric: float(complete(some, their)[metric])}

    form = forms(score, outputs, targets)[metric] or jackknifed(score, metric, outputs, targets)
    return None if form is None else _packed(form.contributions)


def _packed(rows: Any) -> Any:
    values = rows.round(12)
    return values.astype(np.uint8 if np.isin(values, (0, 1)).all() else np.float32)


def dependence(examples: Examples) -> Arrays:
    """Return groups and times of a part's rows as arrays [n], by their names in a file; often none.

    Groups are numbered, because a file of arrays takes no texts.
    """
    related: dict[str, Array] = {}
    if examples.groups is not None:
        groups = np.unique(np.asarray(examples.groups)[examples.rows], return_inverse=True)[1]
        related["groups"] = groups.astype(np.int64)
    if examples.times is not None:
        related["times"] = np.asarray(examples.times)[examples.rows]
    return related


def _assessed(trainable: Trainable, recipe: Recipe, weights: Arrays, examples: Examples) -> Assessment:
    return assess(trainable, [trainable.load(recipe, weights, examples.info)], examples)


def _prefixed(part: str, scores: Any) -> dict[str, float]:
    return {f"{part}/{name}": float(value) for name, value in scores.items()}
