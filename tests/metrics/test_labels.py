"""A class is read from outputs only where they say one."""

import numpy as np
import pytest

from hpo.core.trainable import DataInfo
from hpo.metrics.labels import labels_of, outputs_complaint

CLASSES = DataInfo("table", "classification", (2,), ("bad", "good"))
VALUES = DataInfo("table", "regression", (2,))


def test_labels_are_the_largest_score_or_themselves():
    assert labels_of(np.array([[0.1, 2.0], [3.0, -1.0]])).tolist() == [1, 0]
    assert labels_of(np.array([1.0, 0.0])).tolist() == [1, 0]


@pytest.mark.parametrize("outputs", [[-1.6, 0.7], [[-1.6], [0.7]], [0.1, 0.9]])
def test_one_number_per_row_is_not_taken_for_a_label(outputs):
    assert labels_of(np.array(outputs)) is None
    assert "has to return a score for each of the 2 classes, [n, 2]" in outputs_complaint(
        np.array(outputs), CLASSES
    )


@pytest.mark.parametrize("outputs", [[-1, 0], [0, 2], [[0.1, 0.2, 0.7]]])
def test_labels_and_scores_of_other_classes_are_refused(outputs):
    assert "from which no class follows" in outputs_complaint(np.array(outputs), CLASSES)


def test_values_are_one_per_row():
    assert not outputs_complaint(np.array([[1.5], [2.5]]), VALUES)
    assert "float64 [n, 2]" in outputs_complaint(np.ones((3, 2)), VALUES)
