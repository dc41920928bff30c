"""The values of one parameter of a space, and how they are distributed before anything is known.

The words are Ray Tune's (``loguniform``, ``qrandint`` ...), and bounds are inclusive.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from statistics import NormalDist
from typing import Any

from hpo.core.formatting import literal, plain

CUT = 0.001
"""Share of a normal distribution that is cut off at either end."""


@dataclass(frozen=True, slots=True)
class Bell:
    """A normal distribution of a number, or of its natural logarithm.

    Attributes:
        mean: Its mean.
        deviation: Its standard deviation.
    """

    mean: float
    deviation: float

    @property
    def ends(self) -> tuple[float, float]:
        """The quantiles 0.1 % and 99.9 %, at which it is cut."""
        normal = NormalDist(self.mean, self.deviation)
        return normal.inv_cdf(CUT), normal.inv_cdf(1 - CUT)


@dataclass(frozen=True, slots=True)
class Uniform:
    """A real number in [low, high], uniform on a linear or logarithmic scale; normal there with a bell."""

    low: float
    high: float
    log: bool = False
    step: float | None = None
    bell: Bell | None = None

    @property
    def shaped(self) -> bool:
        """Whether its steps are not equally likely, or it is normal: `quantile` and `position` know how."""
        return self.bell is not None or (self.log and self.step is not None)

    def quantile(self, share: float) -> float:
        """Return the value below which a share of the prior lies, in [0, 1]; on the grid if there is one."""
        low, high = self._mass(self._edge(self.low, -1)), self._mass(self._edge(self.high, 1))
        mass = min(max(low + share * (high - low), low), high)
        scale = NormalDist(self.bell.mean, self.bell.deviation).inv_cdf(mass) if self.bell else mass
        value = math.exp(scale) if self.log else scale
        if self.step is None:
            return min(max(value, self.low), self.high)
        return self.at(min(max(round((value - self.low) / self.step), 0), self._steps()))

    def position(self, value: float) -> float:
        """Return the share of the prior below a value; of a step, the middle of its share."""
        low, high = self._mass(self._edge(self.low, -1)), self._mass(self._edge(self.high, 1))
        before, after = self._mass(self._edge(value, -1)), self._mass(self._edge(value, 1))
        return ((before + after) / 2 - low) / (high - low)

    def _mass(self, value: float) -> float:
        scale = math.log(value) if self.log else value
        return NormalDist(self.bell.mean, self.bell.deviation).cdf(scale) if self.bell else scale

    def _edge(self, value: float, side: int) -> float:
        """Return where the values end that become a step; a positive one on a logarithmic scale."""
        edge = float(value) + side * (self.step or 0.0) / 2
        return max(edge, value / 2) if self.log else edge

    def sample(self, random: Random) -> float:
        """Draw from the prior."""
        if self.shaped:
            return self.quantile(random.random())
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
        return any(same(value, choice) for choice in self.values)

    def index(self, value: Any) -> int:
        """Return the index of a value among the choices.

        Raises:
            ValueError: If it is not one of them.
        """
        for index, choice in enumerate(self.values):
            if same(value, choice):
                return index
        raise ValueError(f"{literal(value)} is not {self.legal()}")

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


def same(a: Any, b: Any) -> bool:
    """Return whether two values of a choice are the same; true does not equal 1."""
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)
