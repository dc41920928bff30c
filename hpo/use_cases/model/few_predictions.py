"""Predictions of a few rows, so that a wrong `predict` is found before somebody needs it.

An evaluation that takes the model itself never calls it.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from hpo.core.errors import NoPredictions
from hpo.core.raised_errors import error_text, with_line
from hpo.core.trainable import Examples, Model
from hpo.metrics.labels import outputs_complaint

ROWS = 8
"""Rows that are predicted."""


def prediction_failure(model: Model, examples: Examples) -> str:
    """Return why `predict` of a model fails, in a sentence; empty if it does not, or there is none."""
    try:
        _predicted(model, examples)
    except NoPredictions:
        return ""
    except Exception as error:  # a user's code may raise anything
        return f"`predict` fails: {with_line(error_text(error)[-800:], error)}"
    return ""


def prediction_complaint(model: Model, examples: Examples) -> str:
    """Return why no classes or values follow from what a model predicts; empty if they do, or it fails."""
    try:
        return outputs_complaint(_predicted(model, examples), examples.info)
    except Exception:  # no `predict`, or one that fails, which `prediction_failure` says
        return ""


def _predicted(model: Model, examples: Examples) -> np.ndarray:
    return np.asarray(model.predict(dataclasses.replace(examples, rows=examples.rows[:ROWS])))
