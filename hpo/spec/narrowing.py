"""From what a search's trials showed to narrower ranges: coarse to fine, each step with its reason.

A range shrinks to where the best quarter of the trials lies, plus one gap between them on either
side: that is about the whole range where a parameter made no difference, so that only what
mattered is narrowed. A range shrinks to a quarter of itself at most. On the side on which the
winner sits at the edge it grows. A choice goes only if it is unlikely that it failed so often by
chance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpo.core.grammar import Hyperparameter
from hpo.core.recipe import canonical
from hpo.core.space import Choice, Domain, Integer, Parameter, Point, Space, Uniform

LEAST = 8
"""Trials of a parameter from which its range is narrowed."""
QUARTER = 0.25
EDGE = 0.05
"""Share of a range, on its own scale, that counts as its edge."""
GROWTH = 0.5
"""By how much of its new width a range grows beyond an edge."""
UNLIKELY = 0.05


@dataclass(frozen=True)
class Change:
    """One parameter's new range.

    Attributes:
        name: The parameter.
        old: What it could be.
        new: What it can be now.
        why: In a sentence.
        edge: Whether the winner sits on the edge of the old range.
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
    """What changes, parameter by parameter; what stays is not listed, unless the winner is at its edge.

    Args:
        space: The old space.
        points: Trials, those of which something is known.
        scores: How they fared, higher is better.
        winner: Stays inside.
        limits: What values each parameter can take at all.
    """
    found = []
    for parameter in space.parameters:
        told = [(p[parameter.name], s) for p, s in zip(points, scores, strict=True) if parameter.name in p]
        best = winner.get(parameter.name)
        domain = parameter.domain
        if isinstance(domain, Choice):
            change = _choices(parameter, domain, told, best)
        else:
            change = _range(parameter, told, best, limits.get(parameter.name))
        found += [change] if change else []
    return found


def _choices(
    parameter: Parameter, domain: Choice, told: Sequence[tuple[Any, float]], best: Any
) -> Change | None:
    """Without the choices that are unlikely to have missed the best quarter by chance."""
    count = math.ceil(QUARTER * len(told))
    order = sorted(told, key=lambda pair: -pair[1])
    top = {canonical(value) for value, _ in order[:count]}
    dropped = []
    for value in domain.values:
        tried = sum(canonical(each) == canonical(value) for each, _ in told)
        if canonical(value) in top or (best is not None and canonical(value) == canonical(best)):
            continue
        if _by_chance(len(told), tried, count) < UNLIKELY / len(domain.values):
            dropped.append((value, tried))
    if not dropped:
        return None
    kept = tuple(value for value in domain.values if value not in [gone for gone, _ in dropped])
    words = ", ".join(f"{value} ({tried} trials)" for value, tried in dropped)
    return Change(
        parameter.name, domain, Choice(kept), f"never among the best {count} of {len(told)}: {words}"
    )


def _by_chance(n: int, tried: int, top: int) -> float:
    """Probability that none of ``tried`` of ``n`` trials is among the best ``top`` if all are alike."""
    return math.comb(n - tried, top) / math.comb(n, top) if n - tried >= top else 0.0


def _range(
    parameter: Parameter,
    told: Sequence[tuple[Any, float]],
    best: Any,
    limit: Hyperparameter | None,
) -> Change | None:
    domain = parameter.domain
    assert not isinstance(domain, Choice)
    scale = Scale.of(domain)
    low, high, why = 0.0, 1.0, ""
    if len(told) >= LEAST:
        low, high = _where_best([(scale.unit(value), score) for value, score in told])
        why = f"the best {max(4, math.ceil(QUARTER * len(told)))} of {len(told)} trials lie here"
    at = scale.unit(best) if best is not None else (low + high) / 2
    low, high = _around(at, low, high)
    edge = best is not None and not EDGE < at < 1 - EDGE
    if edge:
        why = f"the winner's {best:g} is at the edge of the old range, which grows there"
        grown = GROWTH * (high - low)
        low, high = (at - grown, high) if at <= EDGE else (low, at + grown)
    new = scale.domain(low, high, best, limit)
    if edge and (new.low >= domain.low if at <= EDGE else new.high <= domain.high):
        why = f"the winner's {best:g} is at the edge of what can be; there is nothing beyond"
    small = not edge and scale.width(new) > 0.9
    return None if (new == domain and not edge) or small else Change(parameter.name, domain, new, why, edge)


def _where_best(told: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Where the best quarter lies, one gap between them added on either side."""
    count = max(4, math.ceil(QUARTER * len(told)))
    best = sorted(place for place, _ in sorted(told, key=lambda pair: -pair[1])[:count])
    gap = (best[-1] - best[0]) / (count - 1)
    return max(0.0, best[0] - gap), min(1.0, best[-1] + gap)


def _around(at: float, low: float, high: float) -> tuple[float, float]:
    """A stretch with a place inside, and not below a quarter of the whole."""
    low, high = min(low, at), max(high, at)
    if high - low < QUARTER:
        middle = (low + high) / 2
        low, high = middle - QUARTER / 2, middle + QUARTER / 2
        shift = max(0.0, -low) - max(0.0, high - 1)
        low, high = max(0.0, low + shift), min(1.0, high + shift)
    return low, high


@dataclass(frozen=True)
class Scale:
    """A range's own scale, from 0 at its low end to 1 at its high end.

    Attributes:
        old: The range.
    """

    old: Uniform | Integer

    @classmethod
    def of(cls, domain: Uniform | Integer) -> Scale:
        """The scale of a range."""
        return cls(domain)

    def unit(self, value: float) -> float:
        """Where a value lies."""
        low, high = self._ends()
        return (self._to(value) - low) / (high - low) if high > low else 0.5

    def value(self, place: float) -> float:
        """The value at a place, which may lie beyond the ends."""
        low, high = self._ends()
        moved = low + place * (high - low)
        return math.exp(moved) if self.old.log else moved

    def width(self, new: Uniform | Integer) -> float:
        """How wide another range is on this scale."""
        return self.unit(new.high) - self.unit(new.low)

    def domain(
        self, low: float, high: float, inside: float | None, limit: Hyperparameter | None
    ) -> Uniform | Integer:
        """The range between two places, rounded outwards to two digits, within what is legal."""
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
            whole = math.floor(low), math.ceil(high)
            bottom = max(whole[0], 1) if old.log else whole[0]
            return Integer(bottom, max(whole[1], bottom + 1), old.log)
        if old.step is None:
            return Uniform(float(low), float(high), old.log)
        first = old.low + math.floor((low - old.low) / old.step + 1e-9) * old.step
        last = old.low + math.ceil((high - old.low) / old.step - 1e-9) * old.step
        return Uniform(float(f"{first:.12g}"), float(f"{max(last, first + old.step):.12g}"), step=old.step)

    def _ends(self) -> tuple[float, float]:
        return self._to(self.old.low), self._to(self.old.high)

    def _to(self, value: float) -> float:
        return math.log(value) if self.old.log else float(value)


def _rounded(value: float, towards: Any) -> float:
    """Two significant digits."""
    if value == 0 or not math.isfinite(value):
        return value
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    return float(f"{towards(value / step + (1e-9 if towards is math.floor else -1e-9)) * step:.12g}")
