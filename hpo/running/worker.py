"""One process that trains one order after the other, whatever drives it.

Between trainings nothing is left behind but what was opened once: the trainable and the shared
data.
"""

from __future__ import annotations

import contextlib
import gc
import threading
import time
import traceback
from pathlib import Path

from hpo.core.errors import UserError, is_full
from hpo.core.events import Cause
from hpo.core.ports import TrainingTask
from hpo.core.recipe import Recipe
from hpo.running.environment import OpenedStage, TrainingEnvironment
from hpo.running.final_scores import final_scorer
from hpo.running.memory import release_memory
from hpo.running.training_context import Channel, Message, TrainingContext, TrainingStopped

HEARTBEAT = 2.0
"""Seconds after which a worker answers although it has nothing to say."""


class Worker:
    """Trains orders, each in a thread of its own."""

    def __init__(self, workplace: TrainingEnvironment):
        self._place = workplace
        self._stage: OpenedStage | None = None
        self._channel = Channel()
        self._thread: threading.Thread | None = None

    def start(self, order: TrainingTask) -> None:
        """Begin a training; the one before is stopped first.

        Raises:
            RuntimeError: If the one before does not stop.
        """
        self.abandon()
        self._channel = Channel()
        arguments = (order, self._channel)
        self._thread = threading.Thread(target=self._train, args=arguments, daemon=True)
        self._thread.start()

    def advance(self) -> Message:
        """Let the training go on until it pauses, ends, or has something to say.

        Returns:
            What it said, perhaps nothing yet; with a failure if it hangs.
        """
        self._channel.proceed()
        limit = self._place.epoch_seconds
        self._channel.wait(self._place.message_seconds, HEARTBEAT)
        message = self._channel.take()
        silent = time.monotonic() - self._channel.last_heard
        if limit is not None and silent > limit and not message.failure and not message.reports:
            text = f"an epoch took longer than the limit of {limit:g} s"
            message.failure = (Cause.TIMED_OUT, text)
            message.lost_worker = True
        return message

    @property
    def busy(self) -> bool:
        """Whether a training's own code runs."""
        return self._thread is not None and self._channel.busy

    def abandon(self, seconds: float = 60.0) -> None:
        """Stop the training that is under way, if any.

        Raises:
            RuntimeError: If it does not stop within the given time.
        """
        if self._thread is None:
            return
        self._channel.stop()
        self._thread.join(seconds)
        if self._thread.is_alive():
            raise RuntimeError("the training before does not stop")
        self._thread = None
        release_memory()

    def _train(self, order: TrainingTask, channel: Channel) -> None:
        failure: tuple[Cause, str] | None = None
        full = ""
        try:
            failure = self._logged(order, channel)
        except TrainingStopped:
            failure = None
        except BaseException as error:  # whatever user code raises is that trial's failure
            failure = _cause(error), _account(error)
            full = str(error) if is_full(error) else ""
        channel.finish(failure, full)

    def _logged(self, order: TrainingTask, channel: Channel) -> tuple[Cause, str]:
        """Train; what is printed and why it failed goes to the training's log."""
        log = self._place.folder.logs / f"{order.trial}-{order.replicate}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with (
            log.open("a", buffering=1) as file,
            contextlib.redirect_stdout(file),
            contextlib.redirect_stderr(file),
        ):
            try:
                return self._train_whole(order, channel)
            except TrainingStopped:
                raise
            except BaseException as error:
                file.write(_account(error) + "\n")
                raise

    def _train_whole(self, order: TrainingTask, channel: Channel) -> tuple[Cause, str]:
        if self._stage is None:
            self._stage = self._place.open()
            gc.collect()
            gc.freeze()  # what was imported stays; between trainings only the new is looked through
        channel.last_heard = time.monotonic()
        stage = self._stage
        parts = stage.parts(order.split)
        context = TrainingContext(
            order, self._place, channel, final_scorer(stage, order, parts, self._place.objective.metric)
        )
        stage.trainable.train(Recipe(order.recipe), parts.train, parts.validation, context)
        return Cause.NEVER_REPORTED, "the training ended without training its epochs to the last"


def _cause(error: BaseException) -> Cause:
    out_of_memory = isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__
    if out_of_memory or "not enough memory" in str(error) or "CUDA out of memory" in str(error):
        return Cause.OUT_OF_MEMORY
    return Cause.CODE_ERROR


def _account(error: BaseException) -> str:
    """The error with the lines of the training's own code, not those of this service.

    What is said to the user is one sentence and needs no lines.
    """
    if isinstance(error, UserError):
        return str(error)
    here = str(Path(__file__).parent)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(here)]
    lines = "".join(traceback.format_list(frames)).rstrip()
    said = "".join(traceback.format_exception_only(error)).rstrip()
    return f"{said}\n{lines}" if lines else said
