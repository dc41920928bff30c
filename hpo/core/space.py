"""The declared hyperparameters: ranges, conditions, forbidden combinations, values that follow from others.

Names are dotted paths in a recipe (``optimizer.momentum``). The values of one parameter are in
`hpo.core.domains`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from hpo.core.derived import Derived
from hpo.core.domains import Bell, Choice, Domain, Integer, Uniform, same
from hpo.core.formatting import literal

__all__ = [
    "Among",
    "Bell",
    "Between",
    "Choice",
    "Clause",
    "Domain",
    "Integer",
    "Parameter",
    "Point",
    "Predicate",
    "Space",
    "Uniform",
    "holds",
]

Point = Mapping[str, Any]
"""Values of the active parameters by name; a parameter whose condition fails is absent."""


@dataclass(frozen=True, slots=True)
class Among:
    """Holds for each of several values."""

    values: tuple[Any, ...]

    def holds(self, value: Any) -> bool:
        """Return whether a value is one of them."""
        return any(same(value, member) for member in self.values)


@dataclass(frozen=True, slots=True)
class Between:
    """Holds for numbers in [low, high]."""

    low: float = -math.inf
    high: float = math.inf

    def holds(self, value: Any) -> bool:
        """Return whether a value is a number in the range."""
        return (
            isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high
        )


Predicate = Among | Between
Clause = tuple[tuple[str, Predicate], ...]
"""Predicates on parameters, all of which must hold; a predicate on an absent parameter does not."""


def holds(clause: Clause, point: Point) -> bool:
    """Return whether every predicate of a clause holds at a point."""
    return all(name in point and predicate.holds(point[name]) for name, predicate in clause)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One hyperparameter of a space.

    Attributes:
        name: Dotted path in the recipe.
        domain: Its values and their prior.
        when: Conditions under which it exists.
    """

    name: str
    domain: Domain
    when: Clause = ()


@dataclass(frozen=True)
class Space:
    """Parameters, ordered so that each comes after those its condition names.

    Attributes:
        parameters: The parameters; they may be given in any order.
        forbid: Combinations that no point may have.
        derived: Values that follow from a point, each after those that it needs.

    Raises:
        ValueError: If names repeat, or conditions name unknown parameters or form a cycle.
    """

    parameters: tuple[Parameter, ...]
    forbid: tuple[Clause, ...] = ()
    derived: tuple[Derived, ...] = ()
    by_name: Mapping[str, Parameter] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_name = {parameter.name: parameter for parameter in self.parameters}
        if len(by_name) != len(self.parameters):
            raise ValueError("a parameter is declared twice")
        object.__setattr__(self, "by_name", by_name)
        object.__setattr__(self, "parameters", tuple(_sorted(by_name)))

    def exists(self, parameter: Parameter, point: Point) -> bool:
        """Return whether a parameter exists at a point that has values for all earlier parameters."""
        return holds(parameter.when, point)

    def forbidden(self, point: Point) -> bool:
        """Return whether a point has a forbidden combination, or one from which an illegal value follows."""
        if any(holds(clause, point) for clause in self.forbid):
            return True
        return bool(self.derived) and self._completed(point) is None

    def completed(self, point: Point) -> Point:
        """Return a point with the values that follow from it.

        Raises:
            ValueError: If one of them is not legal.
        """
        if not self.derived:
            return point
        values = dict(point)
        for derived in self.derived:
            if derived.exists(values):
                values[derived.name] = derived.value(values)
        elements = {name for derived in self.derived for name in derived.elements}
        return {name: value for name, value in values.items() if name not in elements}

    def _completed(self, point: Point) -> Point | None:
        try:
            return self.completed(point)
        except ValueError:
            return None

    def sample(self, random: Random, attempts: int = 10_000) -> Point:
        """Draw a point from the prior that is not forbidden.

        Raises:
            ValueError: If every point drawn is forbidden.
        """
        for _ in range(attempts):
            point = self.sample_any(random)
            if not self.forbidden(point):
                return point
        raise ValueError(f"forbid excludes every point in {attempts} draws")

    def sample_any(self, random: Random) -> Point:
        """Draw a point from the prior, forbidden or not."""
        point: dict[str, Any] = {}
        for parameter in self.parameters:
            if self.exists(parameter, point):
                point[parameter.name] = parameter.domain.sample(random)
        return point

    def complaints(self, point: Point) -> list[tuple[str, str]]:
        """Return what is wrong with a point, as (parameter, message) pairs; empty if it is legal."""
        faults = [(name, "is not a parameter of the space") for name in point if name not in self.by_name]
        for parameter in self.parameters:
            exists = self.exists(parameter, point)
            if exists and parameter.name not in point:
                faults.append((parameter.name, "is missing"))
            elif exists and not parameter.domain.contains(point[parameter.name]):
                faults.append(
                    (parameter.name, f"{literal(point[parameter.name])} is not {parameter.domain.legal()}")
                )
            elif not exists and parameter.name in point:
                faults.append((parameter.name, "does not exist under the other choices"))
        if not faults and self.forbidden(point):
            faults.append((", ".join(point), "is a forbidden combination"))
        return faults

    def feasible_share(self, draws: int = 2_000, seed: int = 0) -> float:
        """Estimate by sampling the share of the prior that ``forbid`` leaves."""
        if not self.forbid:
            return 1.0
        random = Random(seed)
        return sum(not self.forbidden(self.sample_any(random)) for _ in range(draws)) / draws

    def combinations(self, limit: int = 1_000_000) -> float:
        """Return the number of distinct points; infinite if a reachable range is continuous.

        Counting stops at ``limit``, which is then returned.
        """
        if any(parameter.domain.count() == math.inf for parameter in self.parameters):
            return math.inf
        total = 0
        for _ in self.grid():
            total += 1
            if total >= limit:
                break
        return total

    def grid(self) -> Iterator[Point]:
        """Yield every allowed point of a finite space, the last parameter varying fastest.

        Raises:
            ValueError: If a range is continuous.
        """
        for point in self._points(self.parameters, {}):
            if not self.forbidden(point):
                yield point

    def _points(self, rest: Sequence[Parameter], point: dict[str, Any]) -> Iterator[Point]:
        if not rest:
            yield dict(point)
            return
        first, others = rest[0], rest[1:]
        if not self.exists(first, point):
            yield from self._points(others, point)
            return
        for value in first.domain.grid():
            yield from self._points(others, {**point, first.name: value})


def _sorted(by_name: Mapping[str, Parameter]) -> Iterator[Parameter]:
    """Yield parameters after those they depend on, otherwise in the given order."""
    done: set[str] = set()
    waiting: list[str] = []
    for root in by_name.values():
        stack = [root]
        while stack:
            top = stack[-1]
            if top.name in done:
                stack.pop()
                continue
            missing = [name for name, _ in top.when if name not in done]
            for name in missing:
                if name not in by_name:
                    raise ValueError(f"{top.name} depends on {name}, which is not a parameter of the space")
            if not missing:
                done.add(top.name)
                yield top
                stack.pop()
            elif top.name in waiting:
                raise ValueError(f"the conditions of {top.name} form a cycle")
            else:
                waiting.append(top.name)
                stack.extend(by_name[name] for name in missing)
