"""Ranges, conditions and forbidden combinations, from what is written to core's values.

The words are Ray Tune's; unlike there, every bound is inclusive.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hpo.core.recipe import canonical
from hpo.core.space import Among, Between, Choice, Clause, Domain, Integer, Predicate, Uniform
from hpo.spec.faults import Faults, Place, listed, shown, unknown

MAX_CHOICES = 1_000
MAX_STEPS = 1_000_000


class _Illegal(ValueError):
    """A range that cannot be; the message says why and what is legal."""


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write a range.

    Attributes:
        word: The key.
        items: What its list holds, in order; empty for a list of any length.
        whole: Whether its numbers are whole.
        doc: One line for a reader.
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
        raise _Illegal(f"a logarithmic range starts above 0, and {low!r} is not")
    return Uniform(low, high, log=True)


def _quniform(low: float, high: float, step: float) -> Domain:
    if not 0 < step <= high - low:
        raise _Illegal(f"the step {step!r} is not above 0 and at most {high - low:g}, the range's width")
    if (high - low) / step > MAX_STEPS:
        raise _Illegal(f"the step {step!r} makes more than {MAX_STEPS:,} values; use uniform")
    return Uniform(low, high, step=step)


def _randint(low: int, high: int) -> Domain:
    return Integer(low, high)


def _lograndint(low: int, high: int) -> Domain:
    if low < 1:
        raise _Illegal(f"a logarithmic range of whole numbers starts at 1 or above, and {low!r} does not")
    return Integer(low, high, log=True)


def _choice(*values: Any) -> Domain:
    if not 1 <= len(values) <= MAX_CHOICES:
        raise _Illegal(f"{len(values)} choices; legal: 1 to {MAX_CHOICES}")
    if len({canonical(value) for value in values}) < len(values):
        raise _Illegal("a choice is written twice")
    return Choice(values)


_LOW_HIGH = ("low", "high")
FORMS: Mapping[str, Form] = {
    form.word: form
    for form in (
        Form("uniform", _LOW_HIGH, False, _uniform, "A number between low and high."),
        Form("loguniform", _LOW_HIGH, False, _loguniform, "A positive number, uniform in its logarithm."),
        Form("quniform", (*_LOW_HIGH, "step"), False, _quniform, "low, low + step, ... up to high."),
        Form("randint", _LOW_HIGH, True, _randint, "A whole number; high is included."),
        Form("lograndint", _LOW_HIGH, True, _lograndint, "A whole number, uniform in its logarithm."),
        Form("choice", (), False, _choice, "One of a list of values without an order."),
    )
}


def parse_domain(said: Any, place: Place, faults: Faults) -> Domain | None:
    """The values of one parameter; None if what is written has a fault."""
    if not isinstance(said, Mapping):
        faults.add(place, f"{shown(said)} is no range; write one of {listed(FORMS)}, as {{uniform: [0, 1]}}")
        return None
    strange = [key for key in said if key not in FORMS and key != "when"]
    for key in strange:
        faults.add((*place, key), unknown(key, (*FORMS, "when")))
    words = [word for word in said if word in FORMS]
    if strange and not words:
        return None
    if len(words) != 1:
        count = "no range is written" if not words else f"{len(words)} ranges are written"
        faults.add(place, f"{count}; legal: exactly one of {listed(FORMS)}")
        return None
    form = FORMS[words[0]]
    complaint = _complaint(form, said[form.word])
    if complaint is None:
        try:
            return form.build(*said[form.word])
        except _Illegal as illegal:
            complaint = f"{shown(said[form.word])}: {illegal}"
    faults.add((*place, form.word), complaint)
    return None


def _complaint(form: Form, items: Any) -> str | None:
    if not isinstance(items, list | tuple):
        return f"{shown(items)} is no list; legal: [{', '.join(form.items) or 'value, value, ...'}]"
    if not form.items:
        return None
    if len(items) != len(form.items):
        return f"{shown(items)} has {len(items)} items; legal: [{', '.join(form.items)}]"
    for item in items:
        if isinstance(item, bool) or not isinstance(item, int if form.whole else int | float):
            return f"{shown(item)} is no {'whole ' if form.whole else ''}number"
        if not math.isfinite(item) or abs(item) > 1e300:
            return f"{shown(item)} is too large"
    if items[0] >= items[1]:
        return f"{shown(list(items))}: low {items[0]!r} is not below high {items[1]!r}"
    return None


def parse_clause(said: Any, domains: Mapping[str, Domain], place: Place, faults: Faults, what: str) -> Clause:
    """Predicates on parameters, all of which must hold.

    Args:
        said: Mapping of parameter to a value, a list of values, or ``{low:, high:}``.
        domains: The parameters there are.
        place: Where it is written.
        faults: Gathers what is wrong; faulty predicates are left out.
        what: Name of the thing in messages.
    """
    if not isinstance(said, Mapping) or not said:
        faults.add(place, f"{shown(said)} is no {what}; legal: a mapping from parameter to values")
        return ()
    clause = []
    for name, wanted in said.items():
        inner = (*place, name)
        if name not in domains:
            faults.add(inner, unknown(name, domains, "is no parameter of the space"))
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


def _predicate(wanted: Any, place: Place, faults: Faults) -> Predicate | None:
    if not isinstance(wanted, Mapping):
        values = tuple(wanted) if isinstance(wanted, list | tuple) else (wanted,)
        if not values:
            faults.add(place, "[] holds for nothing; legal: at least one value")
            return None
        return Among(values)
    for key in wanted:
        if key not in ("low", "high"):
            faults.add((*place, str(key)), unknown(str(key), ("low", "high")))
            return None
    for key, bound in wanted.items():
        if isinstance(bound, bool) or not isinstance(bound, int | float) or not math.isfinite(bound):
            faults.add((*place, key), f"{shown(bound)} is no number")
            return None
    if not wanted:
        faults.add(place, "{} says nothing; legal: {low: number, high: number} or one of them")
        return None
    low, high = wanted.get("low", -math.inf), wanted.get("high", math.inf)
    if low > high:
        faults.add(place, f"low {low!r} is above high {high!r}")
        return None
    return Between(low, high)


def _never(predicate: Predicate, domain: Domain) -> str | None:
    """Why a predicate can never hold; None if it can."""
    if isinstance(predicate, Among):
        wrong = [value for value in predicate.values if not domain.contains(value)]
        return f"{shown(wrong[0])} is never its value; it is {domain.legal()[:300]}" if wrong else None
    if isinstance(domain, Choice):
        if any(predicate.holds(value) for value in domain.values):
            return None
    elif predicate.low <= domain.high and predicate.high >= domain.low:
        return None
    return f"no value lies from {predicate.low:g} to {predicate.high:g}; it is {domain.legal()[:300]}"
