"""The declared hyperparameters: ranges, conditions, forbidden combinations.

Names are dotted paths in a recipe (``optimizer.momentum``), terms are Ray Tune's (``loguniform``,
``choice`` ...), bounds are inclusive.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from hpo.core.formatting import plain

Point = Mapping[str, Any]
"""Values of the active parameters by name; a parameter whose condition fails is absent."""


@dataclass(frozen=True, slots=True)
class Uniform:
    """A real number in [low, high], uniform on a linear or logarithmic scale."""

    low: float
    high: float
    log: bool = False
    step: float | None = None

    def sample(self, random: Random) -> float:
        """Draw from the prior."""
        if self.step is not None:
            return self.at(random.randrange(self._steps() + 1))
        if self.log:
            value = math.exp(random.uniform(math.log(self.low), math.log(self.high)))
            return min(max(value, self.low), self.high)
        return random.uniform(self.low, self.high)

    def at(self, index: int) -> float:
        """Return the ``index``-th value of a quantized range."""
        assert self.step is not None
        return float(f"{self.low + index * self.step:.12g}")

    def _steps(self) -> int:
        assert self.step is not None
        return math.floor((self.high - self.low) / self.step + 1e-9)

    def contains(self, value: Any) -> bool:
        """Return whether a value is in the range (and on the grid, for a quantized range)."""
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not self.low <= value <= self.high
        ):
            return False
        if self.step is None:
            return True
        return math.isclose(value, self.at(round((value - self.low) / self.step)), abs_tol=1e-9)

    def count(self) -> float:
        """Return the number of values; infinite for a continuous range."""
        return math.inf if self.step is None else self._steps() + 1

    def grid(self) -> list[float]:
        """Return all values of a quantized range.

        Raises:
            ValueError: If the range is continuous.
        """
        if self.step is None:
            raise ValueError("a continuous range has no grid")
        return [self.at(index) for index in range(self._steps() + 1)]

    def legal(self) -> str:
        """Describe the legal values."""
        step = f" in steps of {self.step:g}" if self.step is not None else ""
        return f"a number from {self.low:g} to {self.high:g}{step}"


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number in [low, high], uniform on a linear or logarithmic scale.

    With a step, ``high`` is one of the values low, low + step, ...; logarithmic ranges have step 1.
    """

    low: int
    high: int
    log: bool = False
    step: int = 1

    def sample(self, random: Random) -> int:
        """Draw from the prior."""
        if not self.log:
            return self.low + self.step * random.randint(0, (self.high - self.low) // self.step)
        value = math.exp(random.uniform(math.log(self.low - 0.5), math.log(self.high + 0.5)))
        return min(max(round(value), self.low), self.high)

    def contains(self, value: Any) -> bool:
        """Return whether a value is an integer in the range and on its steps."""
        if not isinstance(value, int) or isinstance(value, bool) or not self.low <= value <= self.high:
            return False
        return (value - self.low) % self.step == 0

    def count(self) -> float:
        """Return the number of values."""
        return (self.high - self.low) // self.step + 1

    def grid(self) -> list[int]:
        """Return all values, ascending."""
        return list(range(self.low, self.high + 1, self.step))

    def legal(self) -> str:
        """Describe the legal values."""
        step = f" in steps of {self.step}" if self.step > 1 else ""
        return f"a whole number from {self.low} to {self.high}{step}"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several unordered values, which can be any JSON values."""

    values: tuple[Any, ...]

    def sample(self, random: Random) -> Any:
        """Draw from the prior."""
        return random.choice(self.values)

    def contains(self, value: Any) -> bool:
        """Return whether a value is one of the choices; true does not equal 1."""
        return any(_same(value, choice) for choice in self.values)

    def index(self, value: Any) -> int:
        """Return the index of a value among the choices.

        Raises:
            ValueError: If it is not one of them.
        """
        for index, choice in enumerate(self.values):
            if _same(value, choice):
                return index
        raise ValueError(f"{value!r} is not {self.legal()}")

    def count(self) -> float:
        """Return the number of values."""
        return len(self.values)

    def grid(self) -> list[Any]:
        """Return all values, in the order of the spec."""
        return list(self.values)

    def legal(self) -> str:
        """Describe the legal values."""
        return "one of " + ", ".join(map(plain, self.values))


Domain = Uniform | Integer | Choice


@dataclass(frozen=True, slots=True)
class Among:
    """Holds for each of several values."""

    values: tuple[Any, ...]

    def holds(self, value: Any) -> bool:
        """Return whether a value is one of them."""
        return any(_same(value, member) for member in self.values)


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

    Raises:
        ValueError: If names repeat, or conditions name unknown parameters or form a cycle.
    """

    parameters: tuple[Parameter, ...]
    forbid: tuple[Clause, ...] = ()
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
        """Return whether a point has a forbidden combination."""
        return any(holds(clause, point) for clause in self.forbid)

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
                    (parameter.name, f"{point[parameter.name]!r} is not {parameter.domain.legal()}")
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


def _same(a: Any, b: Any) -> bool:
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)


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
