"""What a spec says, as ``hpo check`` shows it: the space, what it holds, what the budget buys."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.core.budget import Forecast
from hpo.core.formatting import count, duration, number
from hpo.core.json_values import JsonObject
from hpo.spec import SearchSpec
from hpo.spec.builtin import locate
from hpo.spec.faults import Faults
from hpo.spec.overrides import override
from hpo.spec.overview import SpaceOverview
from hpo.spec.user_trainables import code_of
from hpo.spec.yaml_text import read_text

if TYPE_CHECKING:
    from hpo.use_cases.forecast import BudgetForecast


def own_code(spec: str, overrides: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What code of the user's own a spec names, and where it would come from; none of it is run.

    Raises:
        InvalidSpec: If the spec cannot be read at all.
    """
    file = locate(spec)
    said = override(read_text(file).value, overrides, Faults(str(file)))
    if not isinstance(said, Mapping):
        return
    data = said.get("data")
    base = Path(str(said.get("base") or file.absolute().parent))
    source = data.get("source") if isinstance(data, Mapping) else None
    for what, name in (("trainable", said.get("trainable")), ("data source", source)):
        if isinstance(name, str) and ":" in name:
            yield what, f"{name} from {code_of(name, base)}"


def plan(spec: SearchSpec, facts: SpaceOverview) -> JsonObject:
    """Everything that ``hpo check`` shows, as a JSON value."""
    bought = facts.forecast
    return {
        "name": spec.name,
        "digest": spec.digest,
        "user_code": str(facts.user_code) if facts.user_code else None,
        "space": [{"name": row.name, "values": row.values, "when": row.when} for row in facts.rows],
        "combinations": "infinite" if facts.combinations == math.inf else facts.combinations,
        "feasible_share": facts.feasible_share,
        "objective": {"metric": spec.objective.metric, "mode": spec.objective.mode, "at": spec.objective.at},
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
    """What follows from the spec, line by line."""
    yield "trains", f"{spec.trainable} on {spec.data.source}"
    yield (
        "objective",
        f"{spec.objective.mode} of validation {spec.objective.metric} ({spec.objective.at} epoch)",
    )
    yield "combinations", _combinations(facts.combinations)
    yield "feasible", f"{100 * facts.feasible_share:.3g} % of the space is allowed by forbid"
    rungs = ", ".join(map(str, facts.rungs)) or "none"
    yield "rungs", f"{rungs}; a full training has {count(facts.horizon, 'epoch')}"
    yield "budget", ", ".join(_limits(spec))
    yield "finalists", f"{_finalists(spec)}: {count(facts.reserved_epochs, 'epoch')} set aside"
    yield "search", _bought(facts.forecast, spec.sampler.name)
    for warning in facts.warnings:
        yield "warning", warning


def _finalists(spec: SearchSpec) -> str:
    said = spec.finalists
    seeds = count(said.seeds, "fresh seed")
    on = f" and {said.folds} folds" if said.folds else ""
    on += ", valued on a final part" if spec.data.final_share is not None else ""
    if said.rule == "simple":
        return f"{count(said.count, 'trial')} on {seeds}{on} each"
    return f"{count(said.count, 'trial')} racing on at most {seeds}{on} each, error rate {said.alpha:g}"


def time_rows(outlook: BudgetForecast) -> Iterator[tuple[str, str]]:
    """How long it is expected to take, where a past search tells the pace."""
    pace = outlook.pace
    if pace is not None:
        search, finalists = (duration(hours * 3600) for hours in (outlook.search, outlook.finalists))
        yield (
            "time",
            f"about {search} for the search and {finalists} for the finalists with {pace.workers} at once, "
            f"at the pace of {pace.search}: {number(pace.seconds, 3)} s an epoch",
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
        return f"as many trials as fit into the time, proposed by {sampler}"
    trials = f"about {count(bought.trials, 'trial')} proposed by {sampler}"
    cost = f"{bought.epochs:,.0f} epochs, as many as {bought.full_trainings:.0f} full trainings"
    return f"{trials}, {bought.fully_trained:.0f} of them trained fully; {cost}"
