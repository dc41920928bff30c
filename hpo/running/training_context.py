"""What a training sees of the search: its seed, horizon and checkpoint, and a channel for reports.

A training runs in its own thread. At a rung it waits for the verdict; elsewhere it continues while its
reports are on their way.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from hpo.core.errors import UserError
from hpo.core.events import Cause, Checkpointed, Reported
from hpo.core.ports import TrainingTask
from hpo.core.shipped_model import SEEN
from hpo.core.trainable import Arrays, Context, Model
from hpo.running import checkpoints
from hpo.running.environment import TrainingEnvironment
from hpo.running.weight_mean import WeightMean

OPENING = 120.0
"""Seconds allowed for opening trainable and data in addition to the limit of an epoch."""


class WrongWeights(BaseException):
    """The weights of a training do not give what it reported; not caught by its code either."""


class TrainingStopped(BaseException):
    """Raised inside a training to stop it; not caught by ``except Exception`` in its code."""


@dataclass
class Message:
    """What has happened in a worker since its last message.

    Attributes:
        reports: Epochs trained, oldest first.
        checkpoint: The newest one, if one was written.
        weights: File name and SHA-256 of the kept weights, once they are written.
        scores: Scores of these weights on the final part; empty without such a part.
        examples: File name and SHA-256 of each example's contribution to the value, if kept.
        failure: Cause and message if the training cannot continue.
        finished: What the record says of a training that ended by its own rule before its last epoch.
        warnings: Warnings for the user.
        lost_worker: Whether the worker is unusable because its training hangs.
        full: The write that failed because the disk is full, which is not the training's fault.
        node_fault: What is wrong with the worker's node, which is not the training's fault either.
        refused: Why no training of this search may run in this process: its code has changed. On a cluster
            that is a fault of the node as well, unless the driver's code has changed, too.
    """

    reports: list[Reported] = field(default_factory=list)
    checkpoint: Checkpointed | None = None
    weights: tuple[str, str] = ("", "")
    scores: Mapping[str, float] = field(default_factory=dict)
    examples: tuple[str, str] = ("", "")
    failure: tuple[Cause, str] | None = None
    finished: str = ""
    warnings: list[str] = field(default_factory=list)
    lost_worker: bool = False
    full: str = ""
    node_fault: str = ""
    refused: str = ""


class Channel:
    """Passes messages from a training's thread to its worker, and verdicts back."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._message = Message()
        self._paused = False
        self._pause_read = False  # whether a message with the pause was taken, so that a verdict can follow
        self._over = False
        self._stopping = False
        self.last_activity = time.monotonic() + OPENING

    def send(self, pause: bool, **news: object) -> None:
        """Add to the next message, and wait for a verdict if the training pauses.

        Raises:
            TrainingStopped: If the training must stop.
        """
        with self._changed:
            self.last_activity = time.monotonic()
            for name, value in news.items():
                earlier = getattr(self._message, name)
                setattr(self._message, name, [*earlier, *value] if isinstance(value, list) else value)
            self._paused, self._pause_read = pause, False
            self._changed.notify_all()
            while self._paused and not self._stopping:
                self._changed.wait()
            if self._stopping:
                raise TrainingStopped

    def finish(
        self,
        failure: tuple[Cause, str] | None,
        full: str = "",
        node_fault: str = "",
        refused: str = "",
    ) -> None:
        """Record that the thread has ended, with a failure, and what it failed of if not of itself."""
        with self._changed:
            self._message.failure, self._message.full = failure, full
            self._message.node_fault, self._message.refused = node_fault, refused
            self._over = True
            self._changed.notify_all()

    def proceed(self) -> None:
        """Let a training continue that waits for the verdict on the message taken last."""
        with self._changed:
            if self._pause_read and self._paused:
                self._paused = False
                self.last_activity = time.monotonic()  # the epoch's limit counts from now
                self._changed.notify_all()

    @property
    def busy(self) -> bool:
        """Whether the training runs: it has not ended and does not wait for a verdict."""
        return not (self._paused or self._over)

    @property
    def stopping(self) -> bool:
        """Whether the training was asked to stop."""
        return self._stopping

    def stop(self) -> None:
        """Stop the training at its next report."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def wait(self, soon: float, late: float) -> None:
        """Wait until there is something to report.

        Args:
            soon: Seconds to wait for a pause or the end, even if there are reports.
            late: Seconds to wait after that for the first report.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._paused or self._over, soon):
                self._changed.wait_for(lambda: self._paused or self._over or self._message.reports, late)

    def take(self) -> Message:
        """Return everything sent since the last call."""
        with self._changed:
            message, self._message = self._message, Message()
            self._pause_read = self._paused
            return message


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


class TrainingContext:
    """The `hpo.core.trainable.Context` of one task.

    Args:
        task: The training.
        environment: What it has in common with all trainings of the search.
        channel: Where its reports go.
        finish: Completes and scores the weights that are kept.
        weights_hold: Whether an earlier training of this process showed that weights give their scores.
    """

    def __init__(
        self,
        task: TrainingTask,
        environment: TrainingEnvironment,
        channel: Channel,
        finish: Finish = lambda weights, context: Kept(weights),
        weights_hold: bool = False,
    ):
        self.seed = task.seed
        self.horizon = task.horizon
        self.device = environment.device
        self.threads = environment.threads
        self.trial, self.replicate = task.key
        self.folder = environment.folder.root / "trials" / f"{task.trial}-{task.replicate}"
        self.weights_hold = weights_hold
        self._task = task
        self._environment = environment
        self._channel = channel
        self._finish = finish
        self._epoch = 0
        self._value = math.nan
        self._best: dict[str, np.ndarray] = {}
        self._model: Model | None = None
        self._mean = WeightMean(task.epochs - task.averages)
        self._state: dict[str, np.ndarray] | None = None
        self._saved_epoch = 0
        self._files = [environment.folder.checkpoints / each.file for each in task.checkpoints[::-1]]
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
        self._check_weights(numbers, model)
        last, finite = epoch == self._task.epochs, self._hold_weights(epoch, numbers, model)
        news: dict[str, object] = {"reports": [report]}
        if state is not None and self._due(epoch, now):
            news["checkpoint"] = self._save(epoch, state())
        if last and finite:
            news |= self._kept()
        self._channel.send(epoch in self._task.pauses or last or not finite, **news)
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
        news: dict[str, object] = {"weights": self._keep(kept.weights), "scores": kept.scores}
        if kept.examples is not None:
            news["examples"] = self._keep({CONTRIBUTIONS: kept.examples, **kept.related}, "examples-")
        return news

    def _check_weights(self, numbers: Mapping[str, float], model: Model) -> None:
        """Have a worker's first report checked in another process.

        Raises:
            WrongWeights: If the weights do not give what was reported.
        """
        check = self._environment.check
        finite = math.isfinite(numbers.get(self._environment.objective.key, math.nan))
        if check is None or self.weights_hold or self._task.replicate or not finite:
            return
        self._channel.last_activity = time.monotonic() + OPENING
        complaint = check(self._task, _copies(model.weights()), numbers)
        if complaint:
            raise WrongWeights(f"{complaint}; `hpo try` shows it with one recipe")
        self.weights_hold = True

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
                self._best = _copies(model.weights())
        return finite

    def _due(self, epoch: int, now: float) -> bool:
        interval = self._environment.checkpoint_epochs
        if epoch >= self._task.epochs:
            return False
        if interval is not None and epoch - self._saved_epoch >= interval:
            return True
        if self._task.saves_at_pauses and epoch in self._task.pauses:
            return True
        return now - self._saved_at >= self._environment.checkpoint_seconds

    def _save(self, epoch: int, state: Arrays) -> Checkpointed:
        trial, replicate = self._task.key
        name = checkpoints.file_name(self._task.key, epoch)
        arrays = {"epoch": np.array(epoch), "value": np.array(self._value)}
        arrays |= {f"state/{key}": value for key, value in state.items()}
        arrays |= {f"best/{key}": value for key, value in self._best.items()}
        arrays |= {f"mean/{key}": value for key, value in self._mean.state().items()}
        path = self._environment.folder.checkpoints / name
        sha256 = checkpoints.write(path, arrays)
        self._saved_epoch, self._saved_at = epoch, time.monotonic()
        self._files.append(path)
        if len(self._files) > checkpoints.KEPT:
            self._files.pop(0).unlink(missing_ok=True)
        return Checkpointed(trial, replicate, epoch, name, sha256)

    def _keep(self, weights: Arrays, what: str = "") -> tuple[str, str]:
        trial, replicate = self._task.key
        name = f"{what}{trial}-{replicate}.safetensors"
        return name, checkpoints.write(self._environment.folder.weights / name, weights)

    def _restore(self) -> None:
        for checkpoint in self._task.checkpoints:
            path = self._environment.folder.checkpoints / checkpoint.file
            try:
                arrays = checkpoints.read(path, checkpoint.sha256)
            except checkpoints.DamagedFile as error:
                self._channel.send(False, warnings=[f"{error}; continuing from an earlier one"])
                continue
            self._epoch = self._saved_epoch = int(arrays["epoch"])
            self._value = float(arrays["value"])
            self._state = _under("state/", arrays)
            self._best = _under("best/", arrays)
            self._mean.restore(_under("mean/", arrays))
            return


def _as_seen(name: str) -> str:
    """Return the name of a validation metric if the validation rows are trained on."""
    return f"{SEEN}/{name.removeprefix('validation/')}" if name.startswith("validation/") else name


def _under(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _copies(weights: Arrays) -> dict[str, np.ndarray]:
    return {name: np.array(array) for name, array in weights.items()}
