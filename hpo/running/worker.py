"""A process that runs one training task after another, independent of what drives it.

Between trainings it keeps only what it opened once: the trainable and the shared data.
"""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
import time
from collections.abc import Iterator

from hpo.core.errors import ChangedCode, UserError, is_full
from hpo.core.events import Cause
from hpo.core.ports import TrainingTask
from hpo.core.private_files import open_log
from hpo.core.recipe import Recipe
from hpo.running.channel import Channel, Message, TrainingStopped
from hpo.running.environment import OpenedStage, TrainingEnvironment
from hpo.running.failures import RankLost, cause_of, described
from hpo.running.final_scores import final_scorer
from hpo.running.gpu_share import use_share
from hpo.running.home_files import StoreLost
from hpo.running.log_pieces import LogPieces
from hpo.running.memory_release import release_memory
from hpo.running.node_faults import DEADLINE, home_fault, node_fault
from hpo.running.ranks import Ranks
from hpo.running.thread_limits import limited_threads
from hpo.running.training_context import TrainingContext, begin_folder
from hpo.running.trial_log import TrialLog

HEARTBEAT = 2.0
"""Seconds after which a worker answers even if it has nothing to report."""


class Worker:
    """Trains tasks, each in its own thread.

    Args:
        environment: What the trainings have in common.
        whole_process: Whether this process does nothing else; see `TrialLog`.
    """

    def __init__(self, environment: TrainingEnvironment, whole_process: bool = False):
        self._environment = environment
        self._stage: OpenedStage | None = None
        self._channel = Channel()
        self._ranks = Ranks(environment)
        self._log = TrialLog(whole_process)
        self._weights_hold = False
        self._thread: threading.Thread | None = None

    def start(self, task: TrainingTask) -> None:
        """Begin a training after stopping the previous one.

        Raises:
            RuntimeError: If the previous one does not stop.
        """
        self.abandon()
        self._channel = Channel()
        arguments = (task, self._channel)
        self._thread = threading.Thread(target=self._train, args=arguments, daemon=True)
        self._thread.start()

    def advance(self) -> Message:
        """Let the training continue until it pauses, ends, or has something to report.

        Returns:
            Its message, which may be empty; with a failure if the training hangs.
        """
        self._channel.proceed()
        limit = self._environment.epoch_seconds
        self._channel.wait(self._environment.message_seconds, HEARTBEAT)
        message = self._channel.take()
        silent = time.monotonic() - self._channel.last_activity
        if limit is not None and silent > limit and not message.failure and not message.reports:
            text = f"an epoch took longer than the limit of {limit:g} s"
            message.failure = (Cause.TIMED_OUT, text)
            message.lost_worker = True
        fate = self._ranks.overdue
        if fate is not None and self._channel.busy:
            lost = isinstance(fate, RankLost)
            message.lost = str(fate) if lost else ""
            message.failure = None if lost else (cause_of(fate), described(fate))
            message.lost_worker = True
        return message

    @property
    def busy(self) -> bool:
        """Whether a training's own code runs."""
        return self._thread is not None and self._channel.busy

    def save_soon(self, saving: bool = True) -> None:
        """Have the current training write a checkpoint after its epoch and after every later one, or not."""
        self._channel.saving = saving

    def abandon(self, seconds: float = 60.0) -> None:
        """Stop the current training, if any.

        Raises:
            RuntimeError: If it does not stop within the given time.
        """
        if self._thread is None:
            return
        self._channel.stop()
        self._thread.join(seconds)
        if self._thread.is_alive():
            raise RuntimeError("the previous training does not stop")
        self._thread = None
        release_memory()

    def close(self) -> None:
        """End the other processes of its trainings, if they have any."""
        self._ranks.close()

    def _train(self, task: TrainingTask, channel: Channel) -> None:
        failure: tuple[Cause, str] | None = None
        full = fault = refused = lost = ""
        try:
            failure = self._logged(task, channel)
        except TrainingStopped:
            failure = None
        except RankLost as error:
            lost = str(error)
        except StoreLost as error:
            fault = str(error)
        except BaseException as error:  # anything that user code raises is that trial's failure
            failure = cause_of(error), described(error)
            full = str(error) if is_full(error) else ""
            refused = str(error) if isinstance(error, ChangedCode) else ""
            fault = "" if full else self._node_fault(error, channel)
        channel.finish(failure, full, fault, refused, lost)

    def _logged(self, task: TrainingTask, channel: Channel) -> tuple[Cause, str]:
        """Train; output and the reason of a failure go to the training's log."""
        unseen = home_fault(self._environment)
        if unseen:
            raise OSError(unseen)  # before folders are created where the home should be
        if self._environment.device == "cuda":
            use_share(1 if task.whole_gpu else self._environment.trainings_per_gpu)
        self._ranks.start()  # before this training's log is where they would print as long as they run
        log = self._environment.folder.logs / f"{task.trial}-{task.replicate}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with (
            LogPieces(self._environment.files, log),
            open_log(log, "a", buffering=1) as file,
            self._log.of(file),
        ):
            try:
                return self._train_in_stage(task, channel)
            except TrainingStopped:
                raise
            except BaseException as error:
                file.write(described(error) + "\n")
                raise

    def _node_fault(self, error: BaseException, channel: Channel) -> str:
        channel.last_activity = time.monotonic() + DEADLINE
        return node_fault(self._environment, error, opened=self._stage is not None)

    def _train_in_stage(self, task: TrainingTask, channel: Channel) -> tuple[Cause, str]:
        if self._stage is None:
            self._stage = self._environment.open()
            gc.collect()
            gc.freeze()  # later collections skip what was imported once
        stage = self._stage
        parts = stage.parts(task.split)
        begin_folder(task, self._environment)
        with self._ranks.training(task) as place:
            channel.last_activity = time.monotonic()
            context = TrainingContext(
                task,
                self._environment,
                channel,
                final_scorer(stage, task, parts, self._environment.objective.metric),
                self._weights_hold,
                place,
                self._ranks.go_on,
            )
            try:
                with limited_threads(self._environment.threads), _no_debugger():
                    stage.trainable.train(Recipe(task.recipe), parts.train, parts.validation, context)
                    if context.started:
                        context.finish_early()
            finally:
                self._weights_hold = context.weights_hold
        return Cause.NEVER_REPORTED, "the training ended without a report"


@contextlib.contextmanager
def _no_debugger() -> Iterator[None]:
    """Refuse ``breakpoint()`` inside: nobody could answer it, and the trial would hang or end unseen."""
    before, sys.breakpointhook = sys.breakpointhook, _refuse_debugger
    try:
        yield
    finally:
        sys.breakpointhook = before


def _refuse_debugger(*arguments: object, **named: object) -> None:
    raise UserError("breakpoint() does not work in a search; `hpo try SPEC` trains one recipe where it does")
