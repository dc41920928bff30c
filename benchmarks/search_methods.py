"""The compared methods: the product with its samplers and rules, and other systems.

A method of the product is a plan and a searcher, driven by the product's own conductor and inline
runner. A peer is anything with an ask-and-tell interface; `benchmarks.peers` has one file per system,
which imports the system's packages only when it runs.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.comparison import FACTOR, Outcome
from benchmarks.curve_tasks import Replay, Task
from benchmarks.peers.dehb_evolution import DehbPeer
from benchmarks.peers.foreign import Foreign, Peer
from benchmarks.peers.i_epoch import IEpochPeer
from benchmarks.peers.neps_brackets import NepsPeer
from benchmarks.peers.optuna_pruners import OptunaPeer
from benchmarks.peers.ray_tune import RayOptunaPeer
from benchmarks.peers.smac_hyperband import SmacPeer
from benchmarks.peers.syne_tune_asha import SyneTunePeer
from hpo.core.events import Reported
from hpo.core.history import History
from hpo.core.objective import Objective
from hpo.core.ports import Searcher
from hpo.core.record import Recorded
from hpo.core.rungs import default_first_rung, rungs_of
from hpo.core.space import Point
from hpo.core.stopping_rules import RuleName
from hpo.ledger.in_memory import MemoryLedger
from hpo.running.conductor import Conductor
from hpo.running.inline import InlineRunner, VirtualClock
from hpo.running.plan import Plan
from hpo.sampling.auto import COST_WEIGHT, AutoSearcher
from hpo.sampling.non_adaptive import RandomSearcher
from hpo.sampling.optuna_searcher import OptunaSearcher

LOSS = Objective("loss", "min", "best")


class Over(Exception):
    """Raised when the search has reached its target, or was given up."""


@dataclass(frozen=True)
class Product:
    """A sampler and a rule of the product.

    Attributes:
        searcher: Creates the searcher from (task, rungs, seed).
        rule: The rung rule; None trains everything fully.
        first: First rung; None for the default of the horizon.
        warm_start: Points of earlier searches, tried first.
    """

    searcher: Callable[[Task, tuple[int, ...], int], Searcher]
    rule: RuleName | None = "asha"
    first: int | None = 3
    warm_start: tuple[Point, ...] = ()

    def plan(self, task: Task, seed: int, workers: int) -> Plan:
        """Return the plan of one search."""
        first = self.first or default_first_rung(task.horizon)
        rungs = rungs_of(self.rule, first, FACTOR, task.horizon) if self.rule else ()
        return Plan(
            objective=LOSS,
            horizon=task.horizon,
            seed=seed,
            recipe_of=lambda point: point,
            rank=lambda trials: trials,
            finals=lambda history: None,
            rungs=rungs,
            rule=self.rule or "asha",
            reduction_factor=FACTOR,
            warm_start=self.warm_start,
            workers=workers,
            worker_losses=3,
            same_failures=10**9,
        )

    def settings(self, task: Task, most: int) -> str:
        """Describe its settings."""
        plan = self.plan(task, 0, 1)
        searcher = type(self.searcher(task, plan.rungs, 0)).__name__
        if not self.rule:
            return f"the product's {searcher}, every trial trained fully ({task.horizon})"
        return (
            f"the product's {searcher} and rule {self.rule}, rungs {list(plan.rungs)}, horizon {task.horizon}"
        )

    def run(
        self, task: Task, seed: int, workers: int, target: float, most: int, shipped: bool = False
    ) -> Outcome:
        """Run one search until it reaches the target or has spent ``most`` epochs.

        Args:
            task: The recorded task.
            seed: Seed of the search.
            workers: Trainings at once.
            target: A validation value.
            most: Epochs after which the search is given up.
            shipped: Whether only fully trained trials count, which alone can be shipped.
        """
        plan = self.plan(task, seed, workers)
        replay, outcome = Replay(task), Outcome()

        def watch(recorded: Recorded, history: History) -> None:
            if isinstance(recorded.event, Reported):
                report = recorded.event
                value, epoch = report.metrics["validation/loss"], report.epoch
                if shipped:
                    training = history.trainings[report.trial, 0]
                    value = training.value if epoch >= task.horizon else math.inf
                    epoch = training.counted or epoch
                test = float(replay.tests[report.trial][epoch - 1])
                if outcome.take(value, test, report.seconds, target, most):
                    outcome.trials = len(history.trainings)
                    raise Over

        clock = VirtualClock()
        conductor = Conductor(plan, MemoryLedger(), self.searcher(task, plan.rungs, seed), clock, watch)
        with contextlib.suppress(Over):
            InlineRunner(replay.train, workers, clock).run(conductor)
        return outcome


def _auto(task: Task, rungs: tuple[int, ...], seed: int) -> Searcher:
    return AutoSearcher(task.space, "min", seed, rungs, task.horizon)


def _auto_timed(task: Task, rungs: tuple[int, ...], seed: int) -> Searcher:
    return AutoSearcher(task.space, "min", seed, rungs, task.horizon, cost_weight=COST_WEIGHT)


def _random(task: Task, rungs: tuple[int, ...], seed: int) -> Searcher:
    return RandomSearcher(task.space, seed)


def _tpe(task: Task, rungs: tuple[int, ...], seed: int) -> Searcher:
    return OptunaSearcher(task.space, "min", seed)


def _pruned(pruner: str) -> Callable[[Task, int, int, int], Peer]:
    return lambda task, first, seed, most: OptunaPeer(task, first, seed, pruner)


def _syne_tune(method: str) -> Callable[[Task, int, int, int], Peer]:
    return lambda task, first, seed, most: SyneTunePeer(task, first, seed, method)


def _smac(facade: str) -> Callable[[Task, int, int, int], Peer]:
    return lambda task, first, seed, most: SmacPeer(task, first, seed, most, facade)


def _neps(method: str) -> Callable[[Task, int, int, int], Peer]:
    return lambda task, first, seed, most: NepsPeer(task, first, seed, method)


def _with_auto(make: Callable[[Task, int, int, int], Peer]) -> tuple[Foreign, Foreign]:
    return Foreign(make), Foreign(make, first=None)


def _both(make: Callable[[Task, int, int, int], Peer]) -> tuple[Foreign, Foreign]:
    return Foreign(make), Foreign(make, first=1)


Method = Product | Foreign

METHODS: Mapping[str, tuple[Method, ...]] = {
    "ours": (Product(_auto, "promote", None),),
    "ours_timed": (Product(_auto_timed, "promote", None),),
    "leaders": (Product(_auto, "leaders"), Product(_auto, "leaders", None)),
    "auto_asha": (Product(_auto), Product(_auto, first=None)),
    "random_promote": (Product(_random, "promote", None),),
    "hyperband": (Product(_auto, "hyperband", None),),
    "random_hyperband": (Product(_random, "hyperband", None),),
    "i_epoch": (Foreign(lambda task, first, seed, most: IEpochPeer(task, seed, most)),),
    "random_leaders": (Product(_random, "leaders"),),
    "random": (Product(_random, None),),
    "asha_random": (Product(_random), Product(_random, first=1), Product(_random, first=None)),
    "asha_tpe": (Product(_tpe), Product(_tpe, first=1), Product(_tpe, first=None)),
    "optuna_hyperband": _both(_pruned("hyperband")),
    "optuna_halving": _both(_pruned("halving")),
    "ray_optuna": _both(lambda task, first, seed, most: RayOptunaPeer(task, first, seed)),
    "syne_asha": _both(_syne_tune("ASHA")),
    "syne_bohb": _both(_syne_tune("BOHB")),
    "syne_bore": _both(_syne_tune("ASHABORE")),
    "syne_cqr": _both(_syne_tune("ASHACQR")),
    "dehb": _both(lambda task, first, seed, most: DehbPeer(task, first, seed)),
    "neps_priorband": _with_auto(_neps("priorband")),
    "neps_hyperband": _with_auto(_neps("hyperband")),
    "smac_multifidelity": _both(_smac("MultiFidelityFacade")),
    "smac_hyperband": _both(_smac("HyperbandFacade")),
}
"""Methods by name, each with the first rungs that it is tried with; of a peer's, the better counts."""


def named(name: str, tried: Method) -> str:
    """Return the name of a method with its first rung in the record of runs."""
    return f"{name}/{tried.first or 'auto'}"
