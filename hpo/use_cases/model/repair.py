"""Weights of a model that were lost or damaged: the same training, done again, gives the same file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hpo.core.errors import DiskFull, HpoError
from hpo.core.events import Warned
from hpo.core.history import Key, Training
from hpo.core.home import SearchFolder
from hpo.core.ports import TrainingTask
from hpo.ledger.store import SearchLedger
from hpo.running import checkpoints
from hpo.running.environment import TrainingEnvironment
from hpo.running.judge import order_of
from hpo.running.plan import Plan
from hpo.running.worker import Worker


def damaged_weights(members: Sequence[Training], folder: SearchFolder) -> dict[Key, str]:
    """What is wrong with the weights of trainings; empty if they are those on record."""
    found: dict[Key, str] = {}
    for training in members:
        try:
            checkpoints.read(folder.weights / Path(training.weights).name, training.sha256)
        except checkpoints.DamagedFile as error:
            found[training.key] = str(error)
    return found


def repair(
    training: Training, why: str, plan: Plan, place: TrainingEnvironment, ledger: SearchLedger
) -> None:
    """Do a training again whose weights are lost, and insist on the same.

    Args:
        training: As it is on record.
        why: What is wrong with its weights.
        plan: Of the search.
        place: Where its trainings are done.
        ledger: Its record, which says what was mended.

    Raises:
        HpoError: If it does not give the same weights.
    """
    ledger.append([Warned(f"{why}; the same training is done again")])
    if _trained(order_of(plan, training, fresh=True), place) != training.sha256:
        raise HpoError(f"{why}, and the same training gave other weights; submit the search anew")


def _trained(order: TrainingTask, place: TrainingEnvironment) -> str:
    """SHA-256 of the weights that an order gives."""
    worker = Worker(place)
    worker.start(order)
    while True:
        message = worker.advance()
        if message.full:
            raise DiskFull(message.full, place.folder.root)
        if message.failure:
            raise HpoError(f"the training failed ({message.failure[0]}): {message.failure[1]}")
        if message.weights[0]:
            worker.abandon()
            return message.weights[1]
