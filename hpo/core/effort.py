"""What a search cost, and what it would have reached with fewer trials.

Dodge et al., "Show Your Work: Improved Reporting of Experimental Results", EMNLP 2019, ask for the
expected best validation score as a function of the number of trials, and for the compute that was used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hpo.core.history import History
from hpo.core.objective import Objective
from hpo.core.training_state import RETRAINED

FRESH = "fresh seeds"
"""Name of the finalists' trainings among the hours; trials are named by how they ended."""


@dataclass(frozen=True, slots=True)
class Effort:
    """The compute of a search, its stopped and failed trials included.

    Attributes:
        wall_hours: Hours during which a process ran the search, over all its sessions.
        training_hours: Hours of training, over all workers.
        cpu_hours: The same times the CPUs that each training was given.
        gpu_hours: Hours times the GPUs that workers held.
        hours_by_end: Hours of training by how trials ended, and those of the finalists' fresh seeds.
        hardware: Processor, cores, memory and GPUs of the machine that opened the search; empty if an
            early version did not record it.
        losses: How often trainings had to leave a worker and continued on another, by cause.
    """

    wall_hours: float
    training_hours: float
    cpu_hours: float
    gpu_hours: float
    hours_by_end: Mapping[str, float] = field(default_factory=dict)
    hardware: Mapping[str, str] = field(default_factory=dict)
    losses: Mapping[str, int] = field(default_factory=dict)


def effort_of(history: History, cpus: float) -> Effort:
    """Return the compute on record.

    Args:
        history: The record.
        cpus: CPUs of one training.
    """
    by_end: dict[str, float] = {}
    losses: dict[str, int] = {}
    for training in history.trainings.values():
        end = training.end.value if training.end else "running"
        name = RETRAINED if training.origin == RETRAINED else FRESH if training.replicate else end
        by_end[name] = by_end.get(name, 0.0) + training.seconds / 3600
        for cause in training.losses:
            losses[cause.value] = losses.get(cause.value, 0) + 1
    trained = history.trained / 3600
    return Effort(
        wall_hours=history.active / 3600,
        training_hours=trained,
        cpu_hours=trained * cpus,
        gpu_hours=history.gpu_seconds / 3600,
        hours_by_end=by_end,
        hardware=history.opened.hardware if history.opened else {},
        losses=losses,
    )


@dataclass(frozen=True, slots=True)
class ExpectedBest:
    """The best validation score that a number of fully trained trials would have had on average."""

    trials: int
    value: float


def expected_best(values: Sequence[float], objective: Objective) -> tuple[ExpectedBest, ...]:
    """Return the expected best of 1, 2, 4, ... trials and of all, drawn from those on record.

    Drawing without replacement: of n sorted values the k-th is the best of m with probability
    C(k - 1, m - 1) / C(n, m).

    Args:
        values: Values of the fully trained trials.
        objective: Says which is better.
    """
    ordered = sorted(values, key=objective.rising)
    n = len(ordered)
    sizes = sorted({size for size in (2**power for power in range(20)) if size < n} | ({n} if n else set()))
    return tuple(ExpectedBest(size, _expected(ordered, size)) for size in sizes)


def _expected(ordered: Sequence[float], size: int) -> float:
    """Return the mean of the last of ``size`` values drawn without replacement."""
    n, total = len(ordered), 0.0
    share = size / n  # probability that the best of all is among those drawn
    for rank in range(n, size - 1, -1):
        total += share * ordered[rank - 1]
        if rank > size:
            share *= (rank - size) / (rank - 1)
    return total
