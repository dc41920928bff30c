"""Build the space of a spec, checking its parameters against the trainable's grammar.

A hyperparameter of a part exists only where the part is chosen. The grammar implies that
condition, so users need not write it; if the fixed recipe chooses another part, it is a fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from hpo.core.grammar import Grammar, Hyperparameter, Slot, part_named
from hpo.core.space import Among, Choice, Clause, Domain, Integer, Parameter, Point, Space, Uniform
from hpo.spec.derived_values import LIST, derived_values, elements_of, is_derived
from hpo.spec.domains import parse_clause, parse_domain
from hpo.spec.faults import Faults, shown, unknown
from hpo.spec.recipe_points import flat, lay

MAX_PARAMETERS = 500
HORIZON = "epochs"
"""The hyperparameter that the search itself sets, to the scheduler's maximum."""

DRAWS = 2
"""Points completed for each part that a space offers."""


def build_space(
    ranges: Mapping[str, Any], forbid: list[Any], fixed: Mapping[str, Any], grammar: Grammar, faults: Faults
) -> Space | None:
    """Check every parameter and combination; None if any has a fault.

    Args:
        ranges: Ranges by dotted name.
        forbid: Forbidden combinations.
        fixed: The fixed recipe.
        grammar: What a recipe can contain.
        faults: Collects the faults.
    """
    if not ranges and faults.under("space"):
        return None
    if not ranges:
        faults.add(("space",), f"is empty; legal: {_examples(grammar)}")
        return None
    if len(ranges) > MAX_PARAMETERS:
        faults.add(("space",), f"has {len(ranges)} parameters; legal: at most {MAX_PARAMETERS}")
        return None
    followers = {name: range_ for name, range_ in ranges.items() if is_derived(range_)}
    searched = {name: range_ for name, range_ in ranges.items() if name not in followers}
    parsed = {name: parse_domain(range_, ("space", name), faults) for name, range_ in searched.items()}
    parsed = {name: _whole(domain, grammar.slots.get(name)) for name, domain in parsed.items()}
    domains = {name: domain for name, domain in parsed.items() if domain is not None}
    for name in ranges:
        _check_name(name, domains.get(name), grammar, faults)
    # Conditions can name a parameter whose range is faulty; a stand-in is enough to check them.
    declared = {name: domain or Choice(("?",)) for name, domain in parsed.items()}
    elements = _elements(followers, declared, grammar, faults)
    conditions = {name: _when(ranges[name], declared, name, faults) for name in domains}
    for name in domains:
        if name in grammar.slots:
            conditions[name] = _implied(name, domains, fixed, grammar, faults) + conditions[name]
    clauses = tuple(
        parse_clause(combination, declared, ("forbid", i), faults, "combination")
        for i, combination in enumerate(forbid)
    )
    _check_cycles(conditions, faults)
    if faults.under("space") or faults.under("forbid"):
        return None
    names = {**domains, **{name: domain for name, (domain, _) in elements.items()}}
    constants = flat(grammar, grammar.resolve(fixed)) if followers and not grammar.faults(fixed) else {}
    constants = {name: value for name, value in constants.items() if name not in ranges}
    derived = derived_values(followers, names, constants, grammar, faults)
    if faults.under("space"):
        return None
    order = {name: position for position, name in enumerate(grammar.slots)}
    parameters = [
        Parameter(name, domains[name], conditions[name]) for name in sorted(domains, key=order.__getitem__)
    ]
    parameters += [Parameter(name, domain, exists) for name, (domain, exists) in elements.items()]
    return Space(tuple(parameters), clauses, derived)


def _elements(
    followers: Mapping[str, Any], declared: Mapping[str, Domain], grammar: Grammar, faults: Faults
) -> dict[str, tuple[Domain, Clause]]:
    """Return the elements of the lists in a space, with their conditions, as far as they have no faults."""
    elements: dict[str, tuple[Domain, Clause]] = {}
    for name, range_ in followers.items():
        _check_name(name, None, grammar, faults)
        if LIST not in range_ or name not in grammar.slots:
            continue
        hyperparameter = grammar.slots[name].hyperparameter
        if hyperparameter.kind not in ("list", "names"):
            faults.add(("space", name), f"is not a list; legal values: {hyperparameter.legal()}")
            continue
        for element, (domain, exists) in elements_of(name, range_, declared, faults).items():
            elements[element] = domain, exists
            ends = domain.values if isinstance(domain, Choice) else (domain.low, domain.high)
            complaint = next((c for end in ends if (c := hyperparameter.complaint([end]))), None)
            if complaint:
                faults.add(("space", name, LIST), complaint)
    return elements


def _examples(grammar: Grammar) -> str:
    names = list(grammar.slots)
    return ", ".join(names[:30]) + (f", ... ({len(names) - 30} more)" if len(names) > 30 else "")


def _check_name(name: str, domain: Domain | None, grammar: Grammar, faults: Faults) -> None:
    path = ("space", name)
    if name == HORIZON and name in grammar.slots:
        faults.add(path, "is set by the search: scheduler.max_epochs is the length of a full training")
    elif name not in grammar.slots:
        faults.add(path, unknown(name, grammar.slots, "is not a hyperparameter of the trainable"))
    elif domain is not None:
        complaint = _misfit(grammar.slots[name].hyperparameter, domain)
        if complaint:
            faults.add(path, complaint)


def _whole(domain: Domain | None, slot: Slot | None) -> Domain | None:
    """Return ``quniform`` with whole numbers as whole numbers, where the hyperparameter takes no others."""
    if slot is None or slot.hyperparameter.kind != "int" or not isinstance(domain, Uniform):
        return domain
    if domain.shaped or not _is_whole(domain):
        return domain
    assert domain.step is not None
    return Integer(int(domain.low), int(domain.high), step=int(domain.step))


def _is_whole(domain: Uniform) -> bool:
    """Return whether the steps of a range are whole numbers."""
    return domain.step is not None and not any(n % 1 for n in (domain.low, domain.high, domain.step))


def _misfit(parameter: Hyperparameter, domain: Domain) -> str | None:
    """Return why a range does not fit a hyperparameter; None if it does."""
    if isinstance(domain, Choice):
        return next((c for value in domain.values if (c := parameter.complaint(value))), None)
    if parameter.kind not in ("float", "int"):
        return f"needs choice, not a range of numbers; legal values: {parameter.legal()}"
    if parameter.kind == "int" and isinstance(domain, Uniform) and not _is_whole(domain):
        return "takes whole numbers only: use randint, qrandint, lograndint or choice"
    return parameter.complaint(domain.low) or parameter.complaint(domain.high)


def _when(range_: Any, domains: Mapping[str, Domain], name: str, faults: Faults) -> Clause:
    if not isinstance(range_, Mapping) or "when" not in range_:
        return ()
    return parse_clause(range_["when"], domains, ("space", name, "when"), faults, "condition")


def _implied(
    name: str, domains: Mapping[str, Domain], fixed: Mapping[str, Any], grammar: Grammar, faults: Faults
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


def _chosen(name: str, fixed: Mapping[str, Any], grammar: Grammar) -> Any:
    """Return the fixed part of a group, or whether a switch is on in the fixed recipe."""
    head, _, rest = name.partition(".")
    choice = fixed.get(head)
    if rest:
        switch = choice.get(rest, False) if isinstance(choice, Mapping) else False
        return switch is not False
    return part_named(choice) or grammar.group(head).default


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
    """Check fixed choices; if the space varies a part, they must be legal for one of those offered.

    Args:
        fixed: The fixed recipe as written.
        varied: The space as written.
        grammar: What a recipe can contain.
        faults: Collects the faults.
    """
    groups = {group.name: group for group in grammar.groups}
    for name, choice in fixed.items():
        offered = _offered(varied.get(name))
        if name in groups and not groups[name].many and offered and isinstance(choice, Mapping):
            by_part = [grammar.faults({name: {**choice, "name": part}}) for part in offered]
            common = set.intersection(*({fault.path for fault in faults_} for faults_ in by_part))
            wrong = [fault for fault in by_part[0] if fault.path in common]
        else:
            wrong = grammar.faults({name: choice})
        for fault in wrong:
            message = fault.message
            if name not in grammar.slots and name not in groups:
                message = unknown(name, [*(parameter.name for parameter in grammar.hyperparameters), *groups])
            faults.add(("recipe", *fault.path.split(".")), f"{_value_at(fixed, fault.path)}{message}")


def _offered(range_: Any) -> list[str]:
    values = range_.get("choice") if isinstance(range_, Mapping) else None
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


def _value_at(fixed: Mapping[str, Any], path: str) -> str:
    """Return the faulty value, for messages that name only the legal ones."""
    value: Any = fixed
    for step in path.split("."):
        if not isinstance(value, Mapping) or step not in value:
            return ""
        value = value[step]
    return "" if isinstance(value, Mapping) else f"{shown(value)}: "


def check_points(space: Space, fixed: Mapping[str, Any], grammar: Grammar, faults: Faults) -> None:
    """Check a sample of complete recipes, with every range at its low end, its high end and within.

    Every part that is offered gets its turn, so this finds bounds that are legal for one part but
    not for another.
    """
    random = Random(0)
    reported: set[str] = set()
    followers = {derived.name for derived in space.derived}
    for held, group in _turns(space, grammar):
        for _ in range(DRAWS):
            point = held.sample_any(random)
            for end in ("low", "high", None):
                moved = _moved(space, point, end, random)
                if space.forbidden(moved):
                    continue
                recipe = lay(grammar, fixed, space.completed(moved))
                for fault in grammar.faults({group: recipe[group]} if group in recipe else recipe):
                    if fault.path not in reported:
                        reported.add(fault.path)
                        varied = fault.path in space.by_name or fault.path in followers
                        path = ("space", fault.path) if varied else ("recipe", *fault.path.split("."))
                        faults.add(path, fault.message + _where(fault.path, moved))


def _moved(space: Space, drawn: Point, end: str | None, random: Random) -> dict[str, Any]:
    """Return a point with every range at one of its ends; parameters that exist only there are drawn."""
    moved: dict[str, Any] = {}
    for parameter in space.parameters:
        if space.exists(parameter, moved):
            domain = parameter.domain
            value = drawn[parameter.name] if parameter.name in drawn else domain.sample(random)
            moved[parameter.name] = _end(domain, value, end)
    return moved


def _turns(space: Space, grammar: Grammar) -> Iterator[tuple[Space, str]]:
    """Yield the space itself, and the space with each group held at each part it offers."""
    yield space, ""
    for group in grammar.groups:
        varied = space.by_name.get(group.name)
        if varied is None or not isinstance(varied.domain, Choice):
            continue
        for part in varied.domain.values:
            held = Parameter(group.name, Choice((part,)), varied.when)
            parameters = tuple(held if p.name == group.name else p for p in space.parameters)
            yield Space(parameters, derived=space.derived), group.name


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
    """Check that ``forbid`` leaves anything."""
    size = len(space.parameters) + sum(len(clause) for clause in space.forbid)
    draws = max(100, min(4_000, 100_000 // size))
    random = Random(0)
    points = [space.sample_any(random) for _ in range(draws)]
    if all(space.forbidden(point) for point in points):
        illegal = _illegal(space, points)
        if illegal:
            faults.add(("space", illegal[0].name), f"is never legal: {illegal[0].reason}")
        else:
            faults.add(("forbid",), f"leaves nothing: none of {draws} points drawn from the space is allowed")
    elif space.derived and (illegal := _illegal(space, points)):
        share = 100 * len(illegal) / len(points)
        faults.warn(
            f"space.{illegal[0].name}: {share:.3g} % of the points give a value that is not legal, and are "
            f"not tried: {illegal[0].reason}"
        )


@dataclass(frozen=True, slots=True)
class _IllegalChoice:
    """A value that follows from a point and is not legal."""

    name: str
    reason: str


def _illegal(space: Space, points: Iterable[Point]) -> list[_IllegalChoice]:
    choices = []
    for point in points:
        try:
            space.completed(point)
        except ValueError as error:
            name, _, reason = str(error).partition(": ")
            choices.append(_IllegalChoice(name, reason))
    return choices
