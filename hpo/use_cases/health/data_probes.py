"""Short trainings on changed data: what they show about any trainable, whatever is inside it.

A tiny subset, shuffled targets and other validation rows; after Karpathy, A Recipe for Training Neural
Networks, 2019, and Zhang et al., ICLR 2017.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from hpo.core.formatting import count
from hpo.core.health import HealthCheck
from hpo.core.recipe import Recipe
from hpo.core.trainable import Examples, Metric
from hpo.metrics.labels import labels_of
from hpo.use_cases.health.chance import NEITHER, Fit, fit_of
from hpo.use_cases.health.few_rows import FewRows
from hpo.use_cases.health.own_metric import OwnProgress
from hpo.use_cases.health.short_training import Setting, ShortTraining, line_of

TINY, TINY_EPOCHS = 16, 300
ROWS = 800
"""Rows of each part of the trainings on true and on shuffled targets."""
EPOCHS, MOST_EPOCHS, EXAMPLES = 15, 60, 6000
"""Their epochs; more where there are few rows, so that about this many examples are trained on."""
SECONDS = 60.0
"""Longest wall time of one of these trainings."""

FITTED, HARDLY = 0.95, 0.7
"""Accuracy or correlation on the tiny subset."""


@dataclasses.dataclass(frozen=True)
class DataProbes:
    """The probes of a recipe on some rows.

    Attributes:
        setting: How it is trained.
        recipe: As it is.
        calm: The same without regularization and augmentation, which keep a network from fitting.
        rows: The rows.
        horizon: Name of the recipe's hyperparameter for the number of epochs; empty if it has none.
        metric: The objective's, by which a tiny subset is judged where answers are not classes or values.
    """

    setting: Setting
    recipe: Recipe
    calm: Recipe
    rows: FewRows
    horizon: str
    metric: Metric

    def checks(self) -> Iterator[HealthCheck]:
        """Yield one check after the other."""
        yield from self._labels()
        yield self.tiny_subset()
        yield from self.true_and_shuffled()
        yield self.unseen_validation()

    def _labels(self) -> Iterator[HealthCheck]:
        """Find classes without examples: labels that start at 1 leave the first one empty."""
        info, targets = self.rows.train.info, self.rows.train.targets
        if info.task != "classification":
            return
        counts = np.bincount(targets, minlength=len(info.classes))
        empty = [name for name, count in zip(info.classes, counts, strict=False) if not count]
        name, most = "labels", len(targets)
        if counts[0] == 0 and most >= 20 * len(info.classes):
            advice = "labels start at 0: look for labels that are off by one"
            yield HealthCheck(
                name, "wrong", f"class {info.classes[0]}, the first one, has no example", advice
            )
        elif empty and most >= 20 * len(info.classes):
            yield HealthCheck(
                name, "doubtful", f"no example of {', '.join(empty[:4])} in {most} rows", "check the classes"
            )
        else:
            yield HealthCheck(
                name,
                "right",
                f"{len(info.classes) - len(empty)} of {len(info.classes)} classes in {most} rows",
            )

    def tiny_subset(self) -> HealthCheck:
        """Fit a few rows to near zero, which every sound training can."""
        name, rows = "tiny subset", self.rows.alone(TINY, self.setting.seed)
        training = self._train(self.calm, rows, rows, TINY_EPOCHS, enough=self._is_fitted)
        if training.error or training.model is None:
            return HealthCheck(name, "wrong", f"training fails: {line_of(training.error)}", "run `hpo try`")
        fit = fit_of(training.model, rows)
        if isinstance(fit, str):
            return self._by_own_metric(name, fit, training)
        shown = (
            f"{fit.measure} {fit.value:.3g} on {len(rows)} rows after {count(len(training.reports), 'epoch')}"
        )
        if fit.value >= FITTED:
            return HealthCheck(name, "right", shown)
        return self._not_fitted(name, shown, fit, training, rows)

    def _is_fitted(self, metrics: Mapping[str, float]) -> bool:
        loss = metrics.get("train/loss", math.inf)
        return loss < 0.01 and metrics.get("validation/accuracy", 0.0) == 1.0

    def _by_own_metric(self, name: str, unknown: str, training: ShortTraining) -> HealthCheck:
        progress = OwnProgress.of(self.metric, training.reports)
        if not progress.known:
            return HealthCheck(name, "open", unknown)
        shown = f"{progress.text}; {count(len(training.reports), 'epoch')} on {TINY} rows"
        if progress.fitted:
            return HealthCheck(name, "right", shown)
        if len(training.reports) < TINY_EPOCHS:
            return HealthCheck(name, "open", f"{shown}: it ended too early to be judged")
        advice = "look for a wrong loss, inputs and targets that do not belong together, or frozen layers"
        return HealthCheck(name, "doubtful", shown, advice)

    def _not_fitted(
        self, name: str, shown: str, fit: Fit, training: ShortTraining, rows: Examples
    ) -> HealthCheck:
        first, last = (report.get("train/loss", math.nan) for report in (training.reports[0], training.last))
        falls = last < 0.3 * first
        if falls:
            shown += f", although the loss fell from {first:.3g} to {last:.3g}"
        shift = _shift(training, rows) if fit.measure == "accuracy" else ""
        if shift:
            return HealthCheck(name, "wrong", f"{shown}; {shift}", "look for labels that are off by one")
        if len(training.reports) < TINY_EPOCHS:
            return HealthCheck(name, "open", f"{shown} of {TINY_EPOCHS}: it ended too early to be judged")
        if falls and fit.value < HARDLY:
            advice = "the loss and the score see different targets: compare how each of them gets its labels"
            return HealthCheck(name, "wrong", shown, advice)
        if fit.value < HARDLY:
            advice = "look for a wrong loss, inputs and labels that do not belong together, or frozen layers"
            return HealthCheck(name, "wrong", shown, advice)
        return HealthCheck(name, "doubtful", shown, "try other learning rates; the network may be too small")

    def true_and_shuffled(self) -> Iterator[HealthCheck]:
        """Train on true and on shuffled targets: the first must beat chance, the second must not."""
        rows = self.rows
        epochs = min(MOST_EPOCHS, max(EPOCHS, EXAMPLES // len(rows.train)))
        true = self._train(self.calm, rows.train, rows.validation, epochs)
        yield self._true(true, epochs)
        mixed = rows.shuffled(self.setting.seed)
        yield self._shuffled(self._train(self.calm, mixed.train, mixed.validation, epochs), mixed)

    def _true(self, training: ShortTraining, epochs: int) -> HealthCheck:
        name = "true labels"
        fit = fit_of(training.model, self.rows.validation) if training.model else NEITHER
        if training.error or isinstance(fit, str):
            return HealthCheck(name, "open", line_of(training.error) or str(fit))
        if fit.above:
            return HealthCheck(
                name, "right", f"{fit.text}, on validation after {count(len(training.reports), 'epoch')}"
            )
        if len(training.reports) < epochs:
            cut = f"{len(training.reports)} of {epochs} epochs: it ended too early to be judged"
            return HealthCheck(name, "open", f"{fit.text} on validation after {cut}")
        advice = (
            "look for inputs and labels that do not belong together; if they do, train longer, or try other "
            "learning rates"
        )
        return HealthCheck(name, "doubtful", f"no better than chance on validation: {fit.text}", advice)

    def _shuffled(self, training: ShortTraining, rows: FewRows) -> HealthCheck:
        name = "shuffled labels"
        fit = fit_of(training.model, rows.validation, training.last) if training.model else NEITHER
        if training.error or isinstance(fit, str):
            return HealthCheck(name, "open", line_of(training.error) or str(fit))
        if fit.above:
            advice = "the inputs contain the label: look for features computed from it, before the split"
            return HealthCheck(name, "wrong", f"better than chance: {fit.text}", advice)
        return HealthCheck(name, "right", f"at chance, as they should be: {fit.text}")

    def unseen_validation(self) -> HealthCheck:
        """Train one epoch with other validation rows: the model must be the same, bit by bit."""
        name, rows = "validation rows", self.rows
        weights = [self._weights(variant) for variant in (rows, rows.other_validation(), rows)]
        if any(array is None for array in weights):
            return HealthCheck(name, "open", "an epoch could not be trained on other validation rows")
        first, other, again = weights
        assert first is not None
        assert other is not None
        assert again is not None
        if _differing(first, again):
            return HealthCheck(
                name, "open", "two trainings with the same seed differ, so nothing can be compared"
            )
        different = _differing(first, other)
        if different:
            shown = f"they change what is learned in the first epoch: {', '.join(different[:4])}"
            advice = "fit preprocessing on the training rows alone"
            return HealthCheck(name, "wrong", shown, advice)
        return HealthCheck(name, "right", "other validation rows leave the model as it is, bit by bit")

    def _weights(self, rows: FewRows) -> Mapping[str, Any] | None:
        training = self._train(self.recipe, rows.train, rows.validation, 2, until=1)
        if training.model is None:
            return None
        return {name: np.array(array) for name, array in training.model.weights().items()}

    def _train(
        self, recipe: Recipe, train: Examples, validation: Examples, epochs: int, **options: Any
    ) -> ShortTraining:
        if self.horizon:
            recipe = Recipe({**recipe.to_dict(), self.horizon: epochs})
        return self.setting.train(recipe, train, validation, epochs, seconds=SECONDS, **options)


def _differing(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    return [
        name
        for name, array in ours.items()
        if name not in theirs or not np.array_equal(array, theirs[name], equal_nan=array.dtype.kind == "f")
    ]


def _shift(training: ShortTraining, rows: Examples) -> str:
    """Return by how much most predictions are off, if by the same number."""
    assert training.model is not None
    classes, labels = max(2, len(rows.info.classes)), labels_of(np.asarray(training.model.predict(rows)))
    if labels is None:
        return ""
    off = (labels - rows.targets[rows.rows]) % classes
    amounts, counts = np.unique(off, return_counts=True)
    most = int(counts.argmax())
    if amounts[most] == 0 or counts[most] < 0.8 * len(rows):
        return ""
    amount = int(amounts[most])
    return f"predictions are the label {'- 1' if amount == classes - 1 > 1 else f'+ {amount}'}"
