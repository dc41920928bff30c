"""The rules of one search, as plain values: what a spec comes down to once it is checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from hpo.core import seeds
from hpo.core.events import WinnerNamed
from hpo.core.fresh_seeds import FreshSeeds
from hpo.core.history import History, Key, Training
from hpo.core.objective import Objective
from hpo.core.space import Point
from hpo.core.stopping_rules import RuleName


class Finals(Protocol):
    """The rule by which finalists are trained again until there is a winner."""

    def __call__(self, history: History) -> Sequence[Key] | WinnerNamed | None:
        """Say what comes next; nothing but the history may decide it, so that a replay is exact.

        Args:
            history: The search, with its finalists named.

        Returns:
            The trainings that must end before anything is decided and have not, in the order in
            which to start them; or the winner; or None if no training of a finalist succeeded.
        """
        ...


@dataclass(frozen=True)
class Plan:
    """What decides how a search goes on.

    Attributes:
        objective: What it optimizes.
        horizon: Epochs of a full training.
        seed: Source of every other seed.
        recipe_of: Completes a point to a recipe.
        rank: Orders fully trained trials, best first.
        finals: What finalists are trained on, and who wins.
        rungs: Epochs at which trials are compared; empty if nothing is stopped early.
        reduction_factor: One trial in this many passes a rung.
        rule: Which rule decides there.
        trials: Most trials to start; None if only other budgets bind.
        epochs: Most epochs of the search itself, the finalists' apart.
        seconds: Most wall time of everything, over all sessions.
        gpu_seconds: The same times the GPUs held.
        gpus: GPUs that all workers hold together.
        finalists: How many trials are run again.
        fresh: How these trainings are numbered, and on which split each of them trains.
        averages: So many last epochs' weights are averaged in each of them; 0 for none.
        start_from: Points tried first.
        warm_start: Points of earlier searches, tried next.
        reserved_epochs: Epochs of the finalists' trainings, for which time is set aside.
        workers: Trainings at once.
        patience: The search is over after so many trials in a row without a gain; None for never.
        least_gain: What counts as one.
        worker_losses: A training that loses its worker this often has failed.
        same_failures: The search gives up if so many first trials all fail with one cause.
    """

    objective: Objective
    horizon: int
    seed: int
    recipe_of: Callable[[Point], Mapping[str, Any]]
    rank: Callable[[Sequence[Training]], Sequence[Training]]
    finals: Finals
    rungs: tuple[int, ...] = ()
    reduction_factor: float = 3
    rule: RuleName = "asha"
    trials: int | None = None
    epochs: int | None = None
    seconds: float | None = None
    gpu_seconds: float | None = None
    gpus: float = 0.0
    finalists: int = 1
    fresh: FreshSeeds = field(default_factory=FreshSeeds)
    averages: int = 0
    start_from: tuple[Point, ...] = ()
    warm_start: tuple[Point, ...] = ()
    reserved_epochs: int = 0
    workers: int = 1
    patience: int | None = None
    least_gain: float = 0.0
    worker_losses: int = 3
    same_failures: int = 5

    def training_seed(self, trial: int, replicate: int) -> int:
        """Seed of a training, from (search seed, trial); fresh seeds are the same for every finalist."""
        if replicate:
            return seeds.derive(self.seed, "fresh", replicate)
        return seeds.derive(self.seed, "train", trial, replicate)
