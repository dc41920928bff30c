"""The trial actor: a worker inside a Ray process that is reused from trial to trial."""

from __future__ import annotations

import os
from typing import Any

from ray import tune

from hpo.running import watchdog
from hpo.running.training_context import OPENING
from hpo.running.worker import Worker

NAME = "hpo-training"
"""Under which the actor is registered with Tune."""


class TrainingActor(tune.Trainable):
    """Trains orders. Its config holds ``workplace``, the same for all, and ``order``."""

    def setup(self, config: dict[str, Any]) -> None:
        """Begin the first training of this process."""
        os.nice(5)  # the loop that hands out work goes first
        self._limit = config["workplace"].epoch_seconds
        self._worker = Worker(config["workplace"])
        self._worker.start(config["order"])

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Begin the next training; raises, which Tune reports as a lost worker, if it cannot."""
        self._worker.start(new_config["order"])
        return True

    def train(self) -> dict[str, Any]:
        """One turn: what the worker has to say, without Tune's own bookkeeping metrics."""
        self._iteration += 1
        if self._limit is not None:
            watchdog.watch(self._limit + OPENING + watchdog.GRACE)
        message = self._worker.advance()
        if not self._worker.busy:
            watchdog.leave()
        return {"message": message, "training_iteration": self._iteration, "done": False}

    def cleanup(self) -> None:
        """Let go of the training that is under way."""
        watchdog.leave()
        self._worker.abandon(seconds=5)
