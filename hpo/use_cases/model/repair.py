"""Restore lost or damaged weights of a model by repeating their training, which gives the same file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hpo.core.errors import DiskFull, HpoError
from hpo.core.events import Warned
from hpo.core.home import SearchFolder
from hpo.core.ports import TrainingTask
from hpo.core.training_state import Key, Training
from hpo.ledger.store import SearchLedger
from hpo.running import checkpoints
from hpo.running.environment import TrainingEnvironment
from hpo.running.judge import task_of
from hpo.running.plan import Plan
from hpo.running.worker import Worker


def damaged_weights(members: Sequence[Training], folder: SearchFolder) -> dict[Key, str]:
    """Return what is wrong with the weights of trainings; empty if they match the record."""
    damaged: dict[Key, str] = {}
    for training in members:
        try:
            checkpoints.read(folder.weights / Path(training.weights).name, training.sha256)
        except checkpoints.DamagedFile as error:
            damaged[training.key] = str(error)
    return damaged


def repair(
    training: Training, fault: str, plan: Plan, environment: TrainingEnvironment, ledger: SearchLedger
) -> None:
    """Repeat a training whose weights are lost, and require the same weights.

    Args:
        training: The training on record.
        fault: What is wrong with its weights.
        plan: Plan of the search.
        environment: Where its trainings run.
        ledger: Ledger of the search, where the repair is recorded.

    Raises:
        HpoError: If the training gives other weights.
    """
    ledger.append([Warned(f"{fault}; the training is repeated")])
    if _trained(task_of(plan, training, fresh=True), environment) != training.sha256:
        raise HpoError(f"{fault}, and the repeated training gave other weights; submit the search again")


def _trained(task: TrainingTask, environment: TrainingEnvironment) -> str:
    """Run a training and return the SHA-256 of its weights."""
    worker = Worker(environment)
    worker.start(task)
    while True:
        message = worker.advance()
        if message.full:
            raise DiskFull(message.full, environment.folder.root)
        if message.failure:
            raise HpoError(f"the training failed ({message.failure[0]}): {message.failure[1]}")
        if message.weights[0]:
            worker.abandon()
            return message.weights[1]
