"""A search that is stopped waits for short epochs of trainings with unsaved reports, and for nothing else."""

from dataclasses import dataclass

import pytest

from hpo.running.last_checkpoints import MESSAGES, SECONDS, LastCheckpoints


@dataclass
class Saved:
    epoch: int


@dataclass
class Training:
    epoch: int = 3
    seconds: float = 3.0
    checkpoints: tuple = ()
    end: str | None = None


@pytest.mark.parametrize(
    ("training", "waits"),
    [
        (Training(), True),
        (Training(checkpoints=(Saved(1),)), True),
        (Training(checkpoints=(Saved(1), Saved(3))), False),
        (Training(epoch=0, seconds=0.0), False),
        (Training(seconds=3 * SECONDS), True),
        (Training(seconds=3 * SECONDS + 1), False),
        (Training(end="stopped"), False),
    ],
)
def test_only_short_epochs_with_something_to_save_are_waited_for(training, waits):
    assert LastCheckpoints({(0, 0): training}, [(0, 0)]).complete([(0, 0)]) is not waits


@pytest.mark.parametrize(
    ("later", "running"),
    [
        (Training(checkpoints=(Saved(3),)), [(0, 0)]),
        (Training(epoch=5, checkpoints=(Saved(5),)), [(0, 0)]),
        (Training(end="failed"), [(0, 0)]),
        (Training(), []),
    ],
)
def test_it_is_over_once_a_checkpoint_was_written_or_the_training_has_ended(later, running):
    trainings = {(0, 0): Training()}
    checkpoints = LastCheckpoints(trainings, [(0, 0)])
    assert not checkpoints.complete([(0, 0)])
    trainings[0, 0] = later
    assert checkpoints.complete(running)


def test_a_training_without_a_state_to_save_is_not_waited_for_longer_than_a_few_messages():
    trainings = {(0, 0): Training()}
    checkpoints = LastCheckpoints(trainings, [(0, 0)])
    over = []
    for epoch in range(4, 4 + MESSAGES):
        over.append(checkpoints.complete([(0, 0)]))
        trainings[0, 0] = Training(epoch=epoch)
    assert over == [False] * MESSAGES
    assert checkpoints.complete([(0, 0)])
