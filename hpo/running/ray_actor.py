"""The trial actor: a worker inside a Ray process that is reused from trial to trial."""

from __future__ import annotations

import os
from typing import Any

from ray import tune

from hpo.running.worker import Worker

NAME = "hpo-training"
"""Under which the actor is registered with Tune."""


class TrainingActor(tune.Trainable):
    """Trains orders. Its config holds ``workplace``, the same for all, and ``order``."""

    def setup(self, config: dict[str, Any]) -> None:
        """Begin the first training of this process."""
        os.nice(5)  # the loop that hands out work goes first
        self._worker = Worker(config["workplace"])
        self._worker.start(config["order"])

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Begin the next training; raises, which Tune reports as a lost worker, if it cannot."""
        self._worker.start(new_config["order"])
        return True

    def train(self) -> dict[str, Any]:
        """One turn: what the worker has to say, without Tune's own bookkeeping metrics."""
        self._iteration += 1
        return {"message": self._worker.advance(), "training_iteration": self._iteration, "done": False}

    def cleanup(self) -> None:
        """Let go of the training that is under way."""
        self._worker.abandon(seconds=5)
