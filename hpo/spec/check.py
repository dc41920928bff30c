"""What follows from a spec, for ``hpo check``: how large the space is and what the budget buys."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.core.budget import Forecast, forecast
from hpo.core.space import Among, Clause, Parameter, Predicate, Space
from hpo.spec.search_spec import SearchSpec

MOST_STATES = 5_000
"""Assignments of parameters that depend on each other that are gone through for a count."""


@dataclass(frozen=True, slots=True)
class Row:
    """One parameter as a reader sees it.

    Attributes:
        name: Dotted name.
        values: Its values in words.
        when: Its conditions in words, the implied ones included; empty if it always exists.
    """

    name: str
    values: str
    when: str


@dataclass(frozen=True)
class Facts:
    """What a reader wants to know before a search starts.

    Attributes:
        rows: The space, parameter by parameter.
        combinations: Number of distinct points that are not forbidden; infinite for continuous
            ranges, None if there are too many dependent ones to count.
        feasible_share: Share of the prior that ``forbid`` leaves.
        rungs: Epochs at which trials are compared.
        horizon: Epochs of a full training.
        reserved_epochs: Epochs set aside for the finalists.
        forecast: What trials and epochs buy; None if only time is limited.
        user_code: File of the user's own trainable; None for a shipped one.
        warnings: What a user should know and that is no fault.
    """

    rows: tuple[Row, ...]
    combinations: float | None
    feasible_share: float
    rungs: tuple[int, ...]
    horizon: int
    reserved_epochs: int
    forecast: Forecast | None
    user_code: Path | None
    warnings: tuple[str, ...]


def facts(spec: SearchSpec) -> Facts:
    """Gather the facts of a spec; nothing is started or opened."""
    return Facts(
        tuple(_row(parameter) for parameter in spec.space.parameters),
        combinations(spec.space),
        feasible_share(spec.space),
        spec.scheduler.rungs,
        spec.horizon,
        spec.reserved_epochs,
        buys(spec),
        spec.user_code,
        spec.warnings,
    )


def buys(spec: SearchSpec) -> Forecast | None:
    """What the budget is expected to buy; None if only time is limited."""
    if spec.budget.trials is None and spec.budget.epochs is None:
        return None
    scheduler = spec.scheduler
    return forecast(
        spec.budget, scheduler.rungs, scheduler.reduction_factor, spec.horizon, spec.reserved_epochs
    )


def feasible_share(space: Space, seconds_worth: int = 100_000) -> float:
    """Share of the prior that ``forbid`` leaves, from as many draws as take a moment."""
    size = len(space.parameters) + sum(len(clause) for clause in space.forbid)
    return space.feasible_share(max(100, min(4_000, seconds_worth // size)))


def _row(parameter: Parameter) -> Row:
    log = ", logarithmic" if getattr(parameter.domain, "log", False) else ""
    return Row(parameter.name, parameter.domain.legal() + log, words(parameter.when))


def words(clause: Clause) -> str:
    """Conditions as a reader says them."""
    return " and ".join(f"{name} {_words(predicate)}" for name, predicate in clause)


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


def combinations(space: Space) -> float | None:
    """Number of distinct allowed points, without going through all of them.

    Parameters that no condition or forbidden combination ties together are counted apart, and
    those on which nothing depends are multiplied in.

    Returns:
        The number; infinite if a range is continuous; None if more than `MOST_STATES` assignments
        of tied parameters would have to be gone through.
    """
    if any(parameter.domain.count() == math.inf for parameter in space.parameters):
        return math.inf
    total = 1.0
    for group in _tied(space):
        count = _count(group, space)
        if count is None:
            return None
        total *= count
    return total


def _tied(space: Space) -> list[list[Parameter]]:
    """Parameters in groups that can be counted apart, each in an order in which conditions come first."""
    group_of = {parameter.name: {parameter.name} for parameter in space.parameters}
    links = [{p.name, *(name for name, _ in p.when)} for p in space.parameters]
    links += [{name for name, _ in clause} for clause in space.forbid]
    for link in links:
        joined = set().union(*(group_of[name] for name in link))
        group_of.update(dict.fromkeys(joined, joined))
    distinct = {id(group): group for group in group_of.values()}.values()
    return [[p for p in space.parameters if p.name in group] for group in distinct]


def _count(group: Sequence[Parameter], space: Space) -> float | None:
    named = {name for parameter in group for name, _ in parameter.when}
    clauses = [clause for clause in space.forbid if clause[0][0] in {p.name for p in group}]
    named |= {name for clause in clauses for name, _ in clause}
    deciding = [parameter for parameter in group if parameter.name in named]
    leaves = [parameter for parameter in group if parameter.name not in named]
    total = 0.0
    for seen, point in enumerate(_assignments(deciding, space)):
        if seen == MOST_STATES:
            return None
        if not space.forbidden(point):
            total += math.prod(p.domain.count() for p in leaves if space.exists(p, point))
    return total


def _assignments(deciding: Sequence[Parameter], space: Space) -> Iterator[Mapping[str, Any]]:
    """Every assignment of the deciding parameters, one after the other."""
    if not deciding:
        yield {}
        return
    for point in _assignments(deciding[:-1], space):
        last = deciding[-1]
        if not space.exists(last, point):
            yield point
            continue
        for value in last.domain.grid():
            yield {**point, last.name: value}
