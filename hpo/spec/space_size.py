"""Count the points of a space without enumerating all of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hpo.core.space import Parameter, Space

MAX_STATES = 5_000
"""Assignments of interdependent parameters that are enumerated at most."""


def combinations(space: Space) -> float | None:
    """Count the distinct allowed points without enumerating all of them.

    Parameters that no condition or forbidden combination ties together are counted separately, and
    those on which nothing depends are multiplied in.

    Returns:
        The number; infinite if a range is continuous; None if more than `MAX_STATES` assignments
        of interdependent parameters would have to be enumerated.
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
    """Group parameters that must be counted together, each after those that its condition names."""
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
        if seen == MAX_STATES:
            return None
        if not space.forbidden(point):
            total += math.prod(p.domain.count() for p in leaves if space.exists(p, point))
    return total


def _assignments(deciding: Sequence[Parameter], space: Space) -> Iterator[Mapping[str, Any]]:
    """Yield every assignment of the deciding parameters."""
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
