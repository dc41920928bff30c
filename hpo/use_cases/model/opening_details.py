"""What goes on record beside the score when a test part is opened: baselines, and what the part holds.

All of it belongs to that one opening. None of it can fail it: the score stands without.
"""

from __future__ import annotations

import contextlib
import math

import numpy as np

from hpo.core.detail_events import TEST, BaselinesScored, TestDescribed
from hpo.core.history import History
from hpo.core.json_values import jsonable
from hpo.core.seeds import derive
from hpo.core.strata import Strata
from hpo.core.trainable import Examples, Metric
from hpo.core.training_state import RETRAINED
from hpo.data.examples import open_examples
from hpo.data.part_facts import part_facts
from hpo.data.prepared import Prepared
from hpo.data.recorded_cuts import CutsOnRecord
from hpo.metrics.assessment import Assessment
from hpo.metrics.forms import forms
from hpo.metrics.strata import constant_class, strata_of
from hpo.selection.baseline_scores import ModelRows, score_baselines
from hpo.spec import SearchSpec
from hpo.use_cases.dataset.split_dataset import split_prepared

FAILED = "no baseline: making them failed"


def baselines_of_test(
    spec: SearchSpec,
    data: Prepared,
    history: History,
    examples: Examples,
    assessment: Assessment,
    metrics: tuple[Metric, ...],
    look: int,
    level: float,
) -> BaselinesScored:
    """Return the baselines on the test part, as part of its opening.

    Args:
        spec: What was searched.
        data: Its data, as it was when the search was opened.
        history: Its record; its model is fixed.
        examples: The test part.
        assessment: The model's outputs on it.
        metrics: The trainable's metrics.
        look: Number of this opening.
        level: Level of its intervals.
    """
    metric = history.objective.metric
    try:
        apart = history.opened is None or CutsOnRecord.of_record(history.opened.split).equal_apart
        split = split_prepared(spec.data, data, equal_apart=apart).split
        retrained = history.model is not None and history.model.kind == RETRAINED
        train = open_examples(data.folder, np.arange(data.n) if retrained else split.train)
        model = _rows_of(assessment, metric, constant_class(assessment, examples.info.classes))
        seed = derive(spec.seed, "baselines")
        return score_baselines(TEST, train, examples, metrics, metric, model, seed, level, look)
    except Exception as error:
        return no_baselines(TEST, len(examples), metric, error)


def _rows_of(assessment: Assessment, metric: str, constant: str) -> ModelRows:
    """Return what each row adds to the model's score."""
    value, rows, score = assessment.values.get(metric, math.nan), None, assessment.score
    if metric in assessment.rows:
        rows = assessment.rows[metric][None]
    elif score is not None and metric in assessment.values:
        form = forms(
            lambda some, their: {metric: score(some, their)[metric]}, assessment.outputs, assessment.targets
        )[metric]
        rows = None if form is None else form.contributions[None]
    return ModelRows(value, rows, constant)


def no_baselines(part: str, n: int, metric: str, error: Exception) -> BaselinesScored:
    """Return the record of baselines that could not be made."""
    return BaselinesScored(part, n, 0, metric, {}, notes=(f"{FAILED}: {error}",))


def description_of_test(examples: Examples, assessment: Assessment) -> TestDescribed:
    """Return what the opened test part holds, and how the model did by class and by group."""
    rows = examples.rows
    of_rows = (None if of is None else of[rows] for of in (examples.targets, examples.groups, examples.times))
    facts, strata = part_facts(examples.info, examples.inputs, rows, *of_rows), Strata()
    with contextlib.suppress(Exception):  # a user's outputs may have a form of their own
        strata = strata_of(assessment, examples)
    return TestDescribed(jsonable(facts), jsonable(strata))
