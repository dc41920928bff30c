"""When a parameter exists: by its ``when``, and by the part of the grammar to which it belongs.

A hyperparameter of a part exists only where the part is chosen. The grammar implies that
condition, so users need not write it; if the fixed recipe chooses another part, it is a fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpo.core.grammar import Grammar, part_named
from hpo.core.json_values import RecipeFields
from hpo.core.space import Among, Clause, Domain
from hpo.spec.domains import parse_clause
from hpo.spec.faults import Faults, shown


def condition_of(range_: Any, domains: Mapping[str, Domain], name: str, faults: Faults) -> Clause:
    """Return the condition that a range declares; empty if it declares none."""
    if not isinstance(range_, Mapping) or "when" not in range_:
        return ()
    return parse_clause(range_["when"], domains, ("space", name, "when"), faults, "condition")


def implied_condition(
    name: str, domains: Mapping[str, Domain], fixed: RecipeFields, grammar: Grammar, faults: Faults
) -> Clause:
    """Return the conditions that the grammar implies for a parameter."""
    clause: list[tuple[str, Among]] = []
    for parent, values in grammar.slots[name].when:
        if parent in domains:
            offered = tuple(value for value in values if domains[parent].contains(value))
            if not offered:
                faults.add(
                    ("space", name), f"exists only if {parent} is {_any_of(values)}, which it never is here"
                )
            else:
                clause.append((parent, Among(offered)))
        elif (chosen := _chosen(parent, fixed, grammar)) not in values:
            faults.add(
                ("space", name),
                f"exists only if {parent} is {_any_of(values)}; the recipe has {parent}: {shown(chosen)}",
            )
    return tuple(clause)


def _any_of(values: tuple[Any, ...]) -> str:
    return " or ".join("on" if value is True else str(value) for value in values)


def _chosen(name: str, fixed: RecipeFields, grammar: Grammar) -> Any:
    """Return the fixed part of a group, or whether a switch is on in the fixed recipe."""
    head, _, rest = name.partition(".")
    choice = fixed.get(head)
    if rest:
        switch = choice.get(rest, False) if isinstance(choice, Mapping) else False
        return switch is not False
    return part_named(choice) or grammar.group(head).default


def check_cycles(conditions: Mapping[str, Clause], faults: Faults) -> None:
    """Report each cycle once, at the first of its parameters."""
    done: set[str] = set()
    for root in conditions:
        trail: list[str] = []
        stack = [(root, iter(conditions[root]))]
        while stack:
            name, rest = stack[-1]
            if name not in trail:
                trail.append(name)
            other = next((o for o, _ in rest if o in conditions and o not in done), None)
            if other is None:
                stack.pop()
                trail.remove(name)
                done.add(name)
            elif other in trail:
                circle = [*trail[trail.index(other) :], other]
                faults.add(("space", other, "when"), f"the conditions form a cycle: {' -> '.join(circle)}")
                return
            else:
                stack.append((other, iter(conditions[other])))
