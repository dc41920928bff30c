"""Points and recipes: a point laid over the fixed recipe, and the point at which a recipe lies."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from hpo.core.grammar import Grammar, Group
from hpo.core.space import Choice, Domain, Integer, Point, Space, Uniform


def lay(grammar: Grammar, fixed: Mapping[str, Any], point: Point) -> dict[str, Any]:
    """Lay a point of a space over fixed choices.

    Where the point names a part, what the fixed choices say of other parts of its group is left
    out: a fixed momentum is for SGD alone.

    Args:
        grammar: What a recipe may say.
        fixed: Nested choices, short forms allowed.
        point: Values by dotted name.

    Returns:
        Nested choices, not yet completed with defaults.
    """
    groups = {group.name: group for group in grammar.groups}
    switches = {group.name: frozenset(group.names) for group in grammar.groups if group.many}
    recipe = {name: _opened(groups.get(name), said) for name, said in fixed.items()}
    for name, value in point.items():
        head, _, rest = name.partition(".")
        if head not in groups:
            recipe[name] = value
            continue
        within = recipe.setdefault(head, {})
        if not rest:
            within["name"] = value
        elif rest in switches.get(head, ()):
            within[rest] = (within.get(rest) or {}) if value else False
        else:
            *middle, last = rest.split(".")
            for step in middle:
                within = within[step]
            within[last] = value
    for head, group in groups.items():
        if head in point:
            recipe[head] = _taken(group, recipe[head])
    return recipe


def _opened(group: Group | None, said: Any) -> Any:
    """A copy of what is said of one name, short forms written out."""
    if group is None:
        return said
    if isinstance(said, str):
        return {"name": said}
    said = dict(said or {})
    names = group.names if group.many else ()
    for name, switch in said.items():
        if name in names:
            said[name] = dict(switch) if isinstance(switch, Mapping) else ({} if switch else False)
    return said


def _taken(group: Group, said: Mapping[str, Any]) -> dict[str, Any]:
    """What the chosen part of a group takes of what is said."""
    part = group.part(said["name"])
    own = {"name", *(each.name for each in group.hyperparameters + part.hyperparameters)}
    return {name: value for name, value in said.items() if name in own}


def flat(grammar: Grammar, recipe: Mapping[str, Any]) -> dict[str, Any]:
    """A complete recipe's values by the dotted names that a space uses.

    Parts that are off are false; a chosen part is its group's value.
    """
    values = {own.name: recipe.get(own.name, own.default) for own in grammar.hyperparameters}
    for group in grammar.groups:
        said = recipe[group.name]
        names = group.names if group.many else ()
        for part in names:
            values[f"{group.name}.{part}"] = part in said
        for key, value in said.items():
            if isinstance(value, Mapping):
                values.update({f"{group.name}.{key}.{name}": inner for name, inner in value.items()})
            elif key == "name" and not group.many:
                values[group.name] = value
            elif key not in names:
                values[f"{group.name}.{key}"] = value
        values = dict(_left_out(group, said)) | values
    return values


def _left_out(group: Group, chosen: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the defaults that the normal form leaves out."""
    yield from ((f"{group.name}.{own.name}", own.default) for own in group.hyperparameters if own.added)
    for part in group.parts:
        if part.name in chosen if group.many else part.name == chosen["name"]:
            prefix = f"{group.name}.{part.name}" if group.many else group.name
            yield from ((f"{prefix}.{own.name}", own.default) for own in part.hyperparameters if own.added)


def locate(space: Space, values: Mapping[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The point of a space that is nearest to a recipe.

    Args:
        space: The space.
        values: The recipe's values by dotted name.

    Returns:
        A complete point (it may still be forbidden), and (parameter, message) pairs of what was
        changed to fit.
    """
    point: dict[str, Any] = {}
    changed = []
    for parameter in space.parameters:
        if not space.exists(parameter, point):
            continue
        value = values.get(parameter.name)
        if parameter.domain.contains(value):
            point[parameter.name] = value
            continue
        near = nearest(parameter.domain, value)
        point[parameter.name] = near
        changed.append(
            (parameter.name, f"{value!r} is not {parameter.domain.legal()[:200]}; {near!r} is tried")
        )
    return point, changed


def nearest(domain: Domain, value: Any) -> Any:
    """The legal value nearest to any value; for what has no order, the first choice."""
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if isinstance(domain, Choice):
        ordered = [v for v in domain.values if isinstance(v, int | float) and not isinstance(v, bool)]
        if number and len(ordered) == len(domain.values):
            return min(ordered, key=lambda choice: abs(choice - value))
        return domain.values[0]
    if not number:
        return _middle(domain)
    value = min(max(value, domain.low), domain.high)
    if isinstance(domain, Integer):
        return round(value)
    if domain.step is None:
        return float(value)
    return domain.at(min(round((value - domain.low) / domain.step), int(domain.count()) - 1))


def _middle(domain: Uniform | Integer) -> float:
    middle = math.sqrt(domain.low * domain.high) if domain.log else (domain.low + domain.high) / 2
    return nearest(domain, middle)  # type: ignore[no-any-return]
