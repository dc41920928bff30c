"""Scores by class and by group, and the calibration slope, are those of the rows themselves."""

import numpy as np
import pytest

from hpo.core.strata import Strata
from hpo.core.trainable import DataInfo, Examples
from hpo.metrics.assessment import Assessment
from hpo.metrics.strata import constant_class, strata_of


def examples(targets, task="classification", groups=None):
    info = DataInfo("array", task, (1,), ("a", "b") if task == "classification" else ())
    return Examples(np.zeros((len(targets), 1)), targets, np.arange(len(targets)), info, groups)


def test_the_worst_and_the_best_class_and_group_are_named():
    targets, groups = np.array([0, 0, 0, 0, 1, 1]), np.array(list("xxyyzz"))
    outputs = np.eye(2)[[0, 0, 0, 1, 1, 1]]
    by_class, by_group = strata_of(
        Assessment({}, outputs=outputs, targets=targets), examples(targets, groups=groups)
    ).spreads
    assert (by_class.worst.name, by_class.worst.value, by_class.best.name) == ("a", 0.75, "b")
    assert (by_group.count, by_group.median, by_group.worst.name, by_group.worst.n) == (3, 1.0, "y", 2)


def test_values_are_judged_by_their_error():
    targets = np.array([1.0, 2.0, 3.0, 4.0])
    (by_group,) = strata_of(
        Assessment({}, outputs=targets + np.array([0, 0, 1, 3]), targets=targets),
        examples(targets, "regression", np.array([1, 1, 2, 2])),
    ).spreads
    assert (by_group.metric, by_group.worst.name, by_group.worst.value) == ("mean absolute error", "2", 2.0)


@pytest.mark.parametrize("bold", [1.0, 2.0])
def test_the_slope_is_below_one_where_probabilities_are_too_bold(bold):
    rng = np.random.default_rng(0)
    odds = rng.normal(size=4000)
    targets = (rng.random(4000) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    outputs = np.stack([np.zeros(4000), bold * odds], 1)
    found = strata_of(Assessment({}, outputs=outputs, targets=targets), examples(targets))
    assert found.slope == pytest.approx(1 / bold, abs=3 * found.slope_error)


def test_separated_classes_have_no_slope():
    targets = np.array([0, 0, 1, 1])
    outputs = np.array([[9.0, 0], [9, 0], [0, 9], [0, 8]])
    assert strata_of(Assessment({}, outputs=outputs, targets=targets), examples(targets)).slope is None


def test_unknown_outputs_have_nothing():
    assert strata_of(Assessment({}), examples(np.array([0, 1]))) == Strata()


def test_a_constant_answer_is_named():
    targets = np.array([0, 1, 0])
    assert (
        constant_class(Assessment({}, outputs=np.array([[0, 1.0]] * 3), targets=targets), ("a", "b")) == "b"
    )
    assert constant_class(Assessment({}, outputs=np.eye(2)[[0, 1, 0]], targets=targets), ("a", "b")) == ""
