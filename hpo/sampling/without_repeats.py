"""Keep a searcher from proposing a point of a small space again while others are untried.

Random draws, quasi-random sequences and TPE repeat points of a space of a few choices, and a repeated
training tells only what another seed would score.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from random import Random

from hpo.core import seeds
from hpo.core.events import Cause, End
from hpo.core.ports import Searcher
from hpo.core.space import Point, Space

MOST_POINTS = 2_000
"""Points of a space up to which they are listed."""


class WithoutRepeats:
    """Passes everything on, but replaces a repeated proposal by an untried point, as long as there is one."""

    def __init__(self, searcher: Searcher, space: Space, seed: int):
        self._searcher = searcher
        self._seed = seed
        self._points = list(space.grid())
        self._tried: set[str] = set()
        self._replaced = False

    @property
    def reason(self) -> str:
        """Why the last point was proposed."""
        return "random" if self._replaced else self._searcher.reason

    def ask(self, trial: int) -> Point | None:
        """Propose the searcher's point, or a random untried one if that was tried before."""
        point, self._replaced = self._searcher.ask(trial), False
        if point is None or _key(point) not in self._tried:
            return point
        untried = [other for other in self._points if _key(other) not in self._tried]
        self._replaced = bool(untried)
        return Random(seeds.derive(self._seed, "untried", trial)).choice(untried) if untried else point

    def started(self, trial: int, point: Point) -> None:
        """Record that a trial runs at a point."""
        self._tried.add(_key(point))
        self._searcher.started(trial, point)

    def report(self, trial: int, epoch: int, value: float) -> None:
        """Pass a report on."""
        self._searcher.report(trial, epoch, value)

    def timed(self, trial: int, seconds: float) -> None:
        """Pass on how long an epoch took."""
        self._searcher.timed(trial, seconds)

    def limited(self, trial: int, excesses: Mapping[str, float]) -> None:
        """Pass on by how much a trial violates the constraints."""
        self._searcher.limited(trial, excesses)

    def paused(self, trial: int) -> None:
        """Pass on that a trial is paused."""
        self._searcher.paused(trial)

    def taken_up(self, trial: int, point: Point) -> None:
        """Pass on that a paused trial continues."""
        self._searcher.taken_up(trial, point)

    def tell(self, trial: int, end: End, value: float, cause: Cause | None = None) -> None:
        """Pass on how a trial has ended."""
        self._searcher.tell(trial, end, value, cause)


def _key(point: Point) -> str:
    return json.dumps(dict(point), sort_keys=True)
