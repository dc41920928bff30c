"""What a spec says, as ``hpo check`` shows it: the space, what it holds, what the budget buys."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from hpo.cli.words import count, number, plain
from hpo.core.budget import Forecast, forecast
from hpo.core.space import Among, Clause, Predicate
from hpo.spec import SearchSpec

COUNTED = 100_000
"""Combinations are counted up to here; beyond it they are many."""


def plan(spec: SearchSpec) -> dict[str, Any]:
    """Everything that ``hpo check`` shows, as a JSON value."""
    bought = buys(spec)
    combinations = spec.space.combinations(COUNTED)
    return {
        "name": spec.name,
        "digest": spec.digest,
        "user_code": str(spec.user_code) if spec.user_code else None,
        "space": [
            {
                "name": parameter.name,
                "values": parameter.domain.legal(),
                "log": getattr(parameter.domain, "log", False),
                "when": clause(parameter.when),
            }
            for parameter in spec.space.parameters
        ],
        "combinations": combinations if math.isfinite(combinations) else None,
        "feasible_share": spec.space.feasible_share(),
        "start_from": len(spec.start_from),
        "objective": {"metric": spec.objective.metric, "mode": spec.objective.mode, "at": spec.objective.at},
        "sampler": spec.sampler.name,
        "rungs": list(spec.scheduler.rungs),
        "max_epochs": spec.horizon,
        "reserved_epochs": spec.reserved_epochs,
        "forecast": {
            "trials": bought.trials,
            "fully_trained": bought.fully_trained,
            "epochs": bought.epochs,
            "full_trainings": bought.full_trainings,
        }
        if bought
        else None,
        "warnings": list(spec.warnings),
    }


def buys(spec: SearchSpec) -> Forecast | None:
    """What the budget is expected to buy; None if only time is limited."""
    if spec.budget.trials is None and spec.budget.epochs is None:
        return None
    rungs, factor = spec.scheduler.rungs, spec.scheduler.reduction_factor
    return forecast(spec.budget, rungs, factor, spec.horizon, spec.reserved_epochs)


def space_rows(shown: dict[str, Any]) -> Iterator[Sequence[str]]:
    """One line for each parameter."""
    for parameter in shown["space"]:
        scale = ", log scale" if parameter["log"] else ""
        yield parameter["name"], parameter["values"] + scale, parameter["when"]


def fact_rows(spec: SearchSpec, shown: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What follows from the spec, line by line."""
    yield "trains", f"{spec.trainable} on {spec.data.source}"
    yield (
        "objective",
        f"{spec.objective.mode} of validation {spec.objective.metric} ({spec.objective.at} epoch)",
    )
    yield "combinations", _combinations(shown["combinations"])
    yield "feasible", f"{100 * shown['feasible_share']:.3g} % of the space is allowed by forbid"
    rungs = ", ".join(map(str, shown["rungs"])) or "none"
    yield "rungs", f"{rungs}; a full training has {count(spec.horizon, 'epoch')}"
    yield "budget", ", ".join(_limits(spec))
    finalists = f"{count(spec.finalists.count, 'trial')} on {count(spec.finalists.seeds, 'fresh seed')} each"
    yield "finalists", f"{finalists}: {count(spec.reserved_epochs, 'epoch')} set aside"
    yield "search", _bought(shown["forecast"], spec.sampler.name)
    for warning in spec.warnings:
        yield "warning", warning


def _combinations(counted: int | None) -> str:
    if counted is None:
        return "infinitely many"
    return f"{counted:,}{' or more' if counted >= COUNTED else ''}"


def _limits(spec: SearchSpec) -> Iterator[str]:
    budget = spec.budget
    for unit, limit in (("trials", budget.trials), ("epochs", budget.epochs), ("hours", budget.hours)):
        if limit is not None:
            yield f"{number(limit)} {unit}"
    if budget.gpu_hours is not None:
        yield f"{number(budget.gpu_hours)} GPU-hours"


def _bought(bought: dict[str, Any] | None, sampler: str) -> str:
    if bought is None:
        return f"as many trials as fit into the time, proposed by {sampler}"
    trials = f"about {count(bought['trials'], 'trial')} proposed by {sampler}"
    cost = f"{bought['epochs']:,.0f} epochs, as many as {bought['full_trainings']:.0f} full trainings"
    return f"{trials}, {bought['fully_trained']:.0f} of them trained fully; {cost}"


def clause(when: Clause) -> str:
    """Conditions in words; empty if there are none."""
    return " and ".join(f"{name} {_predicate(predicate)}" for name, predicate in when)


def _predicate(predicate: Predicate) -> str:
    if isinstance(predicate, Among):
        return "is " + " or ".join(plain(value) for value in predicate.values)
    if predicate.low == -math.inf:
        return f"is at most {plain(predicate.high)}"
    if predicate.high == math.inf:
        return f"is at least {plain(predicate.low)}"
    return f"is from {plain(predicate.low)} to {plain(predicate.high)}"
