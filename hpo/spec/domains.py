"""Parse ranges, conditions and forbidden combinations into the values of `hpo.core.space`.

The names of ranges are Ray Tune's, but every bound is inclusive here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hpo.core.recipe import canonical
from hpo.core.space import Among, Bell, Between, Choice, Clause, Domain, Integer, Predicate, Uniform
from hpo.spec.faults import Faults, FieldPath, listed, shown, unknown

MAX_CHOICES = 1_000
MAX_STEPS = 1_000_000
LARGEST_LOGARITHM = 600.0
"""Above it numbers of double precision end."""


class _Illegal(ValueError):
    """An impossible range; the message says why and what is legal."""


@dataclass(frozen=True, slots=True)
class RangeNotation:
    """One way to write a range.

    Attributes:
        word: The key.
        items: Names of the items in its list; empty for a list of any length.
        whole: Whether its numbers are whole.
        build: Builds the domain from the items.
        doc: One-line description.
    """

    word: str
    items: tuple[str, ...]
    whole: bool
    build: Callable[..., Domain]
    doc: str


def _uniform(low: float, high: float) -> Domain:
    return Uniform(low, high)


def _loguniform(low: float, high: float) -> Domain:
    if low <= 0:
        raise _Illegal(f"a logarithmic range must start above 0, not at {low!r}")
    return Uniform(low, high, log=True)


def _quniform(low: float, high: float, step: float) -> Domain:
    if not 0 < step <= high - low:
        raise _Illegal(f"the step {step!r} must be above 0 and at most {high - low:g}, the range's width")
    if (high - low) / step > MAX_STEPS:
        raise _Illegal(f"the step {step!r} gives more than {MAX_STEPS:,} values; use uniform")
    steps = Uniform(low, high, step=step)
    return Uniform(low, steps.at(int(steps.count()) - 1), step=step)


def _randint(low: int, high: int) -> Domain:
    return Integer(low, high)


def _qrandint(low: int, high: int, step: int) -> Domain:
    if not 0 < step <= high - low:
        raise _Illegal(f"the step {step!r} must be above 0 and at most {high - low}, the range's width")
    return Integer(low, high - (high - low) % step, step=step)


def _lograndint(low: int, high: int) -> Domain:
    if low < 1:
        raise _Illegal(f"a logarithmic range of whole numbers must start at 1 or above, not at {low!r}")
    return Integer(low, high, log=True)


def _qloguniform(low: float, high: float, step: float) -> Domain:
    if low <= 0:
        raise _Illegal(f"a logarithmic range must start above 0, not at {low!r}")
    steps = _quniform(low, high, step)
    assert isinstance(steps, Uniform)
    return replace(steps, log=True)


def _normal(mean: float, deviation: float) -> Domain:
    return _bell(mean, deviation, log=False)


def _lognormal(mean: float, deviation: float) -> Domain:
    return _bell(mean, deviation, log=True)


def _qnormal(mean: float, deviation: float, step: float) -> Domain:
    return _on_grid(_bell(mean, deviation, log=False), step)


def _qlognormal(mean: float, deviation: float, step: float) -> Domain:
    return _on_grid(_bell(mean, deviation, log=True), step)


def _bell(mean: float, deviation: float, log: bool) -> Uniform:
    if deviation <= 0:
        raise _Illegal(f"the standard deviation {deviation!r} must be above 0")
    bell = Bell(mean, deviation)
    low, high = bell.ends
    if log and not (abs(low) < LARGEST_LOGARITHM and abs(high) < LARGEST_LOGARITHM):
        raise _Illegal("mean and standard deviation are those of the natural logarithm, and are too large")
    low, high = (math.exp(low), math.exp(high)) if log else (low, high)
    return Uniform(float(f"{low:.6g}"), float(f"{high:.6g}"), log, bell=bell)


def _on_grid(domain: Uniform, step: float) -> Domain:
    """Return the multiples of a step that a normal distribution covers."""
    if step <= 0:
        raise _Illegal(f"the step {step!r} must be above 0")
    low, high = (float(f"{step * round(end / step):.12g}") for end in (domain.low, domain.high))
    low = max(low, step) if domain.log else low
    if not low < high:
        raise _Illegal(f"the step {step!r} is too large for values from {domain.low:g} to {domain.high:g}")
    if (high - low) / step > MAX_STEPS:
        raise _Illegal(f"the step {step!r} gives more than {MAX_STEPS:,} values; leave it out")
    return replace(domain, low=low, high=high, step=float(step))


def _choice(*values: Any) -> Domain:
    if not 1 <= len(values) <= MAX_CHOICES:
        raise _Illegal(f"{len(values)} choices; legal: 1 to {MAX_CHOICES}")
    if len({canonical(value) for value in values}) < len(values):
        raise _Illegal("a choice occurs twice")
    return Choice(values)


_LOW_HIGH = ("low", "high")
_NORMAL = ("mean", "deviation")
NOTATIONS: Mapping[str, RangeNotation] = {
    notation.word: notation
    for notation in (
        RangeNotation("uniform", _LOW_HIGH, False, _uniform, "A number between low and high."),
        RangeNotation(
            "loguniform", _LOW_HIGH, False, _loguniform, "A positive number, uniform in its logarithm."
        ),
        RangeNotation("quniform", (*_LOW_HIGH, "step"), False, _quniform, "low, low + step, ... up to high."),
        RangeNotation("randint", _LOW_HIGH, True, _randint, "A whole number; high is included."),
        RangeNotation(
            "qrandint", (*_LOW_HIGH, "step"), True, _qrandint, "Whole: low, low + step, ... up to high."
        ),
        RangeNotation(
            "lograndint", _LOW_HIGH, True, _lograndint, "A whole number, uniform in its logarithm."
        ),
        RangeNotation(
            "qloguniform",
            (*_LOW_HIGH, "step"),
            False,
            _qloguniform,
            "loguniform, rounded to low, low + step, ...",
        ),
        RangeNotation(
            "normal", _NORMAL, False, _normal, "A normally distributed number, cut at 0.1 and 99.9 %."
        ),
        RangeNotation(
            "qnormal", (*_NORMAL, "step"), False, _qnormal, "normal, rounded to multiples of step."
        ),
        RangeNotation(
            "lognormal", _NORMAL, False, _lognormal, "A number with a normally distributed natural logarithm."
        ),
        RangeNotation(
            "qlognormal", (*_NORMAL, "step"), False, _qlognormal, "lognormal, rounded to multiples of step."
        ),
        RangeNotation("choice", (), False, _choice, "One of a list of values without an order."),
    )
}


def parse_domain(value: Any, path: FieldPath, faults: Faults) -> Domain | None:
    """Parse the range of one parameter; None if it has a fault."""
    if not isinstance(value, Mapping):
        faults.add(
            path,
            f"{shown(value)} is not a range; write one of {listed(NOTATIONS)}, e.g. {{uniform: [0, 1]}}; "
            f"a value that is not searched belongs under `recipe`",
        )
        return None
    if "low" in value and "high" in value:
        faults.add(path, f"low and high are not a range; write {_with_notation(value)}")
        return None
    unexpected = [key for key in value if key not in NOTATIONS and key != "when"]
    for key in unexpected:
        faults.add((*path, key), unknown(key, (*NOTATIONS, "when")))
    words = [word for word in value if word in NOTATIONS]
    if unexpected and not words:
        return None
    if len(words) != 1:
        count = f"has {len(words)} ranges" if words else "has no range"
        faults.add(path, f"{count}; legal: exactly one of {listed(NOTATIONS)}")
        return None
    notation = NOTATIONS[words[0]]
    complaint = _complaint(notation, value[notation.word])
    if complaint is None:
        try:
            domain = notation.build(*value[notation.word])
            _warn_of_end(domain, value[notation.word], path, faults)
            return domain
        except _Illegal as illegal:
            complaint = f"{shown(value[notation.word])}: {illegal}"
    faults.add((*path, notation.word), complaint)
    return None


def _warn_of_end(domain: Domain, items: Any, path: FieldPath, faults: Faults) -> None:
    """Warn where the steps of a range do not reach its end."""
    if isinstance(domain, Choice) or (isinstance(domain, Uniform) and domain.bell):
        return
    if math.isclose(domain.high, items[1], rel_tol=1e-9, abs_tol=1e-12):
        return
    faults.warn(
        f"{'.'.join(map(str, path))}: steps of {items[2]:g} from {items[0]:g} do not reach {items[1]:g}; "
        f"the last value is {domain.high:g}"
    )


def _with_notation(value: Mapping[Any, Any]) -> str:
    """Return the range that ``{low: 1, high: 8, log: true}`` means in other tools, in our notation."""
    whole = all(isinstance(value[end], int) and not isinstance(value[end], bool) for end in _LOW_HIGH)
    word = ("randint" if whole else "uniform") if value.get("log") is not True else None
    word = word or ("lograndint" if whole else "loguniform")
    return f"{{{word}: [{shown(value['low'])}, {shown(value['high'])}]}}"


def _complaint(notation: RangeNotation, items: Any) -> str | None:
    if not isinstance(items, list | tuple):
        return f"{shown(items)} is not a list; legal: [{', '.join(notation.items) or 'value, value, ...'}]"
    if not notation.items:
        return None
    if len(items) != len(notation.items):
        return f"{shown(items)} has {len(items)} items; legal: [{', '.join(notation.items)}]"
    for item in items:
        if isinstance(item, bool) or not isinstance(item, int if notation.whole else int | float):
            return f"{shown(item)} is not a {'whole ' if notation.whole else ''}number"
        if not math.isfinite(item) or abs(item) > 1e300:
            return f"{shown(item)} is too large"
    if notation.items[:2] == _LOW_HIGH and items[0] >= items[1]:
        return f"{shown(list(items))}: low {items[0]!r} is not below high {items[1]!r}"
    return None


def parse_clause(
    conditions: Any, domains: Mapping[str, Domain], path: FieldPath, faults: Faults, noun: str
) -> Clause:
    """Parse predicates on parameters, all of which must hold.

    Args:
        conditions: Maps parameters to a value, a list of values, or ``{low:, high:}``.
        domains: The parameters of the space.
        path: Field path of the conditions.
        faults: Collects the faults; faulty predicates are left out.
        noun: What to call the conditions in messages.
    """
    if not isinstance(conditions, Mapping) or not conditions:
        faults.add(path, f"{shown(conditions)} is not a {noun}; legal: a mapping from parameters to values")
        return ()
    clause = []
    for name, wanted in conditions.items():
        inner = (*path, name)
        if name not in domains:
            faults.add(inner, unknown(name, domains, "is not a parameter of the space"))
            continue
        predicate = _predicate(wanted, inner, faults)
        if predicate is None:
            continue
        complaint = _never(predicate, domains[name])
        if complaint:
            faults.add(inner, complaint)
        else:
            clause.append((name, predicate))
    return tuple(sorted(clause, key=lambda pair: pair[0]))


def _predicate(wanted: Any, path: FieldPath, faults: Faults) -> Predicate | None:
    if not isinstance(wanted, Mapping):
        values = tuple(wanted) if isinstance(wanted, list | tuple) else (wanted,)
        if not values:
            faults.add(path, "[] matches nothing; legal: at least one value")
            return None
        return Among(values)
    for key in wanted:
        if key not in ("low", "high"):
            faults.add((*path, str(key)), unknown(str(key), ("low", "high")))
            return None
    for key, bound in wanted.items():
        if isinstance(bound, bool) or not isinstance(bound, int | float) or not math.isfinite(bound):
            faults.add((*path, key), f"{shown(bound)} is not a number")
            return None
    if not wanted:
        faults.add(path, "{} is empty; legal: {low: number, high: number} or one of them")
        return None
    low, high = wanted.get("low", -math.inf), wanted.get("high", math.inf)
    if low > high:
        faults.add(path, f"low {low!r} is above high {high!r}")
        return None
    return Between(low, high)


def _never(predicate: Predicate, domain: Domain) -> str | None:
    """Return why a predicate can never hold; None if it can."""
    if isinstance(predicate, Among):
        wrong = [value for value in predicate.values if not domain.contains(value)]
        return f"{shown(wrong[0])} is never its value; legal: {domain.legal()[:300]}" if wrong else None
    if isinstance(domain, Choice):
        if any(predicate.holds(value) for value in domain.values):
            return None
    elif predicate.low <= domain.high and predicate.high >= domain.low:
        return None
    return f"it has no value from {predicate.low:g} to {predicate.high:g}; legal: {domain.legal()[:300]}"
