"""Scales of plots: where a value lies on an axis, and at which values the axis is labelled."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from hpo.core.formatting import plain
from hpo.core.objective import Objective
from hpo.core.space import Choice, Integer, Parameter, Point

MARGIN = 0.04
"""Share of an axis that is left free at both ends."""

MOST_LABELS = 12
"""Values of a choice that are labelled; of more, every second or third one is."""


@dataclass(frozen=True, slots=True)
class AxisScale:
    """A linear or logarithmic range of values.

    Attributes:
        low: Its lowest value.
        high: Its highest value; equal to the lowest if there is only one.
        log: Whether equal factors have equal lengths.
    """

    low: float
    high: float
    log: bool = False

    @classmethod
    def around(cls, values: Iterable[float], *, log: bool = False) -> AxisScale:
        """Return a scale of all finite values with a margin at both ends."""
        finite = [v for v in values if math.isfinite(v) and (v > 0 or not log)] or [1.0]
        low, high = min(finite), max(finite)
        if log:
            margin = (high / low) ** MARGIN if high > low else 1.5
            return cls(low / margin, high * margin, True)
        margin = (high - low) * MARGIN if high > low else abs(low) * 0.1 or 1.0
        return cls(low - margin, high + margin)

    def at(self, value: float) -> float:
        """Return where a value lies, from 0 to 1; values beyond an end lie at that end."""
        if self.high <= self.low:
            return 0.5
        if self.log:
            share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return min(1.0, max(0.0, share))

    def ticks(self, most: int = 6) -> list[float]:
        """Return round values on the scale."""
        if self.high <= self.low:
            return [self.low]
        return self._log_ticks(most) if self.log else self._linear_ticks(most)

    def _linear_ticks(self, most: int) -> list[float]:
        rough = (self.high - self.low) / most
        base = 10.0 ** math.floor(math.log10(rough))
        step = next(base * m for m in (1, 2, 5, 10) if base * m >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        return [float(f"{n * step:.12g}") for n in range(first, math.floor(self.high / step + 1e-9) + 1)]

    def _log_ticks(self, most: int) -> list[float]:
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        for factors in ((1, 2, 5), (1, 3), (1,)):
            ticks = [f * 10.0**e for e in range(first, last + 1) for f in factors]
            inside = [t for t in ticks if self.low * (1 - 1e-9) <= t <= self.high * (1 + 1e-9)]
            if len(inside) <= most:
                return inside if len(inside) > 1 else self._linear_ticks(most)
        return inside[:: math.ceil(len(inside) / most)]


@dataclass(frozen=True, slots=True)
class ScoreScale:
    """How plots show an objective: as an error on a log scale where that is possible.

    Near the end of a search scores differ in their third decimal; the log of the error shows that.

    Attributes:
        label: Name of the axis.
        log: Whether the axis is logarithmic.
        error: Whether it shows 1 - value.
        floor: Smallest positive error; an error of 0 is shown at half of it.
    """

    label: str
    log: bool
    error: bool
    floor: float = 0.0

    @classmethod
    def of(cls, objective: Objective, values: Iterable[float]) -> ScoreScale:
        """Return the scale for an objective with such values."""
        finite = [value for value in values if math.isfinite(value)]
        if objective.mode == "max" and finite and all(0 <= value <= 1 for value in finite):
            errors = [1 - value for value in finite if value < 1]
            return cls(
                f"1 - {objective.metric}, log", bool(errors), bool(errors), min(errors, default=1.0) / 2
            )
        if objective.mode == "min" and finite and all(value > 0 for value in finite):
            return cls(f"{objective.metric}, log", True, False)
        return cls(objective.metric, False, False)

    def shown(self, value: float) -> float:
        """Return what the axis shows for a value."""
        return max(self.floor, 1 - value) if self.error else value

    def axis(self, values: Iterable[float]) -> AxisScale:
        """Return an axis for values; without a log, far outliers do not stretch it."""
        shown = np.array([self.shown(value) for value in values if math.isfinite(value)])
        if not self.log and shown.size > 4:
            low, middle, high = np.quantile(shown, (0.05, 0.5, 0.95))
            reach = 3 * max(high - middle, middle - low) or 1.0
            shown = shown[np.abs(shown - middle) <= reach]
        return AxisScale.around(shown.tolist(), log=self.log)


@dataclass(frozen=True, slots=True)
class ParameterAxis:
    """The values of a searched parameter on an axis.

    Attributes:
        parameter: The parameter.
    """

    parameter: Parameter

    @property
    def name(self) -> str:
        """Dotted name of the parameter."""
        return self.parameter.name

    @property
    def conditional(self) -> bool:
        """Whether some trials do not have the parameter."""
        return bool(self.parameter.when)

    @property
    def log(self) -> bool:
        """Whether equal factors have equal lengths."""
        domain = self.parameter.domain
        return not isinstance(domain, Choice) and domain.log

    def at(self, point: Point) -> float | None:
        """Return where a trial lies, from 0 to 1; None if it does not have the parameter."""
        if self.name not in point:
            return None
        domain, value = self.parameter.domain, point[self.name]
        if isinstance(domain, Choice):
            return (domain.index(value) + 0.5) / len(domain.values) if domain.contains(value) else None
        return self._scale().at(float(value))

    def labels(self, most: int = 5) -> list[tuple[float, str]]:
        """Return (position, text) of the labelled values."""
        domain = self.parameter.domain
        if isinstance(domain, Choice):
            every = math.ceil(len(domain.values) / MOST_LABELS)
            count = len(domain.values)
            return [((i + 0.5) / count, plain(v)) for i, v in enumerate(domain.values) if i % every == 0]
        scale = self._scale()
        ticks = scale.ticks(most)
        if isinstance(domain, Integer):
            ticks = [tick for tick in ticks if tick == int(tick)]
        return [(scale.at(tick), short(tick)) for tick in ticks]

    def _scale(self) -> AxisScale:
        domain = self.parameter.domain
        assert not isinstance(domain, Choice)
        free = 0.5 if isinstance(domain, Integer) else 0.0
        return AxisScale(domain.low - free, domain.high + free, domain.log)


def short(value: float) -> str:
    """Return a tick's value without needless digits: ``0.001``, ``1e-05``, ``20k``."""
    if value and abs(value) >= 10_000:
        return f"{value / 1000:,.4g}k" if abs(value) < 1e6 else f"{value:.3g}"
    return f"{value:.4g}"
