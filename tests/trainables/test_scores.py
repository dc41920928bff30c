from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics

from trainables import scores

RANDOM = np.random.default_rng(0)
LOGITS = RANDOM.normal(size=(200, 5)).astype(np.float32)
LABELS = RANDOM.integers(0, 4, 200)  # a class that never occurs


def test_classification_agrees_with_scikit_learn() -> None:
    probabilities = np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)
    predicted, ours = LOGITS.argmax(1), scores.classification(LOGITS, LABELS)
    assert ours["accuracy"] == pytest.approx(metrics.accuracy_score(LABELS, predicted))
    assert ours["error"] == pytest.approx(1 - ours["accuracy"])
    assert ours["loss"] == pytest.approx(metrics.log_loss(LABELS, probabilities, labels=range(5)), rel=1e-5)
    same = {"average": "macro", "zero_division": 0}  # a class is predicted that never occurs
    assert ours["macro_f1"] == pytest.approx(metrics.f1_score(LABELS, predicted, **same))
    assert ours["macro_precision"] == pytest.approx(metrics.precision_score(LABELS, predicted, **same))
    assert ours["macro_recall"] == pytest.approx(metrics.recall_score(LABELS, predicted, **same))
    assert ours["balanced_accuracy"] == pytest.approx(
        metrics.recall_score(LABELS, predicted, average="macro", labels=np.unique(LABELS))
    )
    columns = [probabilities[:, label].round(6) for label in range(4)]
    assert ours["log_loss"] == pytest.approx(
        metrics.log_loss(LABELS, probabilities, labels=range(probabilities.shape[1])), rel=1e-4
    )
    auc = [metrics.roc_auc_score(label == LABELS, columns[label]) for label in range(4)]
    precision = [metrics.average_precision_score(label == LABELS, columns[label]) for label in range(4)]
    assert ours["roc_auc"] == pytest.approx(np.mean(auc), abs=1e-4)
    assert ours["average_precision"] == pytest.approx(np.mean(precision), abs=1e-4)


def test_two_classes_are_ranked_by_the_second_and_ties_count_half() -> None:
    margins = RANDOM.normal(size=300).round(1).astype(np.float32)
    labels = (RANDOM.random(300) < 0.2 + 0.3 * (margins > 0)).astype(np.int64)
    ours = scores.classification(np.stack([np.zeros(300, np.float32), margins], 1), labels)
    assert ours["roc_auc"] == pytest.approx(metrics.roc_auc_score(labels, margins))
    assert ours["average_precision"] == pytest.approx(metrics.average_precision_score(labels, margins))


def test_rankings_with_ties_agree_with_scikit_learn_exactly() -> None:
    logits = RANDOM.normal(size=(400, 3)).round()  # -0.0 among them, and shares that differ by rounding
    labels = RANDOM.integers(0, 3, 400)
    for columns in (2, 3):
        some = logits[labels < columns, :columns].astype(np.float32)
        truth = labels[labels < columns]
        ours, shares = scores.classification(some, truth), scores.probabilities(some)
        ranks = [some[:, 1] - some[:, 0]] if columns == 2 else list(shares.T)
        flags = [truth == 1] if columns == 2 else [truth == label for label in range(3)]
        auc = np.mean([metrics.roc_auc_score(*each) for each in zip(flags, ranks, strict=True)])
        precision = [metrics.average_precision_score(*each) for each in zip(flags, ranks, strict=True)]
        assert ours["roc_auc"] == pytest.approx(auc, abs=1e-9)
        assert ours["average_precision"] == pytest.approx(np.mean(precision), abs=1e-9)


def test_one_class_has_no_ranking_and_confident_errors_have_calibration_error_one() -> None:
    logits = np.stack([np.zeros(40, np.float32), np.full(40, 30, np.float32)], 1)
    ours = scores.classification(logits, np.zeros(40, np.int64))
    assert "roc_auc" not in ours
    assert ours["calibration_error"] == pytest.approx(1.0)
    assert scores.classification(logits, np.ones(40, np.int64))["calibration_error"] == pytest.approx(0.0)


def test_true_probabilities_have_a_small_calibration_error() -> None:
    margins = RANDOM.normal(size=20_000)
    labels = (RANDOM.random(20_000) < 1 / (1 + np.exp(-margins))).astype(np.int64)
    logits = np.stack([np.zeros(20_000), margins], 1)
    assert scores.classification(logits, labels)["calibration_error"] < 0.02
    assert scores.classification(3 * logits, labels)["calibration_error"] > 0.1


def test_macro_scores_of_a_worked_example() -> None:
    # Class 0: two found, one of them right, of one; class 1: one found of two; class 3: none of one.
    predicted, truth = np.array([0, 0, 1, 2]), np.array([0, 1, 1, 3])
    ours = scores.macro(predicted, truth, 6)
    assert ours["macro_precision"] == pytest.approx((1 / 2 + 1 + 0 + 0) / 4)
    assert ours["macro_recall"] == pytest.approx((1 + 1 / 2 + 0 + 0) / 4)
    assert ours["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 0 + 0) / 4)


def test_large_logits_do_not_overflow() -> None:
    logits = np.array([[1000.0, 0.0], [0.0, -1000.0]], np.float32)
    assert scores.classification(logits, np.array([0, 0]))["loss"] == 0


def test_regression_agrees_with_scikit_learn() -> None:
    outputs = RANDOM.normal(size=100).astype(np.float32)
    targets = (outputs + RANDOM.normal(size=100)).astype(np.float32)
    ours = scores.regression(outputs, targets)
    assert ours["mean_squared_error"] == pytest.approx(metrics.mean_squared_error(targets, outputs), rel=1e-5)
    assert ours["mean_absolute_error"] == pytest.approx(
        metrics.mean_absolute_error(targets, outputs), rel=1e-5
    )
    assert ours["r2"] == pytest.approx(metrics.r2_score(targets, outputs), rel=1e-5)


def test_targets_that_are_all_equal_leave_no_share_to_explain() -> None:
    assert set(scores.regression(np.arange(3.0), np.ones(3))) == {"mean_squared_error", "mean_absolute_error"}


def test_outputs_that_are_not_finite_have_no_score() -> None:
    broken = LOGITS.copy()
    broken[3, 1] = np.nan
    assert all(map(math.isnan, scores.classification(broken, LABELS).values()))
    assert all(map(math.isnan, scores.regression(np.array([np.inf]), np.array([1.0])).values()))
