"""What a fixed recipe and a space say together that does not go together.

A combination that every point has is a fault; one that some points have is a warning, as those
trials fail and the others do not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from hpo.core.conflicts import Conflict
from hpo.core.grammar import Grammar
from hpo.core.space import Among, Choice, Clause, Domain, Parameter, Predicate, Space, holds
from hpo.spec.faults import Faults
from hpo.spec.recipe_points import flat, lay

DRAWS = 60
"""Points that are looked at for each combination."""


def check_conflicts(
    clashes: Sequence[Conflict], fixed: Mapping[str, Any], space: Space, grammar: Grammar, faults: Faults
) -> None:
    """Report the combinations of a trainable's tables that points of a space have.

    Args:
        clashes: From the trainable's tables.
        fixed: The fixed recipe.
        space: The space.
        grammar: What a recipe may say.
        faults: Gathers what is wrong.
    """
    for clash in clashes:
        # Held at what would clash: seldom drawn values, such as one of a thousand sizes, come out.
        towards = _held(space, clash.when if clash.stops else clash.when[:1])
        if towards is None:
            continue
        found = [holds(clash.when, values) for values in _recipes(towards, fixed, grammar)]
        if not clash.stops:
            if found and all(found):
                faults.warn(clash.reason)
        elif any(found):
            if all(holds(clash.when, values) for values in _recipes(space, fixed, grammar)):
                faults.add(_place(clash, fixed, space), clash.reason)
            else:
                faults.warn(f"{clash.reason}; trials that draw the two together fail: forbid it")


def _held(space: Space, clause: Clause) -> Space | None:
    """The space with its parameters held at what a clause says; None if they never are."""
    wanted = dict(clause)
    held = []
    for parameter in space.parameters:
        domain: Domain | None = parameter.domain
        if parameter.name in wanted:
            domain = _narrowed(parameter.domain, wanted[parameter.name])
        if domain is None:
            return None
        held.append(Parameter(parameter.name, domain, parameter.when))
    return Space(tuple(held), space.forbid)


def _narrowed(domain: Domain, predicate: Predicate) -> Domain | None:
    if isinstance(domain, Choice):
        values = tuple(value for value in domain.values if predicate.holds(value))
    elif isinstance(predicate, Among):
        values = tuple(value for value in predicate.values if domain.contains(value))
    else:
        return domain
    return Choice(values) if values else None


def _recipes(space: Space, fixed: Mapping[str, Any], grammar: Grammar) -> Iterator[dict[str, Any]]:
    """Values by dotted name of recipes drawn from what a space allows."""
    random = Random(0)
    for _ in range(DRAWS):
        point = space.sample_any(random)
        recipe = lay(grammar, fixed, point)
        if not space.forbidden(point) and not grammar.faults(recipe):
            yield flat(grammar, grammar.resolve(recipe))


def _place(clash: Conflict, fixed: Mapping[str, Any], space: Space) -> tuple[str, ...]:
    """The first of the choices that is written, where a reader can change it."""
    for name, _ in clash.when:
        if name in space.by_name:
            return ("space", name)
        if name in fixed:
            return ("recipe", name)
    return ("recipe",)
