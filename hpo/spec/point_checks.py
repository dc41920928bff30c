"""Check a space by points drawn from it: complete recipes must be legal, and ``forbid`` must leave some."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from hpo.core.grammar import Grammar
from hpo.core.json_values import RecipeFields
from hpo.core.space import Choice, Domain, Parameter, Point, Space, Uniform
from hpo.spec.faults import Faults
from hpo.spec.recipe_points import lay

DRAWS = 2
"""Points completed for each part that a space offers."""


def check_points(space: Space, fixed: RecipeFields, grammar: Grammar, faults: Faults) -> None:
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


def _where(path: str, point: Point) -> str:
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
    if not space.derived and any(not space.forbidden(space.sample_any(random)) for _ in range(draws)):
        return  # the first allowed one is enough
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
