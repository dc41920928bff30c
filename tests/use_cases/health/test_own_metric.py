"""A tiny subset judged by a trainable's own metric, where its answers are neither classes nor values."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from hpo.core.recipe import Recipe
from hpo.core.trainable import DataInfo, Examples, Metric
from hpo.use_cases.health.data_probes import DataProbes
from hpo.use_cases.health.few_rows import FewRows
from hpo.use_cases.health.own_metric import OwnProgress
from hpo.use_cases.health.short_training import Setting

LOSS = Metric("loss", "min")


class Masks:
    """Learns the mean mask of images at a rate; its answers are masks, neither classes nor values."""

    def train(self, recipe, train, validation, context):
        mean, wanted = np.zeros((4, 4)), train.targets[train.rows].mean(axis=0)
        for _ in context.epochs():
            mean += recipe["rate"] * (wanted - mean)
            context.report({"validation/loss": float(np.abs(wanted - mean).mean())}, SimpleNamespace())


@pytest.mark.parametrize(("rate", "verdict"), [(0.5, "right"), (0.0, "doubtful")])
def test_a_tiny_subset_of_masks_is_judged_by_the_trainables_own_loss(rate, verdict):
    masks = np.random.default_rng(0).random((40, 4, 4))
    part = Examples(masks, masks, np.arange(40), DataInfo("array", "other", (4, 4)))
    recipe, setting = Recipe({"rate": rate}), Setting(Masks(), 0, "cpu", 1, Path())
    check = DataProbes(setting, recipe, recipe, FewRows(part, part), "", LOSS).tiny_subset()
    assert check.verdict == verdict
    assert "300 epochs on 16 rows" in check.reason


def progress(metric, *values):
    return OwnProgress.of(metric, [{f"validation/{metric.name}": value} for value in values])


@pytest.mark.parametrize(
    ("metric", "values", "fitted"),
    [
        (LOSS, (4.0, 1.0), True),
        (LOSS, (4.0, 2.0), False),
        (Metric("overlap", "max", proportion=True), (0.2, 0.9), True),
        (Metric("overlap", "max", proportion=True), (0.97, 0.97), True),
        (Metric("overlap", "max", proportion=True), (0.2, 0.3), False),
    ],
)
def test_rows_are_fitted_if_little_of_the_first_error_is_left(metric, values, fitted):
    found = progress(metric, *values)
    assert found.known
    assert found.fitted is fitted


@pytest.mark.parametrize(
    ("metric", "values"),
    [
        (Metric("reward", "max"), (1.0, 90.0)),
        (Metric("log_likelihood", "min"), (1.0, -3.0)),
        (LOSS, (float("nan"), float("nan"))),
        (LOSS, ()),
    ],
)
def test_a_metric_without_a_best_value_says_nothing(metric, values):
    found = progress(metric, *values)
    assert not found.known
    assert not found.fitted
