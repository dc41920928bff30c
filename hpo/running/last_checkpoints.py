"""Trainings of a search that was asked to stop: those in a short epoch end it, with a checkpoint.

Checkpoints are written after an epoch, once the last one is old enough. Otherwise a search that is stopped
by Ctrl-C would train again what it reported since.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hpo.core.training_state import Key, Training

SECONDS = 15.0
"""Seconds that trainings have to end their epoch; nothing is waited for whose epochs take longer."""


MESSAGES = 3
"""Messages with reports, after which a training has no state to save: the first two may be under way."""


class LastCheckpoints:
    """Waits for the trainings that reported more than their checkpoint holds.

    Args:
        trainings: All trainings.
        running: Those that workers run.
    """

    def __init__(self, trainings: Mapping[Key, Training], running: Collection[Key]):
        self._trainings = trainings
        self._epochs = {
            key: {trainings[key].epoch}
            for key in running
            if _unsaved(trainings[key]) and trainings[key].seconds <= SECONDS * trainings[key].epoch
        }

    def complete(self, running: Collection[Key]) -> bool:
        """Return whether none of them will write a checkpoint any more; to be called after each message.

        Args:
            running: The trainings that workers still run.
        """
        for key, epochs in self._epochs.items():
            epochs.add(self._trainings[key].epoch)
        return not any(
            key in running and _unsaved(self._trainings[key]) and len(epochs) <= MESSAGES
            for key, epochs in self._epochs.items()
        )


def _unsaved(training: Training) -> bool:
    saved = training.checkpoints[-1].epoch if training.checkpoints else 0
    return training.end is None and training.epoch > saved
