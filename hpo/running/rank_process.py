"""A process that trains as another rank of a worker's trainings; see `hpo.running.ranks`."""

from __future__ import annotations

import gc
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from hpo.core.distributed import Distributed
from hpo.core.ports import TrainingTask
from hpo.core.private_files import open_log
from hpo.core.recipe import Recipe
from hpo.core.trainable import Arrays, Model
from hpo.running.channel import Channel, TrainingStopped
from hpo.running.environment import OpenedStage, TrainingEnvironment
from hpo.running.rank_messages import Ended, Opened, seconds_of
from hpo.running.thread_limits import limited_threads
from hpo.running.training_context import TrainingContext
from hpo.running.trial_log import TrialLog


class RankContext(TrainingContext):
    """The context of another rank than 0: what it reports is not recorded, and waits for rank 0's verdict.

    Args:
        task: The training.
        environment: What it has in common with all trainings of the search.
        place: This process.
        goes_on: Waits until rank 0's next report has been taken; returns whether the training goes on.
    """

    def __init__(
        self,
        task: TrainingTask,
        environment: TrainingEnvironment,
        place: Distributed,
        goes_on: Callable[[], bool],
    ):
        super().__init__(task, environment, Channel(), distributed=place)
        self._goes_on = goes_on

    def epochs(self) -> Iterator[int]:
        """Epochs to train, counted from 1; one without a report ends when rank 0 reports it."""
        while self._epoch < self._task.epochs:
            before = self._epoch
            yield before + 1
            if self._epoch == before:
                self._follow()

    def report(
        self, metrics: Mapping[str, float], model: Model, state: Callable[[], Arrays] | None = None
    ) -> None:
        """Wait for the verdict on this epoch; does not return if the trial is stopped."""
        self._follow()

    def _follow(self) -> None:
        if not self._goes_on():
            raise TrainingStopped
        self._epoch += 1


class RankTrainings:
    """Trains what rank 0 trains, one task after another.

    Args:
        connection: To rank 0.
        environment: Of the trainings.
        place: This process.
    """

    def __init__(self, connection: Connection, environment: TrainingEnvironment, place: Distributed):
        self._connection, self._environment, self._place = connection, environment, place
        self._log = TrialLog(whole_process=True)
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._receive, daemon=True).start()

    def run(self) -> None:
        """Train until rank 0 ends."""
        try:
            stage = self._environment.open()
        except BaseException as error:  # whatever user code raises
            self._connection.send(Ended.by(error))
            return
        gc.collect()
        gc.freeze()
        self._connection.send(Opened())
        while True:
            message = self._inbox.get()
            if isinstance(message, bool):
                continue  # a verdict on a training that has ended here
            self._connection.send(self._train(stage, *message))

    def _receive(self) -> None:
        """Take messages; at the end of rank 0, end as well, whatever the training does."""
        with suppress(EOFError, OSError):
            while True:
                self._inbox.put(self._connection.recv())
        os._exit(1)

    def _train(self, stage: OpenedStage, task: TrainingTask, port: int) -> Ended:
        from trainables.process_group import joined, variables

        environment = self._environment
        os.environ.update(variables(self._place, port))
        log = environment.folder.logs / f"{task.trial}-{task.replicate}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        try:
            with (
                open_log(log, "a", buffering=1) as file,
                self._log.of(file),
                limited_threads(environment.threads),
            ):
                parts = stage.parts(task.split)
                context = RankContext(task, environment, self._place, self._inbox.get)
                with joined(self._place, port, seconds_of(environment)):
                    stage.trainable.train(Recipe(task.recipe), parts.train, parts.validation, context)
        except TrainingStopped:
            return Ended()
        except BaseException as error:  # whatever user code raises
            return Ended.by(error)
        return Ended()


def main() -> None:
    """Train over the connection whose file descriptor is the argument."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches rank 0, which ends this process
    connection = Connection(int(sys.argv[1]))
    sys.path[:] = connection.recv()
    environment, place = connection.recv()
    RankTrainings(connection, environment, place).run()


if __name__ == "__main__":
    main()
