"""The methods that are compared: the product with its samplers and rules, and peers that run in this process.

A product's method is a plan and a searcher, driven by the product's own conductor and inline
runner. A peer is anything that can be asked, told and stopped; `Peer` says how to plug one in.
"""

from __future__ import annotations

import contextlib
import heapq
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from benchmarks.curve_tasks import Replay, Task
from hpo.core.events import Event, Reported
from hpo.core.history import History
from hpo.core.objective import Objective
from hpo.core.ports import Searcher
from hpo.core.record import Recorded
from hpo.core.space import Point
from hpo.core.stopping import RuleName, rungs_of
from hpo.running.conductor import Conductor
from hpo.running.inline import InlineRunner, VirtualClock
from hpo.running.plan import Plan
from hpo.sampling.auto import AutoSearcher
from hpo.sampling.optuna_searcher import OptunaSearcher
from hpo.sampling.plain import RandomSearcher

FACTOR = 3
LOSS = Objective("loss", "min", "best")


@dataclass
class Outcome:
    """What one search came to.

    Attributes:
        epochs: Spent when the target was reached, or when the search was given up.
        reached: Whether the target was reached.
        trials: Trials started.
        best: Best validation value seen.
        pick_test: Test value of the trial and epoch that gave it.
    """

    epochs: int = 0
    reached: bool = False
    trials: int = 0
    best: float = math.inf
    pick_test: float = math.nan

    def take(self, value: float, test: float, target: float, most: int) -> bool:
        """Count one epoch; whether the search is over."""
        self.epochs += 1
        if math.isfinite(value) and value < self.best:
            self.best, self.pick_test = value, test
        self.reached = self.best <= target
        return self.reached or self.epochs >= most


class Over(Exception):
    """The search has reached its target, or will not."""


class MemoryLedger:
    """A ledger without a disk; what it costs to have one is measured in `benchmarks.scaling`."""

    def __init__(self) -> None:
        self._last = 0

    def append(self, events: list[Event], then=None) -> list[Recorded]:
        """Number the events."""
        numbered = [Recorded(self._last + place, 0.0, event) for place, event in enumerate(events, 1)]
        self._last += len(numbered)
        return numbered + self.append(then(numbered), then) if then and numbered else numbered

    def read(self, after: int = 0) -> Any:
        """Nothing is kept."""
        return iter(())


@dataclass(frozen=True)
class Product:
    """A sampler and a rule of the product.

    Attributes:
        searcher: Makes the searcher of (task, rungs, seed).
        rule: The rung rule; None trains everything fully.
        first: First rung.
        warm_start: Points of earlier searches, tried first.
    """

    searcher: Callable[[Task, tuple[int, ...], int], Searcher]
    rule: RuleName | None = "asha"
    first: int = 3
    warm_start: tuple[Point, ...] = ()

    def plan(self, task: Task, seed: int, workers: int) -> Plan:
        """The rules of one search."""
        rungs = rungs_of(self.rule, self.first, FACTOR, task.horizon) if self.rule else ()
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
            same_failures=10**9,
        )

    def run(self, task: Task, seed: int, workers: int, target: float, most: int) -> Outcome:
        """One search, until it reaches the target or has spent ``most`` epochs."""
        plan = self.plan(task, seed, workers)
        replay, outcome = Replay(task), Outcome()

        def watch(recorded: Recorded, history: History) -> None:
            if isinstance(recorded.event, Reported):
                report = recorded.event
                test = float(replay.tests[report.trial][report.epoch - 1])
                if outcome.take(report.metrics["validation/loss"], test, target, most):
                    outcome.trials = len(history.trainings)
                    raise Over

        clock = VirtualClock()
        conductor = Conductor(plan, MemoryLedger(), self.searcher(task, plan.rungs, seed), clock, watch)
        with contextlib.suppress(Over):
            InlineRunner(replay.train, workers, clock).run(conductor)
        return outcome


class Peer(Protocol):
    """Another system, asked and told trial by trial."""

    def ask(self, trial: int) -> Mapping[str, Any]:
        """The configuration of a trial."""
        ...

    def report(self, trial: int, epoch: int, value: float) -> bool:
        """Take a finite value, lower is better; whether the trial goes on."""
        ...

    def tell(self, trial: int, end: str, value: float) -> None:
        """A trial ``finished``, was ``stopped`` or ``failed`` (diverged)."""
        ...


@dataclass(frozen=True)
class Foreign:
    """A peer, replayed under the same virtual clock.

    Attributes:
        make: Makes the peer of (task, first rung, seed, workers).
        first: First rung.
    """

    make: Callable[[Task, int, int, int], Peer]
    first: int = 3

    def run(self, task: Task, seed: int, workers: int, target: float, most: int) -> Outcome:
        """One search, until it reaches the target or has spent ``most`` epochs."""
        peer, replay, outcome = self.make(task, self.first, seed, workers), Replay(task), Outcome()
        arrivals: list[tuple[float, int, int]] = []
        curves: dict[int, Any] = {}

        def start(now: float) -> None:
            trial = outcome.trials
            outcome.trials += 1
            curves[trial] = replay.curve(trial, peer.ask(trial))
            heapq.heappush(arrivals, (now + float(curves[trial].seconds[0]), trial, 1))

        for _ in range(workers):
            start(0.0)
        while True:
            now, trial, epoch = heapq.heappop(arrivals)
            value = float(curves[trial].valid[epoch - 1])
            if outcome.take(value, float(curves[trial].test[epoch - 1]), target, most):
                return outcome
            end = "failed" if not math.isfinite(value) else ""
            if not end and not peer.report(trial, epoch, value):
                end = "stopped"
            if epoch == task.horizon and end != "failed":
                end = "finished"
            if end:
                peer.tell(trial, end, value)
                del curves[trial]
                start(now)
            else:
                seconds = float(curves[trial].seconds[epoch])
                heapq.heappush(arrivals, (now + seconds, trial, epoch + 1))


class OptunaPeer:
    """Optuna as its manual shows it: TPE, one of its pruners, diverged trials told as failed."""

    def __init__(self, task: Task, first: int, seed: int, pruner: str):
        import optuna

        from hpo.sampling.distributions import distribution

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._states = optuna.trial.TrialState
        pruners = {
            "hyperband": lambda: optuna.pruners.HyperbandPruner(first, task.horizon, FACTOR),
            "halving": lambda: optuna.pruners.SuccessiveHalvingPruner(first, FACTOR),
        }
        sampler = optuna.samplers.TPESampler(seed=seed)
        self._study = optuna.create_study(sampler=sampler, pruner=pruners[pruner]())
        self._distributions = {p.name: distribution(p.domain) for p in task.space.parameters}
        self._trials: dict[int, Any] = {}

    def ask(self, trial: int) -> Mapping[str, Any]:
        self._trials[trial] = self._study.ask(self._distributions)
        return dict(self._trials[trial].params)

    def report(self, trial: int, epoch: int, value: float) -> bool:
        self._trials[trial].report(value, epoch)
        return not self._trials[trial].should_prune()

    def tell(self, trial: int, end: str, value: float) -> None:
        told = self._trials.pop(trial)
        if end == "finished":
            self._study.tell(told, value)
        else:
            state = self._states.PRUNED if end == "stopped" else self._states.FAIL
            self._study.tell(told, state=state)


def _auto(task: Task, rungs: tuple[int, ...], seed: int) -> Searcher:
    return AutoSearcher(task.space, "min", seed, rungs, task.horizon)


def _random(task: Task, rungs: tuple[int, ...], seed: int) -> Searcher:
    return RandomSearcher(task.space, seed)


def _tpe(task: Task, rungs: tuple[int, ...], seed: int) -> Searcher:
    return OptunaSearcher(task.space, "min", seed)


def _pruned(pruner: str) -> Callable[[Task, int, int, int], Peer]:
    return lambda task, first, seed, workers: OptunaPeer(task, first, seed, pruner)


Method = Product | Foreign

METHODS: Mapping[str, tuple[Method, ...]] = {
    "ours": (Product(_auto, "leaders"),),
    "auto_asha": (Product(_auto, "asha"),),
    "random_leaders": (Product(_random, "leaders"),),
    "random": (Product(_random, None),),
    "asha_random": (Product(_random), Product(_random, first=1)),
    "asha_tpe": (Product(_tpe), Product(_tpe, first=1)),
    "optuna_hyperband": (Foreign(_pruned("hyperband")), Foreign(_pruned("hyperband"), first=1)),
    "optuna_halving": (Foreign(_pruned("halving")), Foreign(_pruned("halving"), first=1)),
}
"""Methods by name, each with the first rungs that it is tried with; of a peer's, the better counts."""


def named(name: str, tried: Method) -> str:
    """How a method with its first rung is called in the record of runs."""
    return f"{name}/{tried.first}"
