"""The channel between a training's thread and its worker: reports go out, verdicts come back.

A training waits here for the verdict at a rung; elsewhere it continues while its reports are on their way.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from hpo.core.events import Cause, Checkpointed, Reported

OPENING = 120.0
"""Seconds allowed for opening trainable and data in addition to the limit of an epoch."""


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
        lost: How the training lost one of its processes; it goes on elsewhere as after the death of a worker.
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
    lost: str = ""


class Channel:
    """Passes messages from a training's thread to its worker, and verdicts back.

    Attributes:
        last_activity: Monotonic time of the last report.
        saving: Whether the training writes a checkpoint after every epoch, because its node will end soon.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._message = Message()
        self._paused = False
        self._pause_read = False  # whether a message with the pause was taken, so that a verdict can follow
        self._over = False
        self._stopping = False
        self.saving = False
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
        lost: str = "",
    ) -> None:
        """Record that the thread has ended, with a failure, and what it failed of if not of itself."""
        with self._changed:
            self._message.lost = lost
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
