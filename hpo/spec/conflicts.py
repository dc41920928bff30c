"""Find conflicts between a fixed recipe and a space.

A conflict at every point is a fault. A conflict at some points is a warning: only those trials
fail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from hpo.core.conflicts import Conflict
from hpo.core.grammar import Grammar
from hpo.core.json_values import RecipeFields
from hpo.core.space import Among, Choice, Clause, Domain, Parameter, Predicate, Space
from hpo.spec.faults import Faults
from hpo.spec.recipe_points import flat, lay
from hpo.spec.space_building import HORIZON

DRAWS = 60
"""Points drawn to look for each conflict."""

ATTEMPTS = 40
"""Draws for each of them, as a space can forbid most of its points."""


def check_conflicts(
    conflicts: Sequence[Conflict],
    fixed: RecipeFields,
    space: Space,
    grammar: Grammar,
    horizon: int,
    faults: Faults,
    recorded: bool = False,
) -> None:
    """Report the conflicts listed by a trainable that occur in a space.

    Args:
        conflicts: From the trainable's tables.
        fixed: The fixed recipe.
        space: The space.
        grammar: What a recipe can contain.
        horizon: Epochs of a full training.
        faults: Collects the faults.
        recorded: Whether the spec is on record; then conflicts are only warned of, and conflicts at some
            points are not looked for, since they were warned of when it was submitted.
    """
    for conflict in conflicts:
        # Held at the conflicting values, which may be too rare to be drawn: one size in a thousand.
        suspects = _held(space, conflict.when if conflict.stops else conflict.when[:1])
        if suspects is None:
            continue
        drawn = drawn_recipes(suspects, fixed, grammar, horizon)
        occurs = _occurrences(conflict, drawn, until_absent=recorded)
        always = bool(occurs) and all(occurs)
        if always and conflict.stops:
            always = all(conflict.applies(values) for values in drawn_recipes(space, fixed, grammar, horizon))
        if always and recorded:
            faults.warn(conflict.reason)
        elif always:
            names = [*(conflict.exceeds or ())[:1], *(name for name, _ in conflict.when)]
            faults.add(field_path(names, fixed, space), conflict.reason)
        elif recorded:
            continue
        elif any(occurs) and conflict.exceeds is not None:
            faults.warn(f"{conflict.reason}; some trials can draw that")
        elif any(occurs) and conflict.stops:
            faults.warn(f"{conflict.reason}; trials that draw both will fail: add them to forbid")


def _occurrences(conflict: Conflict, drawn: Iterator[RecipeFields], until_absent: bool) -> list[bool]:
    """Return whether a conflict occurs in each recipe, or in those to the first without it."""
    occurs = []
    for values in drawn:
        occurs.append(conflict.applies(values))
        if until_absent and not occurs[-1]:
            break
    return occurs


def _held(space: Space, clause: Clause) -> Space | None:
    """Restrict the parameters of a space to a clause; None if the clause can never hold."""
    values = dict(clause)
    held = []
    for parameter in space.parameters:
        domain: Domain | None = parameter.domain
        if parameter.name in values:
            domain = _narrowed(parameter.domain, values[parameter.name])
        if domain is None:
            return None
        held.append(Parameter(parameter.name, domain, parameter.when))
    return Space(tuple(held), space.forbid, space.derived)


def _narrowed(domain: Domain, predicate: Predicate) -> Domain | None:
    if isinstance(domain, Choice):
        values = tuple(value for value in domain.values if predicate.holds(value))
    elif isinstance(predicate, Among):
        values = tuple(value for value in predicate.values if domain.contains(value))
    else:
        return domain
    return Choice(values) if values else None


def drawn_recipes(
    space: Space, fixed: RecipeFields, grammar: Grammar, horizon: int
) -> Iterator[RecipeFields]:
    """Yield the values, by dotted name, of recipes drawn from a space.

    Args:
        space: The space.
        fixed: The fixed recipe.
        grammar: What a recipe can contain.
        horizon: Epochs of a full training.
    """
    random = Random(0)
    drawn = 0
    for _ in range(ATTEMPTS * DRAWS):
        point = space.sample_any(random)
        if space.forbidden(point):
            continue
        recipe = lay(grammar, fixed, space.completed(point))
        if HORIZON in grammar.slots:
            recipe = {**recipe, HORIZON: horizon}
        if not grammar.faults(recipe):
            yield flat(grammar, grammar.resolve(recipe))
            drawn += 1
            if drawn == DRAWS:
                return


def field_path(names: Sequence[str], fixed: RecipeFields, space: Space) -> tuple[str, ...]:
    """Return the field path of the first of these choices that the spec contains."""
    for name in names:
        if name in space.by_name:
            return ("space", name)
        steps = name.split(".")
        if _contains(fixed, steps):
            return ("recipe", *steps)
    return ("recipe",)


def _contains(value: Any, steps: Sequence[str]) -> bool:
    for step in steps:
        if not isinstance(value, Mapping) or step not in value:
            return False
        value = value[step]
    return True
