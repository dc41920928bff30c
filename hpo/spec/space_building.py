"""Build the space of a spec, checking its parameters against the trainable's grammar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpo.core.grammar import Grammar, Hyperparameter, Slot
from hpo.core.json_values import RecipeFields, SpecFields
from hpo.core.space import Choice, Clause, Domain, Integer, Parameter, Space, Uniform
from hpo.spec.conditions import check_cycles, condition_of, implied_condition
from hpo.spec.derived_values import LIST, derived_values, elements_of, is_derived
from hpo.spec.domains import parse_clause, parse_domain
from hpo.spec.faults import Faults, unknown
from hpo.spec.recipe_points import flat

MAX_PARAMETERS = 500
HORIZON = "epochs"
"""The hyperparameter that the search itself sets, to the scheduler's maximum."""


def build_space(
    ranges: SpecFields, forbid: list[Any], fixed: RecipeFields, grammar: Grammar, faults: Faults
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
    conditions = {name: condition_of(ranges[name], declared, name, faults) for name in domains}
    for name in domains:
        if name in grammar.slots:
            conditions[name] = implied_condition(name, domains, fixed, grammar, faults) + conditions[name]
    clauses = tuple(
        parse_clause(combination, declared, ("forbid", i), faults, "combination")
        for i, combination in enumerate(forbid)
    )
    check_cycles(conditions, faults)
    if faults.under("space") or faults.under("forbid"):
        return None
    names = {**domains, **{name: domain for name, (domain, _) in elements.items()}}
    constants = flat(grammar, grammar.resolve(fixed)) if followers and not grammar.faults(fixed) else {}
    constants = {name: value for name, value in constants.items() if name not in ranges}
    derived = derived_values(followers, names, constants, grammar, faults)
    if not domains and not elements:
        faults.add(("space",), f"searches nothing: all of it follows ({', '.join(followers)}); add a range")
    if faults.under("space"):
        return None
    order = {name: position for position, name in enumerate(grammar.slots)}
    parameters = [
        Parameter(name, domains[name], conditions[name]) for name in sorted(domains, key=order.__getitem__)
    ]
    parameters += [Parameter(name, domain, exists) for name, (domain, exists) in elements.items()]
    return Space(tuple(parameters), clauses, derived)


def _elements(
    followers: SpecFields, declared: Mapping[str, Domain], grammar: Grammar, faults: Faults
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
        whole = "randint, qrandint, lograndint or choice, or qnormal and qloguniform with whole numbers"
        return f"takes whole numbers only: use {whole}"
    return parameter.complaint(domain.low) or parameter.complaint(domain.high)
