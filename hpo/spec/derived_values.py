"""Values of a space that follow from others: an expression, or a list whose length another parameter says.

::

    hidden: {lograndint: [16, 256]}
    bottleneck: {expression: "hidden // 2"}
    layers: {randint: [1, 4]}
    widths: {list: {lograndint: [16, 256]}, length: layers}

The elements of such a list are parameters of their own, ``widths[1]``, ``widths[2]`` and so on.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hpo.core.derived import Derived
from hpo.core.domains import Choice, Domain, Integer
from hpo.core.grammar import Grammar
from hpo.core.json_values import RecipeFields, SpecFields
from hpo.core.space import Between, Clause, Point
from hpo.spec.domains import parse_domain
from hpo.spec.faults import Faults, listed, shown, unknown

EXPRESSION, LIST, LENGTH = "expression", "list", "length"

LONGEST = 64
"""Elements of a list of parameters."""

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "abs": abs,
    "exp": math.exp,
    "float": float,
    "int": int,
    "log": math.log,
    "max": max,
    "min": min,
    "round": round,
    "sqrt": math.sqrt,
}
"""What an expression can call."""


@dataclass(frozen=True)
class Expression:
    """Computes a value from others; can be sent to other processes.

    Attributes:
        text: A Python expression of numbers, texts and lists; see `FUNCTIONS`.
        constants: Values of the fixed recipe by dotted name.
    """

    text: str
    constants: RecipeFields = field(default_factory=dict)

    def __call__(self, values: Point) -> Any:
        """Return the value.

        Raises:
            ValueError: If it cannot be computed.
        """
        from simpleeval import EvalWithCompoundTypes

        all_values = {**self.constants, **values}
        names = {_identifier(name): value for name, value in all_values.items()}
        try:
            evaluator = EvalWithCompoundTypes(names=names, functions=dict(FUNCTIONS))
            return evaluator.eval(_with_identifiers(self.text, all_values))
        except Exception as error:  # simpleeval passes on whatever the operations raise
            raise ValueError(f"{self.text}: {type(error).__name__}: {error}") from error


@dataclass(frozen=True)
class Elements:
    """Collects the elements of a list.

    Attributes:
        name: Name of the list.
        length: Parameter that says how many there are, or that number.
    """

    name: str
    length: str | int

    def __call__(self, values: Point) -> list[Any]:
        """Return the list."""
        count = values[self.length] if isinstance(self.length, str) else self.length
        return [values[element(self.name, number)] for number in range(1, int(count) + 1)]


def element(name: str, number: int) -> str:
    """Return the name of an element of a list, counted from 1."""
    return f"{name}[{number}]"


def is_derived(range_: Any) -> bool:
    """Return whether an entry of a space is a value that follows from others."""
    return isinstance(range_, Mapping) and (EXPRESSION in range_ or LIST in range_)


def elements_of(
    name: str, range_: SpecFields, domains: Mapping[str, Domain], faults: Faults
) -> dict[str, tuple[Domain, Clause]]:
    """Return the elements of a list as parameters: each with its range and the condition on the length.

    Args:
        name: Name of the list.
        range_: Its entry, with ``list`` and ``length``.
        domains: The other parameters of the space.
        faults: Collects the faults.
    """
    path = ("space", name)
    for key in range_:
        if key not in (LIST, LENGTH):
            faults.add((*path, str(key)), unknown(str(key), (LIST, LENGTH)))
    domain = parse_domain(range_[LIST], (*path, LIST), faults)
    length = range_.get(LENGTH)
    longest = _longest(length, domains)
    if longest is None or not 1 <= longest <= LONGEST:
        faults.add(
            (*path, LENGTH),
            f"{shown(length)}: legal: a parameter of whole numbers from 1 to {LONGEST}, or such a number",
        )
        return {}
    if domain is None:
        return {}
    elements: dict[str, tuple[Domain, Clause]] = {}
    for number in range(1, longest + 1):
        exists: Clause = ((length, Between(low=number)),) if isinstance(length, str) else ()
        elements[element(name, number)] = (domain, exists)
    return elements


def derived_values(
    ranges: SpecFields,
    names: Mapping[str, Domain],
    constants: RecipeFields,
    grammar: Grammar,
    faults: Faults,
) -> tuple[Derived, ...]:
    """Return the values that follow from the parameters of a space, each after those that it needs.

    Args:
        ranges: The entries of the space that are such values.
        names: The parameters of the space, elements of lists included.
        constants: The fixed recipe's values by dotted name.
        grammar: What a recipe can contain.
        faults: Collects the faults.
    """
    found: dict[str, Derived] = {}
    for name, range_ in ranges.items():
        if name not in grammar.slots or faults.under("space", name):
            continue
        hyperparameter = grammar.slots[name].hyperparameter
        if LIST in range_:
            length = range_[LENGTH]
            text = f"a list of {length} values"
            needs: tuple[str, ...] = (length,) if isinstance(length, str) else ()
            elements = tuple(other for other in names if other.startswith(f"{name}["))
            found[name] = Derived(name, text, needs, hyperparameter, Elements(name, length), elements)
            continue
        text, known = range_[EXPRESSION], {*names, *constants, *ranges}
        needed = _needed(name, range_, known, faults)
        if needed is not None:
            needs = tuple(other for other in needed if other in names or other in ranges)
            found[name] = Derived(name, text, needs, hyperparameter, Expression(text, constants))
    return tuple(_ordered(found, faults))


def _needed(name: str, range_: SpecFields, known: set[str], faults: Faults) -> list[str] | None:
    """Return the names in an expression; None if it has a fault."""
    path, text = ("space", name, EXPRESSION), range_[EXPRESSION]
    for key in range_:
        if key != EXPRESSION:
            faults.add(("space", name, str(key)), unknown(str(key), (EXPRESSION,)))
    if not isinstance(text, str) or not text.strip():
        faults.add(path, f'{shown(text)} is not an expression such as "hidden // 2"')
        return None
    try:
        tree = ast.parse(_with_identifiers(text.strip(), dict.fromkeys(known)), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        faults.add(path, f"{shown(text)} is not an expression: {reason}")
        return None
    by_identifier = {_identifier(other): other for other in known}
    used = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    for other in used:
        if other not in by_identifier and other not in FUNCTIONS:
            legal = (*sorted(known), *FUNCTIONS)
            faults.add(
                path, unknown(other, legal, f"{other} is not a parameter, a fixed choice or a function")
            )
    return list(dict.fromkeys(by_identifier[other] for other in used if other in by_identifier))


def _ordered(found: Mapping[str, Derived], faults: Faults) -> Iterator[Derived]:
    done: set[str] = set()
    while len(done) < len(found):
        ready = [
            d for n, d in found.items() if n not in done and all(o in done or o not in found for o in d.needs)
        ]
        if not ready:
            circle = listed(name for name in found if name not in done)
            faults.add(
                ("space", next(n for n in found if n not in done)), f"the expressions form a cycle: {circle}"
            )
            return
        yield from ready
        done.update(derived.name for derived in ready)


def _longest(length: Any, domains: Mapping[str, Domain]) -> int | None:
    if isinstance(length, int) and not isinstance(length, bool):
        return length
    domain = domains.get(length) if isinstance(length, str) else None
    if isinstance(domain, Integer):
        return domain.high if domain.low >= 1 else None
    if isinstance(domain, Choice) and all(type(value) is int and value >= 1 for value in domain.values):
        return int(max(domain.values))
    return None


def _identifier(name: str) -> str:
    return re.sub(r"\W", "__", name)


def _with_identifiers(text: str, names: Mapping[str, Any]) -> str:
    """Return an expression with dotted names as identifiers."""
    dotted = sorted((name for name in names if not name.isidentifier()), key=len, reverse=True)
    if not dotted:
        return text
    pattern = re.compile(r"(?<![\w.])(" + "|".join(map(re.escape, dotted)) + r")(?!\w)")
    return pattern.sub(lambda match: _identifier(match[1]), text)
