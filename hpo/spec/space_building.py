"""The space of a spec: written parameters tied to what the trainable's recipes can say.

A part's own hyperparameter exists only where the part is chosen. That condition comes from the
grammar, so nobody writes it; where the fixed recipe chose another part, it is a fault.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from hpo.core.grammar import Grammar, Hyperparameter, part_named
from hpo.core.space import Among, Choice, Clause, Domain, Parameter, Space, Uniform
from hpo.spec.domains import parse_clause, parse_domain
from hpo.spec.faults import Faults, shown, unknown
from hpo.spec.recipe_points import lay

MAX_PARAMETERS = 500
HORIZON = "epochs"
"""The hyperparameter that a search sets itself, from the scheduler's maximum."""

DRAWS = 2
"""Points that are completed for each part a space offers."""


def build_space(
    said: Mapping[str, Any], forbid: list[Any], fixed: Mapping[str, Any], grammar: Grammar, faults: Faults
) -> Space | None:
    """Check every parameter and combination; None if any has a fault.

    Args:
        said: Ranges by dotted name.
        forbid: Forbidden combinations.
        fixed: The fixed recipe.
        grammar: What a recipe may say.
        faults: Gathers what is wrong.
    """
    if not said and faults.under("space"):
        return None
    if not said:
        faults.add(("space",), f"has no parameter; legal: {_examples(grammar)}")
        return None
    if len(said) > MAX_PARAMETERS:
        faults.add(("space",), f"has {len(said)} parameters; legal: at most {MAX_PARAMETERS}")
        return None
    parsed = {name: parse_domain(range_, ("space", name), faults) for name, range_ in said.items()}
    domains = {name: domain for name, domain in parsed.items() if domain is not None}
    for name in said:
        _check_name(name, domains.get(name), grammar, faults)
    # A parameter with a faulty range can still be named in conditions; any value will do there.
    known = {name: domain or Choice(("?",)) for name, domain in parsed.items()}
    conditions = {name: _when(said[name], known, name, faults) for name in domains}
    for name in domains:
        if name in grammar.slots:
            conditions[name] = _implied(name, domains, fixed, grammar, faults) + conditions[name]
    clauses = tuple(
        parse_clause(each, known, ("forbid", i), faults, "combination") for i, each in enumerate(forbid)
    )
    _check_cycles(conditions, faults)
    if faults.under("space") or faults.under("forbid"):
        return None
    order = {name: place for place, name in enumerate(grammar.slots)}
    return Space(
        tuple(
            Parameter(name, domains[name], conditions[name])
            for name in sorted(domains, key=order.__getitem__)
        ),
        clauses,
    )


def _examples(grammar: Grammar) -> str:
    names = list(grammar.slots)
    return ", ".join(names[:30]) + (f", ... ({len(names) - 30} more)" if len(names) > 30 else "")


def _check_name(name: str, domain: Domain | None, grammar: Grammar, faults: Faults) -> None:
    place = ("space", name)
    if name == HORIZON and name in grammar.slots:
        faults.add(place, "is set by the search: scheduler.max_epochs is the length of a full training")
    elif name not in grammar.slots:
        faults.add(place, unknown(name, grammar.slots, "is nothing the trainable takes"))
    elif domain is not None:
        complaint = _misfit(grammar.slots[name].hyperparameter, domain)
        if complaint:
            faults.add(place, complaint)


def _misfit(own: Hyperparameter, domain: Domain) -> str | None:
    """Why a range goes beyond what a hyperparameter takes; None if it does not."""
    if isinstance(domain, Choice):
        return next((c for value in domain.values if (c := own.complaint(value))), None)
    if own.kind not in ("float", "int"):
        return f"a range of numbers is written; it takes {own.legal()}: use choice"
    if own.kind == "int" and isinstance(domain, Uniform):
        return "a range of any numbers is written; it takes whole ones: use randint, lograndint or choice"
    return own.complaint(domain.low) or own.complaint(domain.high)


def _when(said: Any, domains: Mapping[str, Domain], name: str, faults: Faults) -> Clause:
    if not isinstance(said, Mapping) or "when" not in said:
        return ()
    return parse_clause(said["when"], domains, ("space", name, "when"), faults, "condition")


def _implied(
    name: str, domains: Mapping[str, Domain], fixed: Mapping[str, Any], grammar: Grammar, faults: Faults
) -> Clause:
    """The conditions under which the grammar says that a parameter exists."""
    clause: list[tuple[str, Among]] = []
    for place, values in grammar.slots[name].when:
        if place in domains:
            offered = tuple(value for value in values if domains[place].contains(value))
            if not offered:
                faults.add(("space", name), f"exists only if {place} is {_any_of(values)}, never so here")
            else:
                clause.append((place, Among(offered)))
        elif (chosen := _chosen(place, fixed, grammar)) not in values:
            faults.add(
                ("space", name),
                f"exists only if {place} is {_any_of(values)}; the recipe has {place}: {shown(chosen)}",
            )
    return tuple(clause)


def _any_of(values: tuple[Any, ...]) -> str:
    return " or ".join("on" if value is True else str(value) for value in values)


def _chosen(place: str, fixed: Mapping[str, Any], grammar: Grammar) -> Any:
    """The part a group has, or whether a switch is on, where no parameter varies it."""
    head, _, rest = place.partition(".")
    said = fixed.get(head)
    if rest:
        switch = said.get(rest, False) if isinstance(said, Mapping) else False
        return switch is not False
    return part_named(said) or grammar.group(head).default


def _check_cycles(conditions: Mapping[str, Clause], faults: Faults) -> None:
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


def check_recipe(
    fixed: Mapping[str, Any], varied: Mapping[str, Any], grammar: Grammar, faults: Faults
) -> None:
    """Check fixed choices; where the space varies the part, for any of the parts it offers.

    Args:
        fixed: The fixed recipe as written.
        varied: The space as written.
        grammar: What a recipe may say.
        faults: Gathers what is wrong.
    """
    groups = {group.name: group for group in grammar.groups}
    for name, said in fixed.items():
        offered = _offered(varied.get(name))
        if name in groups and not groups[name].many and offered and isinstance(said, Mapping):
            found = [grammar.faults({name: {**said, "name": part}}) for part in offered]
            paths = set.intersection(*({fault.path for fault in each} for each in found))
            wrong = [fault for fault in found[0] if fault.path in paths]
        else:
            wrong = grammar.faults({name: said})
        for fault in wrong:
            message = fault.message
            if name not in grammar.slots and name not in groups:
                message = unknown(name, [*(own.name for own in grammar.hyperparameters), *groups])
            faults.add(("recipe", *fault.path.split(".")), f"{_value_at(fixed, fault.path)}{message}")


def _offered(said: Any) -> list[str]:
    values = said.get("choice") if isinstance(said, Mapping) else None
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


def _value_at(fixed: Mapping[str, Any], path: str) -> str:
    """The faulty value, for messages that name only what is legal."""
    value: Any = fixed
    for step in path.split("."):
        if not isinstance(value, Mapping) or step not in value:
            return ""
        value = value[step]
    return "" if isinstance(value, Mapping) else f"{shown(value)}: "


def check_points(space: Space, fixed: Mapping[str, Any], grammar: Grammar, faults: Faults) -> None:
    """Complete a sample of points, with every range at its low end, its high end and within.

    Bounds that are legal for one part and not for another come out here, so each part that is
    offered has its turn.
    """
    random = Random(0)
    told: set[str] = set()
    for seen, group in _turns(space, grammar):
        for _ in range(DRAWS):
            point = seen.sample_any(random)
            for end in ("low", "high", None):
                moved = {name: _end(space.by_name[name].domain, value, end) for name, value in point.items()}
                recipe = lay(grammar, fixed, moved)
                for fault in grammar.faults({group: recipe[group]} if group in recipe else recipe):
                    if fault.path not in told and not space.forbidden(moved):
                        told.add(fault.path)
                        varied = fault.path in space.by_name
                        place = ("space", fault.path) if varied else ("recipe", *fault.path.split("."))
                        faults.add(place, fault.message + _where(fault.path, moved))


def _turns(space: Space, grammar: Grammar) -> Iterator[tuple[Space, str]]:
    """The space as it is, and with each group held at each of the parts it offers."""
    yield space, ""
    for group in grammar.groups:
        varied = space.by_name.get(group.name)
        if varied is None or not isinstance(varied.domain, Choice):
            continue
        for part in varied.domain.values:
            held = Parameter(group.name, Choice((part,)), varied.when)
            yield Space(tuple(held if p.name == group.name else p for p in space.parameters)), group.name


def _where(path: str, point: Mapping[str, Any]) -> str:
    head = path.partition(".")[0]
    return f" where {head} is {point[head]}" if head in point else ""


def _end(domain: Domain, value: Any, end: str | None) -> Any:
    if isinstance(domain, Choice) or end is None:
        return value
    if end == "low":
        return domain.low
    if isinstance(domain, Uniform) and domain.step is not None:
        return domain.at(int(domain.count()) - 1)
    return domain.high


def check_feasible(space: Space, faults: Faults) -> None:
    """Whether ``forbid`` leaves anything."""
    size = len(space.parameters) + sum(len(clause) for clause in space.forbid)
    draws = max(100, min(4_000, 100_000 // size))
    random = Random(0)
    if all(space.forbidden(space.sample_any(random)) for _ in range(draws)):
        faults.add(("forbid",), f"leaves nothing: none of {draws} points drawn from the space is allowed")
