"""The rules of one search, as plain values derived from a checked spec."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from hpo.core import seeds
from hpo.core.events import WinnerNamed
from hpo.core.fresh_seeds import FreshSeeds
from hpo.core.history import History
from hpo.core.json_values import RecipeFields
from hpo.core.objective import Objective
from hpo.core.promote import MOST_PAUSED
from hpo.core.space import Point
from hpo.core.stopping_rules import RuleName
from hpo.core.training_state import Key, Training


class Finals(Protocol):
    """The rule by which finalists are trained again until there is a winner."""

    def __call__(self, history: History) -> Sequence[Key] | WinnerNamed | None:
        """Return the next step, which may depend on the history only, so that a replay is exact.

        Args:
            history: State of the search, with its finalists named.

        Returns:
            The unfinished trainings that are needed for a decision, in the order in which to start
            them; or the winner; or None if no finalist's training succeeded.
        """
        ...


@dataclass(frozen=True)
class Plan:
    """The rules of a search.

    Attributes:
        objective: The objective.
        horizon: Epochs of a full training.
        seed: Source of every other seed.
        recipe_of: Completes a point to a recipe.
        rank: Orders fully trained trials, best first.
        finals: Decides the finalists' trainings and the winner.
        reduction_factor: One trial in this many passes a rung.
        rule: The rule that decides at the rungs.
        most_paused: Most trials that the rule pauses at once.
        slow_starters: One trial in this many passes the first rung whatever its value; 0 for none.
        worker_losses: A training fails after losing its worker this often.
        same_failures: The search gives up if this many first trials all fail for the same cause.
        rungs: Epochs at which trials are compared; empty if no trial is stopped early.
        trials: Most trials to start; None for no limit.
        epochs: Most epochs of the search itself, without the finalists'.
        seconds: Most wall time in total, over all sessions.
        gpu_seconds: The same times the GPUs held.
        gpus: Total GPUs held by all workers.
        shares_gpus: Whether several trainings share a GPU.
        finalists: Number of trials that are trained again.
        fresh: Numbering of these trainings and the split of each.
        averages: Number of last epochs whose mean weights they keep; 0 for no averaging.
        start_from: Points tried first.
        warm_start: Points of earlier searches, tried next.
        reserved_epochs: Epochs of the finalists' trainings, for which time is reserved.
        workers: Trainings at once.
        patience: The search ends after this many trials in a row without a gain; None for never.
        least_gain: Smallest improvement that counts as a gain.
        made_with: Digest of code, spec and versions, recorded with every training.
    """

    objective: Objective
    horizon: int
    seed: int
    recipe_of: Callable[[Point], RecipeFields]
    rank: Callable[[Sequence[Training]], Sequence[Training]]
    finals: Finals
    reduction_factor: float
    rule: RuleName
    worker_losses: int
    same_failures: int
    rungs: tuple[int, ...] = ()
    trials: int | None = None
    epochs: int | None = None
    seconds: float | None = None
    gpu_seconds: float | None = None
    gpus: float = 0.0
    shares_gpus: bool = False
    finalists: int = 1
    fresh: FreshSeeds = field(default_factory=FreshSeeds)
    averages: int = 0
    most_paused: int = MOST_PAUSED
    slow_starters: int = 0
    start_from: tuple[Point, ...] = ()
    warm_start: tuple[Point, ...] = ()
    reserved_epochs: int = 0
    workers: int = 1
    patience: int | None = None
    least_gain: float = 0.0
    made_with: str = ""

    def training_seed(self, trial: int, replicate: int) -> int:
        """Return the seed of a training; fresh seeds are the same for every finalist."""
        if replicate:
            return seeds.derive(self.seed, "fresh", replicate)
        return seeds.derive(self.seed, "train", trial, replicate)
