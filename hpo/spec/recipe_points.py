"""Convert between points and recipes: lay a point over a recipe, or find a recipe's point."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from hpo.core.formatting import plain
from hpo.core.grammar import Grammar, Group
from hpo.core.json_values import RecipeFields
from hpo.core.space import Choice, Domain, Integer, Point, Space, Uniform


def lay(grammar: Grammar, fixed: RecipeFields, point: Point) -> RecipeFields:
    """Lay a point of a space over fixed choices.

    If the point chooses a part, fixed settings of the other parts of its group are left out: a
    fixed momentum applies to SGD only.

    Args:
        grammar: What a recipe can contain.
        fixed: Nested choices, short forms allowed.
        point: Values by dotted name.

    Returns:
        Nested choices, not yet completed with defaults.
    """
    groups = {group.name: group for group in grammar.groups}
    switches = {group.name: frozenset(group.names) for group in grammar.groups if group.many}
    recipe = {name: _opened(groups.get(name), choice) for name, choice in fixed.items()}
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
            recipe[head] = _accepted(group, recipe[head])
    return recipe


def _opened(group: Group | None, choice: Any) -> Any:
    """Copy the choice for one name, with short forms written out."""
    if group is None:
        return choice
    if isinstance(choice, str):
        return {"name": choice}
    settings = dict(choice or {})
    names = group.names if group.many else ()
    for name, switch in settings.items():
        if name in names:
            settings[name] = dict(switch) if isinstance(switch, Mapping) else ({} if switch else False)
    return settings


def _accepted(group: Group, settings: RecipeFields) -> dict[str, Any]:
    """Keep the settings that the chosen part of a group accepts."""
    part = group.part(settings["name"])
    names = {"name", *(parameter.name for parameter in group.hyperparameters + part.hyperparameters)}
    return {name: value for name, value in settings.items() if name in names}


def flat(grammar: Grammar, recipe: RecipeFields) -> RecipeFields:
    """Return the values of a complete recipe by the dotted names that a space uses.

    Parts that are off are false; the value of a group is its chosen part.
    """
    values = {
        parameter.name: recipe.get(parameter.name, parameter.default) for parameter in grammar.hyperparameters
    }
    for group in grammar.groups:
        settings = recipe[group.name]
        names = group.names if group.many else ()
        for part in names:
            values[f"{group.name}.{part}"] = part in settings
        for key, value in settings.items():
            if isinstance(value, Mapping):
                values.update({f"{group.name}.{key}.{name}": inner for name, inner in value.items()})
            elif key == "name" and not group.many:
                values[group.name] = value
            elif key not in names:
                values[f"{group.name}.{key}"] = value
        values = dict(_left_out(group, settings)) | values
    return values


def _left_out(group: Group, chosen: RecipeFields) -> Iterator[tuple[str, Any]]:
    """Yield the defaults that the normal form leaves out."""
    yield from (
        (f"{group.name}.{hyperparameter.name}", hyperparameter.default)
        for hyperparameter in group.hyperparameters
        if hyperparameter.added
    )
    for part in group.parts:
        if part.name in chosen if group.many else part.name == chosen["name"]:
            prefix = f"{group.name}.{part.name}" if group.many else group.name
            yield from (
                (f"{prefix}.{hyperparameter.name}", hyperparameter.default)
                for hyperparameter in part.hyperparameters
                if hyperparameter.added
            )


def locate(space: Space, values: Point) -> tuple[Point, list[tuple[str, str]]]:
    """Return the point of a space that is nearest to a recipe.

    Args:
        space: The space.
        values: The recipe's values by dotted name.

    Returns:
        A complete point, which may still be forbidden, and (parameter, message) pairs for the
        values that were changed to fit.
    """
    point: dict[str, Any] = {}
    changed = []
    for parameter in space.parameters:
        if not space.exists(parameter, point):
            continue
        value = _value(values, parameter.name)
        if parameter.domain.contains(value):
            point[parameter.name] = value
            continue
        near = nearest(parameter.domain, value)
        point[parameter.name] = near
        changed.append(
            (parameter.name, f"{plain(value)} is not {parameter.domain.legal()[:200]}; using {plain(near)}")
        )
    return point, changed


def _value(values: Point, name: str) -> Any:
    """Return a recipe's value for a parameter, which may be an element of a list such as ``widths[2]``."""
    start, bracket, rest = name.partition("[")
    if name in values or not bracket:
        return values.get(name)
    items, number = values.get(start), int(rest.removesuffix("]"))
    return items[number - 1] if isinstance(items, list | tuple) and len(items) >= number else None


def nearest(domain: Domain, value: Any) -> Any:
    """Return the legal value nearest to a value; the first choice if values have no order."""
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
        return domain.low + domain.step * round((value - domain.low) / domain.step)
    if domain.step is None:
        return float(value)
    return domain.at(min(round((value - domain.low) / domain.step), int(domain.count()) - 1))


def _middle(domain: Uniform | Integer) -> float:
    middle = math.sqrt(domain.low * domain.high) if domain.log else (domain.low + domain.high) / 2
    return nearest(domain, middle)  # type: ignore[no-any-return]
