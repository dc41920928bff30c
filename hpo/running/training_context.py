"""What a training sees of the search: its seed and horizon, its checkpoint, and an ear for reports.

The training runs in a thread of its own. At a rung it waits for the verdict; elsewhere it trains on
while its reports travel.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from hpo.core.events import Cause, Checkpointed, Reported
from hpo.core.ports import TrainingTask
from hpo.core.shipped_model import SEEN
from hpo.core.trainable import Arrays, Context, Model
from hpo.running import checkpoints
from hpo.running.environment import TrainingEnvironment
from hpo.running.weight_mean import WeightMean

KEPT = 3
"""Checkpoints of a training that are kept: the record may be one behind the newest file."""


OPENING = 120.0
"""Seconds that opening trainable and data may take beside the limit of an epoch: imports are slow."""


class TrainingStopped(BaseException):
    """Raised inside a training that is to stop; no ``except Exception`` of its code catches it."""


@dataclass
class Message:
    """What a worker has to say since it was last asked.

    Attributes:
        reports: Epochs trained, oldest first.
        checkpoint: The newest one, if one was written.
        weights: File name and SHA-256 of the kept weights, once they are written.
        scores: What they scored on the final part, with them; empty without such a part.
        examples: File name and SHA-256 of what each example contributed to their value, if kept.
        failure: Cause and text if the training cannot go on.
        warnings: What a user should know.
        lost_worker: Whether the worker can train nothing more (its training hangs).
        full: What could not be written for want of room; no fault of the training's.
    """

    reports: list[Reported] = field(default_factory=list)
    checkpoint: Checkpointed | None = None
    weights: tuple[str, str] = ("", "")
    scores: Mapping[str, float] = field(default_factory=dict)
    examples: tuple[str, str] = ("", "")
    failure: tuple[Cause, str] | None = None
    warnings: list[str] = field(default_factory=list)
    lost_worker: bool = False
    full: str = ""


class Channel:
    """Between a training's thread and the worker that answers for it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._message = Message()
        self._paused = False
        self._heard = False  # whether the pause was read, so that a verdict can follow it
        self._over = False
        self._stopping = False
        self.last_heard = time.monotonic() + OPENING

    def say(self, pause: bool, **news: object) -> None:
        """Add to the message; wait for a verdict if asked to.

        Raises:
            TrainingStopped: If the training is to stop.
        """
        with self._changed:
            self.last_heard = time.monotonic()
            for name, value in news.items():
                held = getattr(self._message, name)
                setattr(self._message, name, [*held, *value] if isinstance(value, list) else value)
            self._paused, self._heard = pause, False
            self._changed.notify_all()
            while self._paused and not self._stopping:
                self._changed.wait()
            if self._stopping:
                raise TrainingStopped

    def finish(self, failure: tuple[Cause, str] | None, full: str = "") -> None:
        """Say that the thread is over, and whether it was for want of room on the disk."""
        with self._changed:
            self._message.failure, self._message.full = failure, full
            self._over = True
            self._changed.notify_all()

    def proceed(self) -> None:
        """Let a training go on that waits for the verdict on what was taken."""
        with self._changed:
            if self._heard and self._paused:
                self._paused = False
                self.last_heard = time.monotonic()  # its time begins now, however long the verdict took
                self._changed.notify_all()

    @property
    def busy(self) -> bool:
        """Whether the training runs: it neither waits for a verdict nor is over."""
        return not (self._paused or self._over)

    def stop(self) -> None:
        """Make the training stop at its next report."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def wait(self, soon: float, late: float) -> None:
        """Wait until there is something worth a message.

        Args:
            soon: Seconds to wait for a pause or the end, though epochs may be ready.
            late: Seconds after that to wait for the first epoch.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._paused or self._over, soon):
                self._changed.wait_for(lambda: self._paused or self._over or self._message.reports, late)

    def take(self) -> Message:
        """Everything said since the last call."""
        with self._changed:
            message, self._message = self._message, Message()
            self._heard = self._paused
            return message


@dataclass(frozen=True, slots=True)
class Kept:
    """What is left of a training.

    Attributes:
        weights: The model's.
        scores: What they scored beyond the reports; empty if nothing.
        examples: What each example contributed to the training's value, [n]; None if unknown.
    """

    weights: Arrays
    scores: Mapping[str, float] = field(default_factory=dict)
    examples: np.ndarray | None = None


Finish = Callable[[Arrays, Context], Kept]
"""From the weights that are to be kept to those that are, and what they score where it counts."""

CONTRIBUTIONS = "contributions"
"""Name of the array in a file of what each example contributed."""


class TrainingContext:
    """The `hpo.core.trainable.Context` of one order.

    Args:
        order: What is trained.
        workplace: Its surroundings.
        channel: Where its reports go.
        finish: Makes the weights that are kept whole, and scores them.
    """

    def __init__(
        self,
        order: TrainingTask,
        workplace: TrainingEnvironment,
        channel: Channel,
        finish: Finish = lambda weights, context: Kept(weights),
    ):
        self.seed = order.seed
        self.horizon = order.horizon
        self.device = workplace.device
        self.threads = workplace.threads
        self._order = order
        self._place = workplace
        self._channel = channel
        self._finish = finish
        self._epoch = 0
        self._value = math.nan
        self._best: dict[str, np.ndarray] = {}
        self._mean = WeightMean(order.epochs - order.averages)
        self._state: dict[str, np.ndarray] | None = None
        self._saved_epoch = 0
        self._files = [workplace.folder.checkpoints / each.file for each in order.checkpoints[::-1]]
        self._saved_at = self._last = time.monotonic()
        self._restore()

    def epochs(self) -> Iterator[int]:
        """Epochs to train, counted from 1."""
        self._last = time.monotonic()
        while self._epoch < self._order.epochs:
            before = self._epoch
            yield before + 1
            if self._epoch == before:
                raise RuntimeError(f"epoch {before + 1} ended without a call of context.report")

    def restored(self) -> Arrays | None:
        """What the last checkpoint kept, or None at a fresh start."""
        return self._state

    def report(
        self,
        metrics: Mapping[str, float],
        model: Model,
        state: Callable[[], Arrays] | None = None,
    ) -> None:
        """Say how the epoch went; does not return if the trial is to stop."""
        now = time.monotonic()
        self._epoch += 1
        epoch = self._epoch
        numbers = {name: float(value) for name, value in metrics.items()}
        if self._order.until:  # it trains on what others are validated on
            numbers = {_as_seen(name): value for name, value in numbers.items()}
        report = Reported(*self._order.key, epoch, numbers, round(now - self._last, 6))
        last, sound = epoch == self._order.epochs, self._take_up(epoch, numbers, model)
        news: dict[str, object] = {"reports": [report]}
        if state is not None and self._due(epoch, now):
            news["checkpoint"] = self._save(epoch, state())
        if self._order.keep_weights and last and sound:
            whole = self._mean.arrays() if self._order.averages else self._best
            kept = self._finish(whole, self)
            news["weights"], news["scores"] = self._keep(kept.weights), kept.scores
            if kept.examples is not None:
                news["examples"] = self._keep({CONTRIBUTIONS: kept.examples}, "examples-")
        self._channel.say(epoch in self._order.pauses or last or not sound, **news)
        self._last = time.monotonic()

    def _take_up(self, epoch: int, numbers: Mapping[str, float], model: Model) -> bool:
        """Note what an epoch came to and hold its weights, if they may be kept; whether it is finite."""
        objective, until = self._place.objective, self._order.until
        value = numbers.get(_as_seen(objective.key) if until else objective.key, math.nan)
        standing = objective.standing(self._value, value)
        counts = epoch == until if until else standing != self._value or objective.at == "last"
        self._value = standing
        sound = math.isfinite(value)
        if self._order.keep_weights and sound:
            if self._order.averages:
                self._mean.add(epoch, model)
            elif counts:
                self._best = _copies(model.weights())
        return sound

    def _due(self, epoch: int, now: float) -> bool:
        every = self._place.checkpoint_epochs
        if epoch >= self._order.epochs:
            return False
        if every is not None and epoch - self._saved_epoch >= every:
            return True
        return now - self._saved_at >= self._place.checkpoint_seconds

    def _save(self, epoch: int, state: Arrays) -> Checkpointed:
        trial, replicate = self._order.key
        name = checkpoints.file_name(self._order.key, epoch)
        arrays = {"epoch": np.array(epoch), "value": np.array(self._value)}
        arrays |= {f"state/{key}": value for key, value in state.items()}
        arrays |= {f"best/{key}": value for key, value in self._best.items()}
        arrays |= {f"mean/{key}": value for key, value in self._mean.state().items()}
        path = self._place.folder.checkpoints / name
        sha256 = checkpoints.write(path, arrays)
        self._saved_epoch, self._saved_at = epoch, time.monotonic()
        self._files.append(path)
        if len(self._files) > KEPT:
            self._files.pop(0).unlink(missing_ok=True)
        return Checkpointed(trial, replicate, epoch, name, sha256)

    def _keep(self, weights: Arrays, what: str = "") -> tuple[str, str]:
        trial, replicate = self._order.key
        name = f"{what}{trial}-{replicate}.safetensors"
        return name, checkpoints.write(self._place.folder.weights / name, weights)

    def _restore(self) -> None:
        for checkpoint in self._order.checkpoints:
            path = self._place.folder.checkpoints / checkpoint.file
            try:
                arrays = checkpoints.read(path, checkpoint.sha256)
            except checkpoints.DamagedFile as error:
                self._channel.say(False, warnings=[f"{error}; going on from an earlier one"])
                continue
            self._epoch = self._saved_epoch = int(arrays["epoch"])
            self._value = float(arrays["value"])
            self._state = _under("state/", arrays)
            self._best = _under("best/", arrays)
            self._mean.restore(_under("mean/", arrays))
            return


def _as_seen(name: str) -> str:
    """A validation metric's name where the validation rows are trained on."""
    return f"{SEEN}/{name.removeprefix('validation/')}" if name.startswith("validation/") else name


def _under(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _copies(weights: Arrays) -> dict[str, np.ndarray]:
    return {name: np.array(array) for name, array in weights.items()}
