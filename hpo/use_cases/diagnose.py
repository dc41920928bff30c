"""Diagnose a trained model: what its curve, its mistakes and its need of data say about what to try next.

On validation data alone: the test part stays sealed, and nothing of it is read.
"""

from __future__ import annotations

import dataclasses
import json
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpo.core.diagnosis import CurvePoint, Diagnosis, SizeResult
from hpo.core.errors import HpoError, UserError
from hpo.core.health import HealthCheck
from hpo.core.home import Home
from hpo.core.json_values import parsed
from hpo.core.private_files import replace_file
from hpo.core.recipe import Recipe
from hpo.core.regular_file import read_regular
from hpo.core.seeds import derive
from hpo.core.trainable import Examples, Metric, Model
from hpo.ledger.searches import open_ledger, read_history
from hpo.spec import parse_spec
from hpo.spec.space_building import HORIZON
from hpo.use_cases.health import data_size
from hpo.use_cases.health.curve_reading import readings
from hpo.use_cases.health.mistakes import Answers
from hpo.use_cases.health.short_training import Setting, ShortTraining, line_of
from hpo.use_cases.health.subject import Subject, subject_of_recipe, subject_of_spec

MISTAKES, AT_WORK = 24, 12
"""Rows that are shown: the worst mistakes, and rows drawn at random."""

Metrics = Mapping[str, float]


def diagnose_search(name: str, *, home: Home, with_sizes: bool = True) -> Diagnosis:
    """Diagnose the winner of a search, or its best trial so far, and keep the result beside its files.

    The recipe is trained again on the split of the search, with the seed of its trial.

    Args:
        name: The search's name.
        home: Home of the search.
        with_sizes: Whether it is also trained on shares of the rows.

    Raises:
        UserError: If there is no such search, or no trial has a value.
        HpoError: If the training failed.
    """
    history = read_history(open_ledger(name, home))
    assert history.opened is not None
    trial = history.winner.trial if history.winner else history.best.trial if history.best else None
    if trial is None:
        raise UserError(f"{name}: no trial has a value yet, so there is nothing to diagnose")
    training = history.trainings[trial, 0]
    spec = parse_spec(history.opened.spec, source=name)
    subject = subject_of_spec(spec, home, {}, training.point)
    title = f"{'winner' if history.winner else 'best so far'}, trial {trial}"
    objective = spec.objective
    diagnosis = _diagnosed(
        subject, Recipe(training.recipe), spec.horizon, objective.metric, training.seed, title, with_sizes
    )
    text = json.dumps(diagnosis.to_json(), ensure_ascii=False, allow_nan=False)
    replace_file(home.search(name).diagnosis, text)
    return diagnosis


def diagnose_recipe(
    path: Path, *, home: Home, spec: Path | None = None, with_sizes: bool = True
) -> Diagnosis:
    """Diagnose a recipe, which is trained once; see `diagnose_search`.

    Args:
        path: The recipe file.
        home: Home for the data.
        spec: The spec of a recipe written by hand; None for the only one beside it.
        with_sizes: Whether it is also trained on shares of the rows.

    Raises:
        UserError: If the file is not a recipe, or nothing says which data and how long to train.
        HpoError: If the training failed.
    """
    subject = subject_of_recipe(path, home, spec, {})
    if subject.horizon is None:
        raise UserError(f"{path}: the recipe lacks {HORIZON}, the length of its training")
    metric = subject.metric or subject.trainable.metrics[0].name
    return _diagnosed(subject, subject.recipe, subject.horizon, metric, subject.seed, path.name, with_sizes)


def diagnosis_of(name: str, home: Home) -> Diagnosis | None:
    """Return the diagnosis that was kept for a search; None without one."""
    try:
        return Diagnosis.of_json(parsed(read_regular(home.search(name).diagnosis)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # not there, damaged, or of another version


def _diagnosed(
    subject: Subject, recipe: Recipe, horizon: int, metric: str, seed: int, title: str, with_sizes: bool
) -> Diagnosis:
    with tempfile.TemporaryDirectory(prefix="hpo-diagnose-") as scratch:
        setting = Setting(subject.trainable, seed, subject.device, subject.threads, Path(scratch))
        patient = _Patient(subject, setting, recipe, horizon, metric)
        return patient.diagnosis(title, with_sizes)


@dataclass(frozen=True)
class _Patient:
    """A recipe that is trained and then looked at.

    Attributes:
        subject: Its trainable and rows.
        setting: How it is trained.
        recipe: The recipe.
        horizon: Epochs of a full training.
        metric: The objective's metric.
    """

    subject: Subject
    setting: Setting
    recipe: Recipe
    horizon: int
    metric: str

    @property
    def declared(self) -> Metric:
        """The metric as the trainable declares it."""
        metrics = self.subject.trainable.metrics
        return next((metric for metric in metrics if metric.name == self.metric), metrics[0])

    def diagnosis(self, title: str, with_sizes: bool) -> Diagnosis:
        """Train and look.

        Raises:
            HpoError: If the training failed.
        """
        training = self._trained(self.subject.train)
        if training.error or training.model is None:
            raise HpoError(f"the training failed: {line_of(training.error) or 'it reported nothing'}")
        patient = dataclasses.replace(self, metric=self._reported_metric(training.reports))
        return patient._looked_at(training, training.model, title, with_sizes)

    def _reported_metric(self, reports: Sequence[Metrics]) -> str:
        """Return the metric, or the first one that is reported where a recipe does not name one.

        A trainable for classes and values reports only some of its metrics, and perhaps not the first.
        """
        names = (self.metric, *(metric.name for metric in self.subject.trainable.metrics))
        valued = (n for n in names if any(math.isfinite(r.get(f"validation/{n}", math.nan)) for r in reports))
        return next(valued, self.metric)

    def _looked_at(self, training: ShortTraining, model: Model, title: str, with_sizes: bool) -> Diagnosis:
        validation, metric = self.subject.validation, self.declared
        curve = tuple(self._curve(training.reports))
        checks = [
            *readings(
                curve, maximize=metric.mode == "max", proportion=metric.proportion, rows=len(validation)
            )
        ]
        answers, unanswered = self._answers(model)
        results = tuple(self._sizes(training)) if with_sizes else ()
        shown = Diagnosis(
            model=title,
            metric=metric.name,
            error=self._error_name,
            rows=len(validation),
            checks=(*checks, *self._about_data(results), *unanswered),
            curve=curve,
            sizes=results,
            forecast=data_size.forecast(results, self._error_name),
        )
        return shown if answers is None else _with_answers(shown, answers, self.setting.seed)

    def _answers(self, model: Model) -> tuple[Answers | None, list[HealthCheck]]:
        """Return what a model answers on validation rows, or why it cannot be asked."""
        try:
            answers = Answers.of(self.subject.trainable, model, self.subject.validation)
        except UserError as error:
            return None, [HealthCheck("mistakes", "open", str(error))]
        reason = "targets or predictions are neither classes nor values"
        return answers, [] if answers else [HealthCheck("mistakes", "open", reason)]

    def _trained(self, train: Examples) -> ShortTraining:
        return self.setting.train(self.recipe, train, self.subject.validation, self.horizon)

    def _curve(self, reports: Sequence[Metrics]) -> Iterator[CurvePoint]:
        for epoch, metrics in enumerate(reports, 1):
            names = ("train/loss", "validation/loss", f"train/{self.metric}", f"validation/{self.metric}")
            yield CurvePoint(epoch, *(metrics.get(name, math.nan) for name in names))

    @property
    def _error_name(self) -> str:
        return f"1 - {self.metric}" if self.declared.mode == "max" else self.metric

    def _error(self, training: ShortTraining) -> float:
        """Return the best validation error of a training."""
        values = [report.get(f"validation/{self.metric}", math.nan) for report in training.reports]
        finite = [value for value in values if math.isfinite(value)]
        if not finite:
            return math.nan
        return 1 - max(finite) if self.declared.mode == "max" else min(finite)

    def _sizes(self, training: ShortTraining) -> Iterator[SizeResult]:
        seed = derive(self.setting.seed, "sizes")
        yield from data_size.sizes(
            self.subject.train, seed, self._error(training), lambda rows: self._error(self._trained(rows))
        )

    def _about_data(self, results: Sequence[SizeResult]) -> Iterator[HealthCheck]:
        sentence = data_size.forecast(results, self._error_name)
        if sentence:
            yield HealthCheck("data", "right", sentence.rstrip("."))


def _with_answers(diagnosis: Diagnosis, answers: Answers, seed: int) -> Diagnosis:
    drawn = np.random.default_rng(derive(seed, "at work")).permutation(len(answers.truth))[:AT_WORK]
    bins, error = answers.calibration() if answers.is_classes else ((), math.nan)
    return dataclasses.replace(
        diagnosis,
        mistakes=answers.worst(MISTAKES),
        at_work=answers.rows(drawn),
        classes=answers.examples.info.classes if answers.is_classes else (),
        confusion=answers.confusion() if answers.is_classes else (),
        calibration=bins,
        calibration_error=error,
    )
