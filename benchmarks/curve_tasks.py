"""Recorded learning curves as tasks for the product's own search: spaces, trainings and targets.

A folder of curves holds a ``curves.py`` with ``tasks(root)``; every task has ``name``, ``space``,
``epochs`` and ``replay()``, a function from a configuration to a curve with ``valid`` and ``test``
(lower is better, possibly non-finite) and ``seconds`` for each epoch.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from benchmarks.recorded_searches import load
from hpo.core.ports import TrainingTask
from hpo.core.space import Choice, Domain, Integer, Parameter, Space, Uniform
from hpo.running.inline import Epochs

REPLICATIONS = 400
"""Random searches whose median best value is a target."""
DEEP = ("deepobs", "lcbench_raw", "mit")
"""Folders of the suite of other deep networks."""
ALIKE = ("metaqnn", "vae", "tolstoi_char_rnn", "lcbench_raw")
"""Words in the names of that suite's tasks that make them one family; the other DeepOBS tasks are images."""
POOL = 1500
"""Number of configurations from which a target's random searches draw, where any can be evaluated."""


@dataclass(frozen=True)
class Task:
    """One recorded task.

    Attributes:
        name: Its name.
        suite: ``lcbench``, ``taskset`` or ``deep``, or the part of its name before the first dash.
        family: Tasks that are alike; families of a suite count alike, whatever number of tasks they have.
        space: Its hyperparameters as a space of the product.
        horizon: Epochs of a full training.
        recorded: The task as loaded from the folder.
    """

    name: str
    suite: str
    family: str
    space: Space
    horizon: int
    recorded: Any


@dataclass(frozen=True)
class Target:
    """What random search with full trainings reaches, as a median over independent searches.

    Attributes:
        valid: Its best validation value.
        test: The test value of its pick.
    """

    valid: float
    test: float


class Replay:
    """One search's view of a task: replays its trainings, and keeps the test curve of each trial."""

    def __init__(self, task: Task):
        self._curve = task.recorded.replay()
        self._params = {declared.name: declared for declared in task.recorded.space}
        self._horizon = task.horizon
        self.tests: dict[int, np.ndarray] = {}

    def curve(self, trial: int, point: Mapping[str, Any]) -> Any:
        """Return the curve of a trial's configuration."""
        curve = self._curve({name: _recorded(self._params[name], value) for name, value in point.items()})
        self.tests[trial] = curve.test
        return curve

    def train(self, order: TrainingTask) -> Epochs:
        """Yield the epochs of a training, as the inline runner expects them."""
        curve = self.curve(order.trial, order.recipe)
        for epoch in range(self._horizon):
            yield {"validation/loss": float(curve.valid[epoch])}, float(curve.seconds[epoch])


def tasks_of(folder: Path) -> list[Task]:
    """Load the tasks of a folder; one surrogate model serves all data sets of LCBench."""
    recorded = load(folder)
    first = next((task for task in recorded if hasattr(type(task), "_session")), None)
    for task in recorded:
        if hasattr(type(task), "_session"):
            task.__dict__["_session"] = first._session  # type: ignore[union-attr]
    return [Task(t.name, *suite_and_family(t.name), _space(t.space), t.epochs, t) for t in recorded]


def suite_and_family(name: str) -> tuple[str, str]:
    """Return the suite of a task and its family in it; most tasks are a family of their own."""
    folder, _, table = name.partition("-")
    if folder not in DEEP:
        return folder, name
    alike = [word for word in ALIKE if word in name]
    return "deep", alike[0] if alike else table if folder == "mit" else "deepobs_images"


def _space(declared: list[Any]) -> Space:
    return Space(tuple(Parameter(p.name, _domain(p)) for p in declared))


def _domain(declared: Any) -> Domain:
    if getattr(declared, "choices", None):
        return Choice(tuple(declared.choices))
    if declared.integer:
        return Integer(int(declared.low), int(declared.high), declared.log)
    return Uniform(declared.low, declared.high, declared.log)


def _recorded(declared: Any, value: Any) -> Any:
    """Return a value as the recordings have it: of a choice its position."""
    choices = getattr(declared, "choices", None)
    return choices.index(value) if choices else value


def targets_of(task: Task, budgets: list[int], cache: Path) -> dict[int, Target]:
    """Return the targets of a task for several budgets of full trainings, cached in a file."""
    path = cache / f"targets-{task.name}.json"
    cached = json.loads(path.read_text()) if path.exists() else {}
    targets = {int(budget): Target(**target) for budget, target in cached.items()}
    if missing := [budget for budget in budgets if budget not in targets]:
        targets |= _compute_targets(task, missing)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({budget: vars(target) for budget, target in targets.items()}, indent=1))
    return targets


def _compute_targets(task: Task, budgets: list[int]) -> dict[int, Target]:
    """Run searches independent of all that are measured: their seeds derive from the word ``target``."""
    random = Random(int(hashlib.sha256(f"target {task.name}".encode()).hexdigest()[:12], 16))
    recordings = hasattr(type(task.recorded), "_data")  # a recording can be used once per search
    pool = [] if recordings else _bests(task, random, POOL)
    targets = {}
    for budget in budgets:
        picks = []
        for _ in range(REPLICATIONS):
            drawn = random.choices(pool, k=budget) if pool else _bests(task, random, budget)
            picks.append(min(drawn))
        valid, test = (float(np.median([pick[part] for pick in picks])) for part in (0, 1))
        targets[budget] = Target(valid, test)
    return targets


def _bests(task: Task, random: Random, count: int) -> list[tuple[float, float]]:
    """Return the best validation value and the test value of that epoch, for random configurations."""
    replay, bests = Replay(task), []
    for number in range(count):
        drawn = replay.curve(number, task.space.sample(random))
        valid = np.where(np.isfinite(drawn.valid), drawn.valid, np.inf)
        best = int(valid.argmin())
        test = float(drawn.test[best])
        bests.append((float(valid[best]), test if math.isfinite(test) else math.inf))
    return bests
