"""When a search gives up: its first trials all failed alike, and no other trial did better.

Failures are judged by trial number, not in the order in which they end: trials that fail do so early,
while those that succeed take their time.
"""

from __future__ import annotations

from collections.abc import Iterable

from hpo.core.events import Cause, End, TrialEnded
from hpo.core.search_shortfall import GAVE_UP
from hpo.core.training_state import Training


class FirstFailures:
    """The ends of a search's trials, as far as they decide whether it gives up.

    Args:
        count: Number of first trials that must all fail with one cause.
        first: Number of the first of them.
    """

    def __init__(self, count: int, first: int = 0):
        self._count, self._first = count, first
        self._causes: dict[int, Cause | None] = {}
        self._furthest = 0
        self._other_ends = False

    def add(self, end: TrialEnded) -> None:
        """Record the end of a trial."""
        if end.end is not End.FAILED:
            self._other_ends = True
        elif not self._other_ends:
            self._furthest = max(self._furthest, end.epoch)
            if self._first <= end.trial < self._first + self._count:
                self._causes[end.trial] = end.cause

    def succeeded(self) -> None:
        """Record that a trial was paused at a rung, which it reached with finite values."""
        self._other_ends = True

    def cause(self, unended: Iterable[Training]) -> Cause | None:
        """Return the common cause of failure; None while there is hope.

        Args:
            unended: Trials without an end. One that has trained for more epochs than every trial that
                failed is a reason to continue; others are only a reason to wait for their ends.
        """
        if self._other_ends or len(self._causes) < self._count:
            return None
        causes = set(self._causes.values())
        if len(causes) > 1 or any(trial.epoch > self._furthest for trial in unended):
            return None
        return causes.pop()

    def reason(self, cause: Cause, started: int, most: int | None) -> str:
        """Return why the search gave up, in a sentence.

        Args:
            cause: The common cause.
            started: Number of trials started.
            most: Number of trials in the budget; None if it is not limited.
        """
        trials = f"the first {self._count} trials" if self._count > 1 else "the first trial"
        left = f"; {most - started:,} of {most:,} trials were not started" if most and most > started else ""
        return f"{GAVE_UP}: {trials} failed with the same cause, {cause.value}, and no trial succeeded{left}"
