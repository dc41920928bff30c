"""What the processes of one training say to each other."""

from __future__ import annotations

from dataclasses import dataclass

from hpo.core.errors import ChangedCode
from hpo.core.events import Cause
from hpo.running.channel import OPENING
from hpo.running.environment import TrainingEnvironment
from hpo.running.failures import RankFailed, cause_of, described

COLLECTIVE_SECONDS = 7200.0
"""Seconds for which processes wait for each other if no limit of an epoch is set."""


def seconds_of(environment: TrainingEnvironment) -> float:
    """Return the seconds for which processes wait for each other."""
    limit = environment.epoch_seconds
    return COLLECTIVE_SECONDS if limit is None else limit + OPENING


@dataclass(frozen=True, slots=True)
class Opened:
    """The process has opened trainable and data."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A training has ended in the process.

    Attributes:
        cause: Why it failed; None if it did not.
        text: Its error.
        changed_code: Files of the user's code if they have changed.
    """

    cause: Cause | None = None
    text: str = ""
    changed_code: str = ""

    @classmethod
    def by(cls, error: BaseException) -> Ended:
        """Return the end by an error."""
        files = error.files if isinstance(error, ChangedCode) else ""
        return cls(cause_of(error), described(error), files)

    def error(self, rank: int) -> RankFailed | ChangedCode | None:
        """Return the error of the whole training; None if there is none."""
        if self.cause is None:
            return None
        if self.changed_code:
            return ChangedCode(self.text, self.changed_code)
        return RankFailed(self.cause, f"{self.text}\nin process {rank} of the training")
