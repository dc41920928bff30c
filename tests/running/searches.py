"""Small searches in memory: plans, and known curves."""

import itertools
import math
import random

from hpo.core.events import WinnerNamed
from hpo.core.objective import Objective
from hpo.core.rungs import milestones
from hpo.core.space import Parameter, Space, Uniform
from hpo.ledger.in_memory import MemoryLedger
from hpo.running.plan import Plan

OBJECTIVE = Objective("score", "max")
SPACE = Space((Parameter("height", Uniform(0.0, 1.0)),))


def memory_ledger(record=()):
    """A ledger in memory that continues a record; each commit is a second later than the last."""
    return MemoryLedger(record=record, clock=itertools.count(float(len(record) + 1)).__next__)


def every_seed(history):
    """Two fresh seeds for each finalist, then the best mean wins."""
    wanted = [(trial, replicate) for replicate in (1, 2) for trial in history.finalists.trials]
    trainings = history.trainings
    missing = [key for key in wanted if key not in trainings or trainings[key].end is None]
    return missing or best_mean(history)


def best_mean(history):
    """The finalist with the best mean."""
    means = {}
    for trial in history.finalists.trials:
        values = [t.value for t in history.replicates(trial) if math.isfinite(t.value)]
        if values:
            means[trial] = sum(values) / len(values)
    if not means:
        return None
    trial = max(means, key=means.get)
    return WinnerNamed(trial, 1, means[trial], 0.0, 1, "best mean")


def plan(**changes):
    """A plan of 20 trials with rungs at 1, 3 and 9 of 27 epochs."""
    rules = {
        "objective": OBJECTIVE,
        "horizon": 27,
        "seed": 0,
        "recipe_of": lambda point: {"height": point["height"], "mishap": "none", "seconds": 0.0},
        "rank": lambda trials: sorted(trials, key=lambda t: (-t.value, t.trial)),
        "finals": every_seed,
        "reduction_factor": 3,
        "rule": "asha",
        "worker_losses": 3,
        "same_failures": 5,
        "rungs": milestones(1, 3, 27),
        "trials": 20,
        "finalists": 2,
    }
    return Plan(**{**rules, **changes})


def curve(order):
    """The epochs of an order: a noisy rise, of uneven pace, that a few trials end as NaN."""
    draw = random.Random(order.seed)
    for epoch in range(1, order.horizon + 1):
        score = order.recipe["height"] * (1 - 0.7**epoch) + 0.05 * draw.gauss(0, 1)
        if order.replicate == 0 and order.trial % 7 == 3 and epoch == 4:
            score = math.nan
        yield {"validation/score": score}, 0.5 + draw.random()
