"""The trial actor: a worker in a Ray process that is reused from trial to trial."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

import ray
from ray import tune

from hpo.core.errors import HpoError
from hpo.core.ports import TrainingTask
from hpo.running import watchdog
from hpo.running.channel import OPENING
from hpo.running.worker import Worker


class TrainingActor(tune.Trainable):
    """Trains tasks. Its config holds ``environment``, the same for all trainings, and the first ``task``."""

    def setup(self, config: dict[str, Any]) -> None:
        """Begin the first training of this process."""
        os.nice(5)  # the driver's loop has priority
        environment = config["environment"]
        with suppress(HpoError):  # the training will say what is wrong with the node
            environment = environment.here()
        self._limit = environment.epoch_seconds
        self._node = ray.get_runtime_context().get_node_id()
        self._worker = Worker(environment, whole_process=True)
        self._worker.start(config["task"])

    def begin(self, task: TrainingTask) -> bool:
        """Begin the next training; if it cannot, raises, which Tune reports as a lost worker."""
        self._iteration = 0
        self._worker.start(task)
        return True

    def train(self) -> dict[str, Any]:
        """Return the worker's next message, without Tune's own bookkeeping metrics."""
        self._iteration += 1
        if self._limit is not None:
            watchdog.start(self._limit + OPENING + watchdog.GRACE)
        message = self._worker.advance()
        if not self._worker.busy:
            watchdog.cancel()
        return {
            "message": message,
            "node": self._node,
            "training_iteration": self._iteration,
            "done": False,
        }

    def save_soon(self, saving: bool) -> None:
        """Have the current training write a checkpoint after each epoch, because it is to leave; or not."""
        self._worker.save_soon(saving)

    def cleanup(self) -> None:
        """Stop the current training."""
        watchdog.cancel()
        try:
            self._worker.abandon(seconds=5)
        finally:
            self._worker.close()
