"""Summarize a spec for ``hpo check``: the size of its space and what the budget buys."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

from hpo.core.budget import Forecast, forecast
from hpo.core.space import Among, Choice, Clause, Domain, Parameter, Predicate, Space, Uniform
from hpo.spec.search_spec import SearchSpec
from hpo.spec.space_size import combinations


@dataclass(frozen=True, slots=True)
class ParameterRow:
    """One parameter, described for a reader.

    Attributes:
        name: Dotted name.
        values: Its values as text.
        when: Its conditions as text, including implied ones; empty if it always exists.
    """

    name: str
    values: str
    when: str


@dataclass(frozen=True)
class SpaceOverview:
    """What a user wants to know before a search starts.

    Attributes:
        rows: The space, parameter by parameter.
        combinations: Number of distinct points that are not forbidden; infinite for continuous
            ranges, None if there are too many dependent ones to count.
        feasible_share: Share of the prior that ``forbid`` leaves.
        rungs: Epochs at which trials are compared.
        horizon: Epochs of a full training.
        reserved_epochs: Epochs set aside for the finalists.
        forecast: What the trials and epochs buy; None if only time is limited.
        user_code: File of the user's own trainable; None for a shipped one.
        warnings: Problems that a user should know of but that stop nothing.
    """

    rows: tuple[ParameterRow, ...]
    combinations: float | None
    feasible_share: float
    rungs: tuple[int, ...]
    horizon: int
    reserved_epochs: int
    forecast: Forecast | None
    user_code: Path | None
    warnings: tuple[str, ...]


def space_overview(spec: SearchSpec) -> SpaceOverview:
    """Summarize a spec without starting or opening anything."""
    return SpaceOverview(
        rows(spec),
        combinations(spec.space),
        feasible_share(spec.space),
        spec.scheduler.rungs,
        spec.horizon,
        spec.reserved_epochs,
        budget_forecast(spec),
        spec.user_code,
        spec.warnings,
    )


def rows(spec: SearchSpec) -> tuple[ParameterRow, ...]:
    """Describe the space, parameter by parameter."""
    space = spec.space
    derived = (ParameterRow(follower.name, f"follows: {follower.text}", "") for follower in space.derived)
    return (*(_row(parameter) for parameter in space.parameters), *derived)


def budget_forecast(spec: SearchSpec) -> Forecast | None:
    """Estimate what the budget buys; None if only time is limited."""
    if spec.budget.trials is None and spec.budget.epochs is None:
        return None
    scheduler = spec.scheduler
    return forecast(
        replace(spec.budget, trials=most_trials(spec)),
        scheduler.rungs,
        scheduler.reduction_factor,
        spec.horizon,
        spec.reserved_epochs,
        scheduler.rule,
        spec.finalists.count,
        scheduler.slow_starters or 0,
    )


def most_trials(spec: SearchSpec) -> int | None:
    """Return how many trials a search starts at most: a grid ends after its last point; None if unlimited."""
    trials, points = spec.budget.trials, combinations(spec.space)
    if spec.sampler.name != "grid" or points is None or math.isinf(points):
        return trials
    return int(points) if trials is None else min(trials, int(points))


def feasible_share(space: Space, most: int = 60_000) -> float:
    """Estimate the share of the prior that ``forbid`` leaves, with few enough draws to be quick."""
    size = len(space.parameters) + sum(len(clause) for clause in space.forbid)
    return space.feasible_share(max(100, min(4_000, most // size)))


def _row(parameter: Parameter) -> ParameterRow:
    return ParameterRow(parameter.name, _values(parameter.domain), clause_text(parameter.when))


def _values(domain: Domain) -> str:
    if isinstance(domain, Choice):
        return domain.legal()
    bell = domain.bell if isinstance(domain, Uniform) else None
    if bell:
        logarithm = "; its natural logarithm is" if domain.log else ","
        return f"{domain.legal()}{logarithm} normal with mean {bell.mean:g} and deviation {bell.deviation:g}"
    return domain.legal() + (", logarithmic" if domain.log else "")


def clause_text(clause: Clause) -> str:
    """Return conditions as text."""
    return " and ".join(dict.fromkeys(f"{name} {_words(predicate)}" for name, predicate in clause))


def _words(predicate: Predicate) -> str:
    if isinstance(predicate, Among):
        if predicate.values == (True,):
            return "is on"
        return "is " + " or ".join(str(value) for value in predicate.values)
    if predicate.low == -math.inf:
        return f"is at most {predicate.high:g}"
    if predicate.high == math.inf:
        return f"is at least {predicate.low:g}"
    return f"is from {predicate.low:g} to {predicate.high:g}"
