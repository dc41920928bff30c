"""One rung, then the best to the end: what early discarding reaches without a schedule or a model.

Egele et al., "The Unreasonable Effectiveness Of Early Discarding After One Epoch In Neural Network
Hyperparameter Optimization", Neurocomputing 2024. Random configurations are trained for a tenth of a full
training, as many as leave budget for full trainings of the best; then those, best first.
"""

from __future__ import annotations

from random import Random

from benchmarks.curve_tasks import Task
from benchmarks.peers.foreign import Job, Worst

SHARE = 10
"""The rung is the horizon divided by this."""
FULL = 3
"""Full trainings for which budget is kept, the number of finalists of the product."""


class IEpochPeer:
    """Trains all configurations to one rung, then the best to the end."""

    def __init__(self, task: Task, seed: int, most: int):
        self._task, self._random, self._worst = task, Random(seed), Worst()
        self._rung = max(1, round(task.horizon / SHARE))
        planned = most / 2  # the budget that is compared: a search is given up at twice that
        self._count = int((planned - FULL * (task.horizon - self._rung)) / self._rung)
        self._points: list[dict[str, object]] = []
        self._values: dict[int, float] = {}
        self._full: set[int] = set()
        self.settings = (
            f"{self._count} configurations at random to epoch {self._rung}, then the best to the end"
        )

    def ask(self) -> Job:
        """Return a new configuration, or the best that is not fully trained."""
        if len(self._points) < self._count or not self._values:
            self._points.append(dict(self._task.space.sample(self._random)))
            return Job(len(self._points) - 1, self._points[-1], self._rung)
        best = min(self._values, key=self._values.__getitem__)
        del self._values[best]
        self._full.add(best)
        return Job(best, self._points[best], self._task.horizon)

    def report(self, trial: int, epoch: int, value: float) -> bool:
        """Let every training go on; nothing is learned before its rung."""
        self._worst.instead_of(value)
        return True

    def tell(self, trial: int, end: str, value: float) -> None:
        """Note a configuration's value at the rung."""
        if end == "finished" and trial not in self._full:
            self._values[trial] = value
