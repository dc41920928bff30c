"""Narrow the ranges of a space around the best trials of a search, with a reason for each change.

A range shrinks to the extent of the best quarter of the trials, plus the mean gap between them on
either side. If a parameter made no difference, that is about the whole range, so only parameters
that mattered are narrowed. A range keeps at least a quarter of its width, and it grows on a side
where the winner lies at its edge. A choice is dropped only if it is unlikely to have failed so
often by chance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpo.core import formatting
from hpo.core.grammar import Hyperparameter
from hpo.core.recipe import canonical
from hpo.core.space import Choice, Domain, Integer, Parameter, Point, Space, Uniform

MIN_TRIALS = 8
"""Trials with a parameter that are needed to narrow its range."""
QUARTER = 0.25
EDGE = 0.05
"""Share of a range, on its scale, that counts as its edge."""
GROWTH = 0.5
"""Share of its new width by which a range grows beyond an edge."""
UNLIKELY = 0.05


@dataclass(frozen=True)
class Change:
    """A new range for one parameter.

    Attributes:
        name: The parameter.
        old: Its old range.
        new: Its new range.
        why: The reason, as a sentence.
        edge: Whether the winner lies at the edge of the old range.
    """

    name: str
    old: Domain
    new: Domain
    why: str
    edge: bool = False


def narrowed(
    space: Space,
    points: Sequence[Point],
    scores: Sequence[float],
    winner: Point,
    limits: Mapping[str, Hyperparameter],
) -> list[Change]:
    """Return the parameters that change, and those with the winner at the edge of their range.

    Args:
        space: The old space.
        points: Points of the trials that have a score.
        scores: Their scores; higher is better.
        winner: A point that stays inside.
        limits: Values that each parameter accepts.
    """
    changes = []
    for parameter in space.parameters:
        scored = [(p[parameter.name], s) for p, s in zip(points, scores, strict=True) if parameter.name in p]
        best = winner.get(parameter.name)
        domain = parameter.domain
        if "[" in parameter.name or (isinstance(domain, Uniform) and domain.bell):
            continue  # an element of a list, and a normal distribution, stay as they were declared
        if isinstance(domain, Choice):
            change = _choices(parameter, domain, scored, best)
        else:
            change = _range(parameter, scored, best, limits.get(parameter.name))
        changes += [change] if change else []
    return changes


def _choices(
    parameter: Parameter, domain: Choice, scored: Sequence[tuple[Any, float]], best: Any
) -> Change | None:
    """Drop the choices that are unlikely to have missed the best quarter by chance."""
    count = math.ceil(QUARTER * len(scored))
    order = sorted(scored, key=lambda pair: -pair[1])
    top = {canonical(value) for value, _ in order[:count]}
    dropped = []
    for value in domain.values:
        tried = sum(canonical(other) == canonical(value) for other, _ in scored)
        if canonical(value) in top or (best is not None and canonical(value) == canonical(best)):
            continue
        if _by_chance(len(scored), tried, count) < UNLIKELY / len(domain.values):
            dropped.append((value, tried))
    if not dropped:
        return None
    dropped_values = {canonical(value) for value, _ in dropped}
    kept = tuple(value for value in domain.values if canonical(value) not in dropped_values)
    words = ", ".join(f"{value} ({formatting.count(tried, 'trial')})" for value, tried in dropped)
    return Change(
        parameter.name, domain, Choice(kept), f"never among the best {count} of {len(scored)}: {words}"
    )


def _by_chance(n: int, tried: int, top: int) -> float:
    """Probability that none of ``tried`` of ``n`` equally good trials is among the best ``top``."""
    return math.comb(n - tried, top) / math.comb(n, top) if n - tried >= top else 0.0


def _range(
    parameter: Parameter,
    scored: Sequence[tuple[Any, float]],
    best: Any,
    limit: Hyperparameter | None,
) -> Change | None:
    domain = parameter.domain
    assert not isinstance(domain, Choice)
    scale = Scale.of(domain)
    low, high, why = 0.0, 1.0, ""
    if len(scored) >= MIN_TRIALS:
        low, high = _where_best([(scale.unit(value), score) for value, score in scored])
        why = f"the best {max(4, math.ceil(QUARTER * len(scored)))} of {len(scored)} trials lie here"
    at = scale.unit(best) if best is not None else (low + high) / 2
    low, high = _around(at, low, high)
    edge = best is not None and not EDGE < at < 1 - EDGE
    if edge:
        why = f"the winner's {best:g} is at the edge of the old range, so it grows there"
        grown = GROWTH * (high - low)
        low, high = (at - grown, high) if at <= EDGE else (low, at + grown)
    new = scale.domain(low, high, best, limit)
    if edge and (new.low >= domain.low if at <= EDGE else new.high <= domain.high):
        why = f"the winner's {best:g} is at the edge of the legal values, so it cannot grow"
    small = not edge and scale.width(new) > 0.9
    return None if (new == domain and not edge) or small else Change(parameter.name, domain, new, why, edge)


def _where_best(scored: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the extent of the best quarter, widened by their mean gap on either side."""
    count = max(4, math.ceil(QUARTER * len(scored)))
    best = sorted(position for position, _ in sorted(scored, key=lambda pair: -pair[1])[:count])
    gap = (best[-1] - best[0]) / (count - 1)
    return max(0.0, best[0] - gap), min(1.0, best[-1] + gap)


def _around(at: float, low: float, high: float) -> tuple[float, float]:
    """Extend an interval to contain a position and at least a quarter of the whole."""
    low, high = min(low, at), max(high, at)
    if high - low < QUARTER:
        middle = (low + high) / 2
        low, high = middle - QUARTER / 2, middle + QUARTER / 2
        shift = max(0.0, -low) - max(0.0, high - 1)
        low, high = max(0.0, low + shift), min(1.0, high + shift)
    return low, high


@dataclass(frozen=True)
class Scale:
    """The scale of a range, from 0 at its low end to 1 at its high end.

    Attributes:
        old: The range.
    """

    old: Uniform | Integer

    @classmethod
    def of(cls, domain: Uniform | Integer) -> Scale:
        """Return the scale of a range."""
        return cls(domain)

    def unit(self, value: float) -> float:
        """Return the position of a value."""
        low, high = self._ends()
        return (self._to(value) - low) / (high - low) if high > low else 0.5

    def value(self, position: float) -> float:
        """Return the value at a position, which may lie beyond the ends."""
        low, high = self._ends()
        moved = low + position * (high - low)
        return math.exp(moved) if self.old.log else moved

    def width(self, new: Uniform | Integer) -> float:
        """Return the width of another range on this scale."""
        return self.unit(new.high) - self.unit(new.low)

    def domain(
        self, low: float, high: float, inside: float | None, limit: Hyperparameter | None
    ) -> Uniform | Integer:
        """Return the range between two positions, rounded outwards to two digits, within the limits."""
        bottom, top = _rounded(self.value(low), math.floor), _rounded(self.value(high), math.ceil)
        if low >= 0:
            bottom = max(bottom, self.old.low)
        if high <= 1:
            top = min(top, self.old.high)
        if limit is not None:
            bottom, top = max(bottom, limit.low), min(top, limit.high)
        if inside is not None:
            bottom, top = min(bottom, inside), max(top, inside)
        return self._like(bottom, top)

    def _like(self, low: float, high: float) -> Uniform | Integer:
        old = self.old
        if isinstance(old, Integer):
            steps = math.floor((low - old.low) / old.step), math.ceil((high - old.low) / old.step)
            bottom, top = (old.low + count * old.step for count in steps)
            bottom = max(bottom, 1) if old.log else bottom
            return Integer(bottom, max(top, bottom + old.step), old.log, old.step)
        if old.step is None:
            return Uniform(float(low), float(high), old.log)
        first = old.low + math.floor((low - old.low) / old.step + 1e-9) * old.step
        last = old.low + math.ceil((high - old.low) / old.step - 1e-9) * old.step
        last = max(last, first + old.step)
        if old.log:
            first = max(first, old.low)
        return Uniform(float(f"{first:.12g}"), float(f"{last:.12g}"), old.log, old.step)

    def _ends(self) -> tuple[float, float]:
        return self._to(self.old.low), self._to(self.old.high)

    def _to(self, value: float) -> float:
        return math.log(value) if self.old.log else float(value)


def _rounded(value: float, towards: Any) -> float:
    """Round to two significant digits."""
    if value == 0 or not math.isfinite(value):
        return value
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    return float(f"{towards(value / step + (1e-9 if towards is math.floor else -1e-9)) * step:.12g}")
