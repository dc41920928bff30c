"""The trainings of one recipe in this process: once, continued, and repeated on the same seed."""

from __future__ import annotations

import bdb
import contextlib
import dataclasses
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping

from hpo.core.command import ScriptCommand
from hpo.core.errors import HpoError
from hpo.core.formatting import count
from hpo.core.json_values import RecipeFields
from hpo.core.logging_handlers import handlers_removed
from hpo.core.ports import TrainingTask
from hpo.core.raised_errors import error_text, with_line
from hpo.core.recipe import Recipe
from hpo.core.seeds import derive
from hpo.core.trainable import Arrays
from hpo.running.channel import TrainingStopped
from hpo.running.environment import OpenedStage, TrainingEnvironment, WeightsVerdict
from hpo.running.recording_channel import RecordingChannel
from hpo.running.thread_limits import limited_threads
from hpo.running.training_context import TrainingContext, begin_folder
from hpo.spec import SearchSpec
from hpo.use_cases.dataset.staging import DataStaging
from hpo.use_cases.health.attempt import TryCheck
from hpo.use_cases.model.few_predictions import prediction_complaint, prediction_failure
from hpo.use_cases.model.repeated_epoch import SAME
from hpo.use_cases.model.weights_check import WeightsCheck

EPOCHS = 2
"""The second one is trained to compare it with a continued training."""

FurtherChecks = Callable[[OpenedStage, TrainingTask, Arrays], Iterable[TryCheck]]
"""Takes trainable and data, the training, and its weights after the first epoch."""


class TriedTraining:
    """The trainings of one recipe, in this process."""

    def __init__(
        self,
        spec: SearchSpec,
        recipe: RecipeFields,
        environment: TrainingEnvironment,
        staging: DataStaging,
        debug: Callable[[BaseException], None] | None,
    ):
        self._environment, self._debug = environment, debug
        command = ScriptCommand.of(spec.trainable)
        scored = command is None or bool(command.evaluate)
        self._check = WeightsCheck(staging, environment.device, environment.threads) if scored else None
        seed, pauses = derive(spec.seed, "try", "training"), (min(EPOCHS, spec.horizon),)
        self._task = TrainingTask(0, 0, recipe, seed, spec.horizon, pauses)
        self._stage: OpenedStage | None = None
        self._verdict = WeightsVerdict()
        self._weights_seen: Arrays | None = None
        self.metrics: Mapping[str, float] = {}
        self.seconds = math.nan
        self.error: BaseException | None = None

    def findings(self) -> list[TryCheck]:
        """Train as often as needed; ends with the first training that fails."""
        first = self._trained(self._task, checked=True)
        if first is None or not first.reports:
            return [self._failure(first)]
        self.metrics, self.seconds = first.reports[0].metrics, first.reports[0].seconds
        key = self._environment.objective.key
        shown = f"{key} is {self.metrics.get(key, math.nan):.6g} after {self.seconds:.3g} s"
        checks = [TryCheck("trains", "holds" if key in self.metrics else "fails", shown)]
        checks.append(self._weights())
        if first.finished:
            checks.append(TryCheck("length", "open", first.finished))
        checks.append(self._resumed(first))
        checks.append(self._repeated(first))
        checks += self._predictions()
        return checks

    def _weights(self) -> TryCheck:
        if self._check is None:
            return TryCheck("weights", "open", "without `trainable.evaluate` nothing can score a checkpoint")
        if self._verdict.doubt:
            return TryCheck("weights", "open", self._verdict.doubt)
        detail = self._verdict.complaint or "loaded in another process, they give the reported score"
        return TryCheck("weights", "fails" if self._verdict.complaint else "holds", detail)

    def _resumed(self, first: RecordingChannel) -> TryCheck:
        if first.checkpoint is None or len(first.reports) < EPOCHS:
            return TryCheck(
                "resuming",
                "open",
                "no checkpoint is written, so an interrupted trial starts from the beginning",
            )
        continued = self._trained(dataclasses.replace(self._task, checkpoints=(first.checkpoint,)))
        if continued is None:
            return TryCheck("resuming", "fails", f"it cannot continue: {_line(self.error)}")
        same = _equal(continued.scores, first.scores[first.checkpoint.epoch :])
        detail = "a continued training gives the same scores" if same else _difference(continued, first)
        return TryCheck("resuming", "holds" if same else "fails", detail)

    def _repeated(self, first: RecordingChannel) -> TryCheck:
        again = self._trained(dataclasses.replace(self._task, pauses=(1,)))
        if again is None:
            return TryCheck("same seed", "fails", f"a second training fails: {_line(self.error)}")
        same = _equal(again.scores[:1], first.scores[:1])
        detail = "a second training gives the same scores" if same else _difference(again, first)
        return TryCheck("same seed", "holds" if same else "fails", detail)

    def _predictions(self) -> list[TryCheck]:
        """Say if `hpo predict` could not use what the model predicts; nothing if it predicts nothing."""
        if self._stage is None or self._check is None or self._weights_seen is None:
            return []
        validation = self._stage.parts(self._task.split).validation
        try:
            recipe = Recipe(self._task.recipe)
            model = self._stage.trainable.load(recipe, self._weights_seen, validation.info)
        except Exception:  # another check says that they cannot be loaded
            return []
        failure = prediction_failure(model, validation)
        complaint = failure or prediction_complaint(model, validation)
        if not complaint:
            return []
        detail = f"`hpo predict` cannot be used: {complaint}"
        return [TryCheck("predicting", "fails" if failure else "open", detail)]

    def _failure(self, recorder: RecordingChannel | None) -> TryCheck:
        if self.error is None:
            return TryCheck("trains", "fails", "the training ended without a report")
        return TryCheck("trains", "fails", _line(self.error))

    def _trained(self, task: TrainingTask, checked: bool = False) -> RecordingChannel | None:
        """Train in this process; None if the training's code failed."""
        recorder = RecordingChannel()
        environment = dataclasses.replace(
            self._environment, checkpoint_epochs=1, check=self._checked if checked else None
        )
        try:
            self._stage = self._stage or environment.open()
            parts = self._stage.parts(task.split)
            begin_folder(task, environment)
            context = TrainingContext(task, environment, recorder)
            with limited_threads(environment.threads), handlers_removed(), _breakpoints(checked):
                self._stage.trainable.train(Recipe(task.recipe), parts.train, parts.validation, context)
                if context.started:
                    context.finish_early()
        except TrainingStopped:
            pass
        except Exception as error:
            self.error = error
            if self._debug is not None:
                self._debug(error)
            return None
        return recorder

    def _checked(
        self, task: TrainingTask, weights: Arrays, metrics: Mapping[str, float], seconds: float
    ) -> WeightsVerdict:
        if self._check:
            self._verdict = self._check(task, weights, metrics, seconds)
        self._weights_seen = weights
        return WeightsVerdict()

    def further(self, checks: FurtherChecks) -> Iterable[TryCheck]:
        """Return what more checks find; nothing if there are no weights that could be scored."""
        if self._stage is None or self._check is None or self._weights_seen is None:
            return ()
        with limited_threads(self._environment.threads):
            return list(checks(self._stage, self._task, self._weights_seen))


@contextlib.contextmanager
def _breakpoints(stop: bool) -> Iterator[None]:
    """Let ``breakpoint()`` inside stop, or not: once in a try is enough."""
    before = sys.breakpointhook
    if not stop:
        sys.breakpointhook = lambda *arguments, **named: None
    try:
        yield
    finally:
        sys.breakpointhook = before


def _equal(ours: list[dict[str, float]], theirs: list[dict[str, float]]) -> bool:
    return len(ours) == len(theirs) and all(
        scores.keys() == other.keys()
        and all(math.isclose(value, other[name], rel_tol=SAME) for name, value in scores.items())
        for scores, other in zip(ours, theirs, strict=True)
    )


def _difference(ours: RecordingChannel, theirs: RecordingChannel) -> str:
    by_epoch = {report.epoch: report.metrics for report in theirs.reports}
    for report in ours.reports:
        for name, value in report.metrics.items():
            other = by_epoch.get(report.epoch, {}).get(name, math.nan)
            if name.startswith("validation/") and not math.isclose(value, other, rel_tol=SAME):
                return f"{name} of epoch {report.epoch} is {value:.6g}, and was {other:.6g} before"
    return f"it reported {count(len(ours.reports), 'epoch')}"


def _line(error: BaseException | None) -> str:
    """Return an error with its last line in the user's code."""
    if error is None or isinstance(error, HpoError):
        return str(error)
    if isinstance(error, bdb.BdbQuit):
        return "it was ended in the debugger"
    return with_line(error_text(error), error)
