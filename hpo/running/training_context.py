"""What a training sees of the search: its seed, horizon and checkpoint, and where its reports go."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from hpo.core.detail_events import VALIDATION
from hpo.core.distributed import Distributed
from hpo.core.errors import HpoError, UserError
from hpo.core.events import Checkpointed, Reported
from hpo.core.ports import TrainingTask
from hpo.core.shipped_model import AVERAGED, SEEN
from hpo.core.trainable import Arrays, Context, Model
from hpo.running import checkpoints
from hpo.running.channel import OPENING, Channel
from hpo.running.environment import Check, TrainingEnvironment, WeightsVerdict
from hpo.running.home_files import PATIENCE
from hpo.running.weight_mean import WeightMean


class WrongWeights(BaseException):
    """The weights of a training do not give what it reported; not caught by its code either."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The results of a training that are kept.

    Attributes:
        weights: Weights of the model.
        scores: Their scores beyond the reports; may be empty.
        examples: Each example's contribution to the training's value, [n]; None if unknown.
        related: ``groups`` or ``times`` of the same examples, [n], if the data has them.
    """

    weights: Arrays
    scores: Mapping[str, float] = field(default_factory=dict)
    examples: np.ndarray | None = None
    related: Mapping[str, np.ndarray] = field(default_factory=dict)


Finish = Callable[[Arrays, Context], Kept]
"""Completes weights before they are kept, and scores them."""

CONTRIBUTIONS = "contributions"
"""Name of the array in a file of contributions."""


def own_folder(task: TrainingTask, environment: TrainingEnvironment) -> Path:
    """Return the folder of a training's own files; it need not exist."""
    return environment.folder.root / "trials" / f"{task.trial}-{task.replicate}"


def begin_folder(task: TrainingTask, environment: TrainingEnvironment) -> None:
    """Remove what an interrupted training left in its folder, unless it continues from a checkpoint.

    Code that looks there for a checkpoint of its own would go on from an epoch that this training has not
    reached, unnoticed.
    """
    folder = own_folder(task, environment)
    if not task.checkpoints and folder.exists():
        shutil.rmtree(folder)


class TrainingContext:
    """The `hpo.core.trainable.Context` of one task.

    Args:
        task: The training.
        environment: What it has in common with all trainings of the search.
        channel: Where its reports go.
        finish: Completes and scores the weights that are kept.
        weights_hold: Whether an earlier training of this process showed that weights give their scores.
        distributed: The place of this process if several train the task together.
        on_verdict: Called when a report is taken and the training goes on.
    """

    def __init__(
        self,
        task: TrainingTask,
        environment: TrainingEnvironment,
        channel: Channel,
        finish: Finish = lambda weights, context: Kept(weights),
        weights_hold: bool = False,
        distributed: Distributed | None = None,
        on_verdict: Callable[[], None] = lambda: None,
    ):
        self.seed = task.seed
        self.horizon = task.horizon
        self.device = environment.device
        self.threads = environment.threads
        self.trial, self.replicate = task.key
        self.folder = own_folder(task, environment)
        self.weights_hold = weights_hold
        self.distributed, self._on_verdict = distributed, on_verdict
        self._task = task
        self._environment = environment
        self._channel = channel
        self._finish = finish
        self._epoch = 0
        self._value = math.nan
        self._best: dict[str, np.ndarray] = {}
        self._counted: dict[str, float] = {}
        self._model: Model | None = None
        self._mean = WeightMean(task.epochs - task.averages)
        self._state: dict[str, np.ndarray] | None = None
        self._saved_epoch = 0
        self._home = replace(environment.files, given_up=lambda: channel.stopping)
        self._files = [
            environment.folder.checkpoints / checkpoint.file for checkpoint in task.checkpoints[::-1]
        ]
        self._saved_at = self._last = time.monotonic()
        self._restore()

    def epochs(self) -> Iterator[int]:
        """Epochs to train, counted from 1."""
        self._last = time.monotonic()
        while self._epoch < self._task.epochs:
            before = self._epoch
            yield before + 1
            if self._epoch == before:
                raise RuntimeError(f"epoch {before + 1} ended without a report")

    @property
    def stopping(self) -> bool:
        """Whether the next report would not return: the training was asked to stop."""
        return self._channel.stopping

    def restored(self) -> Arrays | None:
        """Return the state in the last checkpoint, or None for a fresh start."""
        return self._state

    def report(
        self,
        metrics: Mapping[str, float],
        model: Model,
        state: Callable[[], Arrays] | None = None,
    ) -> None:
        """Report the result of an epoch; does not return if the trial is stopped."""
        now = time.monotonic()
        self._epoch += 1
        epoch = self._epoch
        numbers = {name: float(value) for name, value in metrics.items()}
        if self._task.until:  # it trains on the validation rows, too
            numbers = {_as_seen(name): value for name, value in numbers.items()}
        report = Reported(*self._task.key, epoch, numbers, round(now - self._last, 6))
        self._check_weights(numbers, model, report.seconds)
        last, finite = epoch == self._task.epochs, self._hold_weights(epoch, numbers, model)
        news: dict[str, object] = {"reports": [report]}
        if state is not None and self._due(epoch, now):
            news["checkpoint"] = self._save(epoch, state())
        if last and finite:
            news |= self._kept()
        self._channel.send(epoch in self._task.pauses or last or not finite, **news)
        self._on_verdict()
        self._last = time.monotonic()

    @property
    def started(self) -> bool:
        """Whether an epoch was reported, in this process or before its checkpoint."""
        return self._epoch > 0

    def finish_early(self) -> None:
        """Finish a training whose own rule ended it before its last epoch; waits to be stopped.

        Raises:
            UserError: If the weights to keep do not exist by then.
        """
        text = f"the training ended by its own rule after epoch {self._epoch} of {self._task.epochs}"
        if self._task.averages and not self._mean.state():
            raise UserError(f"{text}, before the epochs whose weights `ship: averaged` averages")
        if self._task.until and self._model is not None:
            self._best = _copies(self._model.weights())
        self._channel.send(True, finished=text, **self._kept())

    def _kept(self) -> dict[str, object]:
        """Write the weights that are kept, and return what the message says about them."""
        if not self._task.keep_weights:
            return {}
        weights = self._mean.arrays() if self._task.averages else self._best
        kept = self._finish(weights, self)
        self._check_kept(kept)
        news: dict[str, object] = {"weights": self._keep(kept.weights), "scores": kept.scores}
        if kept.examples is not None:
            news["examples"] = self._keep({CONTRIBUTIONS: kept.examples, **kept.related}, "examples-")
        return news

    def _check_weights(self, numbers: Mapping[str, float], model: Model, seconds: float) -> None:
        """Have a worker's first report checked in another process.

        Raises:
            WrongWeights: If the weights do not give what was reported.
        """
        check = self._environment.check
        finite = math.isfinite(numbers.get(self._environment.objective.key, math.nan))
        if check is None or self.weights_hold or self._task.replicate or not finite:
            return
        verdict = self._checked(check, _copies(model.weights()), numbers, seconds)
        warnings = [text for text in (verdict.doubt, verdict.predicting) if text]
        if warnings:
            self._channel.send(False, warnings=warnings)
        self.weights_hold = True

    def _check_kept(self, kept: Kept) -> None:
        """Have weights that may be shipped checked in another process, whatever earlier ones gave.

        Code that goes wrong under some choices alone would win unchecked. Weights that were trained on the
        validation rows have no score to compare with.

        Raises:
            WrongWeights: If the weights do not give the score that they are kept for.
        """
        check, averaged = self._environment.check, f"{AVERAGED}/"
        reported = self._counted
        if self._task.averages:
            reported = {
                f"{VALIDATION}/{name.removeprefix(averaged)}": value
                for name, value in kept.scores.items()
                if name.startswith(averaged)
            }
        if check is not None and reported and not self._task.until:
            self._checked(check, kept.weights, reported, math.inf)

    def _checked(
        self, check: Check, weights: Arrays, numbers: Mapping[str, float], seconds: float
    ) -> WeightsVerdict:
        self._channel.last_activity = time.monotonic() + OPENING
        verdict = check(self._task, weights, numbers, seconds)
        if verdict.complaint:
            raise WrongWeights(f"{verdict.complaint}; `hpo try` shows it with one recipe")
        return verdict

    def _hold_weights(self, epoch: int, numbers: Mapping[str, float], model: Model) -> bool:
        """Update the value and hold weights that may be kept; return whether the epoch's value is finite."""
        objective, until = self._environment.objective, self._task.until
        value = numbers.get(_as_seen(objective.key) if until else objective.key, math.nan)
        standing = objective.standing(self._value, value)
        counts = epoch == until if until else standing != self._value or objective.at == "last"
        self._value, self._model = standing, model
        finite = math.isfinite(value)
        if self._task.keep_weights and finite:
            if self._task.averages:
                self._mean.add(epoch, model)
            elif counts:
                self._best, self._counted = _copies(model.weights()), dict(numbers)
        return finite

    def _due(self, epoch: int, now: float) -> bool:
        interval = self._environment.checkpoint_epochs
        if epoch >= self._task.epochs:
            return False
        if self._channel.saving:
            return True
        if interval is not None and epoch - self._saved_epoch >= interval:
            return True
        if self._task.saves_at_pauses and epoch in self._task.pauses:
            return True
        return now - self._saved_at >= self._environment.checkpoint_seconds

    def _save(self, epoch: int, state: Arrays) -> Checkpointed:
        trial, replicate = self._task.key
        name = checkpoints.file_name(self._task.key, epoch, self._environment.attempt)
        arrays = {"epoch": np.array(epoch), "value": np.array(self._value)}
        arrays |= {f"state/{key}": value for key, value in state.items()}
        arrays |= {f"best/{key}": value for key, value in self._best.items()}
        arrays |= {f"counted/{key}": np.array(value) for key, value in self._counted.items()}
        arrays |= {f"mean/{key}": value for key, value in self._mean.state().items()}
        path = self._environment.folder.checkpoints / name
        sha256 = checkpoints.write(path, arrays)
        self._leave(path)
        self._saved_epoch, self._saved_at = epoch, time.monotonic()
        self._files.append(path)
        if len(self._files) > checkpoints.KEPT:
            self._home.remove(self._files.pop(0))
        return Checkpointed(trial, replicate, epoch, name, sha256)

    def _keep(self, weights: Arrays, what: str = "") -> tuple[str, str]:
        trial, replicate = self._task.key
        name = f"{what}{trial}-{replicate}.safetensors"
        path = self._environment.folder.weights / name
        sha256 = checkpoints.write(path, weights)
        self._leave(path)
        return name, sha256

    def _leave(self, path: Path) -> None:
        """Leave a written file where every node finds it, before the search hears of it."""
        self._channel.last_activity = time.monotonic() + PATIENCE
        self._home.leave(path)

    def _restore(self) -> None:
        for checkpoint in self._task.checkpoints:
            path = self._environment.folder.checkpoints / checkpoint.file
            try:
                with self._home.at_hand(path, checkpoint.sha256) as here:
                    arrays = checkpoints.read(here, checkpoint.sha256)
            except HpoError as error:
                self._channel.send(False, warnings=[f"{error}; continuing from an earlier one"])
                continue
            self._epoch = self._saved_epoch = int(arrays["epoch"])
            self._value = float(arrays["value"])
            self._state = _under("state/", arrays)
            self._best = _under("best/", arrays)
            self._counted = {name: float(value) for name, value in _under("counted/", arrays).items()}
            self._mean.restore(_under("mean/", arrays))
            return


def _as_seen(name: str) -> str:
    """Return the name of a validation metric if the validation rows are trained on."""
    own = f"{VALIDATION}/"
    return f"{SEEN}/{name.removeprefix(own)}" if name.startswith(own) else name


def _under(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _copies(weights: Arrays) -> dict[str, np.ndarray]:
    return {name: np.array(array) for name, array in weights.items()}
