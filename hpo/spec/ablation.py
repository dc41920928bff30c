"""Express an ablation as a search over variants of a recipe.

The first point is the complete recipe; every other point switches one component off, or has the
values of a variant that the user names. All points become finalists, so each variant is trained on the
same fresh seeds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.core.errors import UserError
from hpo.core.formatting import plain
from hpo.core.grammar import Grammar, Group
from hpo.core.json_values import RecipeFields
from hpo.core.space import Point
from hpo.spec.faults import Faults, unknown
from hpo.spec.interface import find
from hpo.spec.overrides import override
from hpo.spec.parsing import parse_spec
from hpo.spec.recipe_files import RecipeFile
from hpo.spec.recipe_points import flat, lay
from hpo.spec.search_spec import SearchSpec
from hpo.spec.space_building import HORIZON
from hpo.spec.yaml_text import parse_text

REQUIRED = ("model", "optimizer")
"""Groups that cannot be off; replacing their part would call for another learning rate."""

OFF_PARTS: Mapping[str, str] = {"schedule": "constant"}
"""Part that means off in a group without a part named ``none``."""


@dataclass(frozen=True, slots=True)
class Component:
    """A part of a recipe that can be switched off.

    Attributes:
        name: Dotted name, as used in a space.
        on: Value in the recipe.
        off: Value that switches it off.
    """

    name: str
    on: Any
    off: Any


def components(grammar: Grammar, recipe: RecipeFields) -> list[Component]:
    """Return everything in a recipe that can be switched off, in the grammar's order.

    In a group that allows several parts, every part that is on is a component. In any other group
    the chosen part is one (off means ``none`` or the group's default), and so is every value whose
    default is 0 or false.

    Raises:
        ValueError: If the grammar rejects the recipe.
    """
    values = flat(grammar, grammar.resolve(recipe))
    return [
        component
        for group in grammar.groups
        if group.name not in REQUIRED
        for component in _within(group, values)
    ]


def _within(group: Group, values: RecipeFields) -> Iterator[Component]:
    if group.many:
        for name in group.names:
            if values[f"{group.name}.{name}"]:
                yield Component(f"{group.name}.{name}", True, False)
        return
    part, off = values[group.name], _off(group)
    if part != off:
        yield Component(group.name, part, off)
    for parameter in group.hyperparameters + group.part(part).hyperparameters:
        name, default = f"{group.name}.{parameter.name}", parameter.default
        off_by_default = parameter.kind in ("bool", "int", "float") and default is not None and not default
        if off_by_default and values[name] != default:
            yield Component(name, values[name], default)


def _off(group: Group) -> str | None:
    return "none" if "none" in group.names else OFF_PARTS.get(group.name, group.default)


def ablation_document(
    recipe: RecipeFile,
    path: Path,
    *,
    seeds: int,
    only: Sequence[str] = (),
    others: Sequence[str] = (),
    settings: Sequence[str] = (),
) -> SearchSpec:
    """Return the search that performs an ablation.

    Args:
        recipe: The recipe to ablate.
        path: Its file.
        seeds: Number of fresh seeds, the same for every variant.
        only: Names of components; all components by default, ``none`` for none of them.
        others: Other variants, each ``name=value,name=value`` with dotted names.
        settings: ``key=value`` for any other field, such as the data if the file does not name any.

    Raises:
        UserError: If there is no variant, a component or a name is unknown, or the data is missing.
        InvalidSpec: If a setting is wrong.
    """
    provenance = recipe.provenance
    base = Path(provenance.get("base") or path.absolute().parent)
    values, points = _variants(recipe, base, only, others, path)
    variants = 1 + len(points)
    epochs = recipe.recipe.get(HORIZON) or provenance.get("horizon")
    gpu = {"gpus": 1.0} if provenance.get("device") == "cuda" else {}
    document: dict[str, Any] = {
        "version": 1,
        "name": f"ablate-{provenance.get('search') or path.stem}"[:60],
        "description": f"{path.name} with one component off at a time",
        "trainable": recipe.trainable,
        "recipe": dict(recipe.recipe),
        "space": {name: {"choice": choice} for name, choice in values.items()},
        "start_from": [{}, *points],
        "sampler": "random",
        "scheduler": {"name": "none"} | ({"max_epochs": epochs} if epochs else {}),
        "budget": {"trials": variants},
        "resources": {"threads": int(provenance.get("threads", 1))} | gpu,
        "finalists": {"count": variants, "seeds": seeds},
        "limits": {"same_failures": variants},
    }
    if isinstance(provenance.get("data"), Mapping):
        document["data"] = dict(provenance["data"])
    if isinstance(provenance.get("objective"), Mapping):
        document["objective"] = dict(provenance["objective"])
    faults = Faults(str(path))
    document = override(document, settings, faults)
    faults.raise_any()
    if "data" not in document:
        raise UserError(
            f"{path}: does not name the data to train on; set it with --set data.source=NAME "
            "and its arguments with --set data.arguments.KEY=VALUE"
        )
    return parse_spec(document, str(path), base)


def _variants(
    recipe: RecipeFile, base: Path, only: Sequence[str], others: Sequence[str], path: Path
) -> tuple[dict[str, list[Any]], list[dict[str, Any]]]:
    """Return the values that each name takes, the recipe's first, and the variants' points.

    A point has a value for every name of any variant that exists in it. Otherwise a variant that leaves
    a setting at its default would get the value that another variant gives it.
    """
    interface = find(recipe.trainable, base, Faults(str(path)))
    assert interface is not None  # the file was read with it
    grammar = interface.grammar
    whole = grammar.resolve(recipe.recipe)
    written = [{part.name: part.off} for part in _chosen(grammar, recipe, only, others, path)]
    recipes = [grammar.resolve(lay(grammar, recipe.recipe, point)) for point in written]
    for text in others:
        point = _point(text, grammar)
        variant = _laid(text, point, grammar, recipe.recipe)
        if variant == whole:
            raise UserError(f"--with {text}: is the recipe itself")
        if variant not in recipes:
            written.append(point)
            recipes.append(variant)
    names = dict.fromkeys(name for point in written for name in point)
    own, *points = [
        {name: values[name] for name in names if name in values}
        for values in (flat(grammar, each) for each in (whole, *recipes))
    ]
    taken = {name: _distinct(point[name] for point in (own, *points) if name in point) for name in names}
    return taken, points


def _distinct(values: Iterable[Any]) -> list[Any]:
    distinct: list[Any] = []
    for value in values:
        if value not in distinct:
            distinct.append(value)
    return distinct


def _laid(text: str, point: Point, grammar: Grammar, recipe: RecipeFields) -> RecipeFields:
    """Return a recipe with the values of a variant."""
    present = {**flat(grammar, grammar.resolve(recipe)), **point}
    for name, value in point.items():
        slot = grammar.slots[name]
        if complaint := slot.hyperparameter.complaint(value):
            raise UserError(f"--with {text}: {name}: {complaint}")
        for switch, legal in slot.when:
            if present[switch] not in legal:
                choices = " or ".join(f"{switch}={plain(each)}" for each in legal)
                raise UserError(f"--with {text}: {name} exists only with {choices}")
    laid = lay(grammar, recipe, point)
    if faults := grammar.faults(laid):
        raise UserError(f"--with {text}: {faults[0].path}: {faults[0].message}")
    return grammar.resolve(laid)


def _chosen(
    grammar: Grammar, recipe: RecipeFile, only: Sequence[str], others: Sequence[str], path: Path
) -> list[Component]:
    if list(only) == ["none"] and others:
        return []
    available = components(grammar, recipe.recipe)
    if not available and not others:
        raise UserError(f"{path}: nothing in this recipe can be switched off")
    names = [component.name for component in available]
    unused = [name for name in only if name not in names]
    if unused:
        raise UserError(f"--components {', '.join(unused)}: not used by {path}; legal: {', '.join(names)}")
    return [component for component in available if not only or component.name in only]


def _point(text: str, grammar: Grammar) -> dict[str, Any]:
    """Read a variant: ``name=value,name=value``; a comma within a value's brackets does not separate."""
    point = {}
    for assignment in re.split(r",(?=[\w.]+=)", text):
        name, equals, value = (word.strip() for word in assignment.partition("="))
        if not equals or not name or not value:
            raise UserError(f"--with {text}: {assignment!r} is not of the form name=value")
        if name not in grammar.slots:
            raise UserError(f"--with {text}: {name} {unknown(name, grammar.slots)}")
        point[name] = parse_text(value, "--with").value
    return {name: point[name] for name in grammar.slots if name in point}
