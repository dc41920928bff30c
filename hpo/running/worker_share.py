"""Keeps a search within the workers that it may hold beside other searches.

A search over its share gives back idle workers at once, takes back tasks that no worker has begun, and pauses
its latest trainings at the end of their epochs, with a checkpoint. It always keeps one worker. While it is
alone, nothing is asked of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from ray.tune.experiment import Trial

from hpo.core.training_state import Key
from hpo.running.conductor import Conductor
from hpo.running.tune_controller import Controller
from hpo.running.tune_queue import TrialQueue

SECONDS = 0.5
"""Seconds between two looks at the claims of other searches."""

Share = Callable[[int, int], int | None]
"""Returns how many workers a search may hold, or None if no other one is running; it is given the workers
that the search can use now, and those that would fit if it were alone."""


def no_others(demand: int, room: int) -> int | None:
    """Return None: the search shares its workers with no other one."""
    return None


class WorkerShare:
    """The share of one search.

    Args:
        ask: Returns it.
        clock: Returns monotonic seconds.

    Attributes:
        workers: How many workers the search may hold; None while it is alone.
    """

    def __init__(self, ask: Share = no_others, clock: Callable[[], float] = time.monotonic):
        self._ask, self._clock = ask, clock
        self._next = 0.0
        self.workers: int | None = None

    def limit(self, most: int | None) -> int | None:
        """Return the smaller one of the share and another limit; None if there is neither."""
        return most if self.workers is None else min(self.workers, most or self.workers)

    def update(self, queue: TrialQueue, most: int | None, room: int) -> None:
        """Ask for the share now and then.

        Args:
            queue: Gives out the search's tasks.
            most: Most trainings at once that the user wants; None for as many as fit.
            room: Trainings that would fit if the search were alone.
        """
        now = self._clock()
        if now < self._next or room < 1:
            return
        self._next = now + SECONDS
        wanted = min(room, most or room)
        self.workers = self._ask(min(wanted, max(1, queue.open)) if queue.starved else wanted, room)

    def give_up(self, controller: Controller, conductor: Conductor) -> frozenset[Trial]:
        """Give up what is over the share, and return the trials to pause as soon as they are saved."""
        if self.workers is None:
            return frozenset()
        controller.release_idle(keep=max(0, self.workers - controller.training))
        excess = controller.training + controller.waiting - self.workers
        if excess > 0:
            keys = controller.keys_of(controller.unplaced_trials())
            for trial in _latest(keys, excess):
                conductor.wait_again(keys[trial])
                controller.take_back(trial)
        running = controller.keys_of(controller.training_trials())
        return frozenset(_latest(running, controller.training - self.workers))


def _latest(keys: dict[Trial, Key], most: int) -> Iterable[Trial]:
    """Return the trials that started last."""
    return sorted(keys, key=lambda trial: keys[trial], reverse=True)[: max(0, most)]
