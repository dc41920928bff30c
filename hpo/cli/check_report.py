"""Format the result of ``hpo check``: the space, its size, and what the budget buys."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from hpo.core.budget import Forecast
from hpo.core.command import BY_COMMAND, shown_trainable
from hpo.core.formatting import count, duration, number
from hpo.core.hyperband import brackets
from hpo.core.json_values import JsonObject
from hpo.core.stopping_rules import PAUSING
from hpo.spec import SearchSpec
from hpo.spec.overview import SpaceOverview
from hpo.spec.process_checks import processes_text

if TYPE_CHECKING:
    from hpo.use_cases.forecast import BudgetForecast


def plan(spec: SearchSpec, facts: SpaceOverview, usual: Mapping[str, str]) -> JsonObject:
    """Return everything that ``hpo check`` shows, as a JSON value."""
    bought, constraints = facts.forecast, spec.objective.constraints
    return {
        "name": spec.name,
        "digest": spec.digest,
        "user_code": str(facts.user_code) if facts.user_code else None,
        "space": [
            {"name": row.name, "values": row.values, "usual": usual.get(row.name, ""), "when": row.when}
            for row in facts.rows
        ],
        "combinations": "infinite" if facts.combinations == math.inf else facts.combinations,
        "feasible_share": facts.feasible_share,
        "objective": {"metric": spec.objective.metric, "mode": spec.objective.mode, "at": spec.objective.at},
        **({"constraints": [constraint.to_json() for constraint in constraints]} if constraints else {}),
        **({"processes": processes} if (processes := processes_text(spec)) else {}),
        "sampler": spec.sampler.name,
        "rungs": list(facts.rungs),
        "max_epochs": facts.horizon,
        "reserved_epochs": facts.reserved_epochs,
        "forecast": {
            "trials": bought.trials,
            "fully_trained": bought.fully_trained,
            "epochs": bought.epochs,
            "full_trainings": bought.full_trainings,
        }
        if bought
        else None,
        "warnings": list(facts.warnings),
    }


def fact_rows(spec: SearchSpec, facts: SpaceOverview) -> Iterator[tuple[str, str]]:
    """Yield the facts that follow from the spec, as rows."""
    data = "its own data" if spec.data.source == BY_COMMAND else spec.data.source
    yield "trains", f"{shown_trainable(spec.trainable)} on {data}"
    yield (
        "objective",
        f"{spec.objective.mode} of validation {spec.objective.metric} ({spec.objective.at} epoch)",
    )
    if spec.objective.constraints:
        yield "constraints", "; ".join(constraint.text for constraint in spec.objective.constraints)
    if processes := processes_text(spec):
        yield "processes", processes
    yield "combinations", _combinations(facts.combinations)
    yield "feasible", f"forbid allows {100 * facts.feasible_share:.3g} % of the space"
    rungs = ", ".join(map(str, facts.rungs)) or "none"
    yield "rungs", f"{rungs}; a full training has {count(facts.horizon, 'epoch')}"
    if spec.scheduler.name == "hyperband":
        sizes = brackets(len(facts.rungs), spec.scheduler.reduction_factor)
        shown = "; ".join(" > ".join(f"{size:,}" for size in bracket) for bracket in sizes)
        yield "brackets", f"{shown}: trials at each rung, {sum(b[0] for b in sizes):,} in all, then again"
    if spec.scheduler.name in PAUSING:
        yield "paused", f"at most {count(spec.scheduler.paused, 'trial')} at once, with a checkpoint each"
    yield "budget", ", ".join(_limits(spec))
    yield "finalists", f"{_finalists(spec)}: {count(facts.reserved_epochs, 'epoch')} set aside"
    yield "search", _bought(facts.forecast, spec.sampler.name)
    for warning in facts.warnings:
        yield "warning", warning


def _finalists(spec: SearchSpec) -> str:
    finalists = spec.finalists
    seeds = count(finalists.seeds, "fresh seed")
    on = f" and {finalists.folds} folds" if finalists.folds else ""
    on += ", scored on a final part" if spec.data.final_share is not None else ""
    trials = count(finalists.count, "trial")
    if finalists.rule == "simple":
        return f"{trials} on {seeds}{on} each"
    return f"{trials} racing on at most {seeds}{on} each, error probability {finalists.alpha:g}"


def time_rows(forecast: BudgetForecast) -> Iterator[tuple[str, str]]:
    """Estimate the duration, if a past search gives the pace."""
    pace = forecast.pace
    if pace is not None:
        search, finalists = (duration(hours * 3600) for hours in (forecast.search, forecast.finalists))
        yield (
            "time",
            f"about {search} for the search and {finalists} for the finalists, with {pace.workers} at once "
            f"and {number(pace.seconds, 3)} s per epoch as in {pace.search}",
        )


def _combinations(counted: float | None) -> str:
    if counted is None:
        return "too many to count"
    return "infinitely many" if counted == math.inf else f"{counted:,.0f}"


def _limits(spec: SearchSpec) -> Iterator[str]:
    budget = spec.budget
    for unit, limit in (("trials", budget.trials), ("epochs", budget.epochs), ("hours", budget.hours)):
        if limit is not None:
            yield f"{number(limit)} {unit}"
    if budget.gpu_hours is not None:
        yield f"{number(budget.gpu_hours)} GPU-hours"


def _bought(bought: Forecast | None, sampler: str) -> str:
    if bought is None:
        weighed = ", which weighs what an epoch takes" if sampler == "auto" else ""
        return f"as many trials as fit into the time, proposed by {sampler}{weighed}"
    trials = f"about {count(bought.trials, 'trial')} proposed by {sampler}"
    trainings = count(round(bought.full_trainings), "full training")
    cost = f"{count(round(bought.epochs), 'epoch')}, the cost of {trainings}"
    return f"{trials}, {bought.fully_trained:.0f} of them fully trained; {cost}"
