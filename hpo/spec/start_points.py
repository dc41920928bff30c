"""Resolve the points that a search tries first: written points, and recipes mapped onto the space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo.core.errors import InvalidSpec
from hpo.core.formatting import plain
from hpo.core.grammar import Grammar
from hpo.core.json_values import RecipeFields
from hpo.core.space import Point, Space
from hpo.spec.builtin import locate_recipe
from hpo.spec.faults import Faults, FieldPath, shown, unknown
from hpo.spec.interface import Interface
from hpo.spec.recipe_files import read_recipe
from hpo.spec.recipe_points import flat, lay, locate
from hpo.spec.search_spec import SearchSpec
from hpo.spec.space_building import HORIZON


def starting_points(
    entries: Sequence[Any],
    fixed: RecipeFields,
    trainable: str,
    grammar: Grammar,
    space: Space,
    base: Path,
    faults: Faults,
) -> list[Point]:
    """Return complete points of the space, in the order written.

    A written point must fit; values that it leaves out come from the fixed recipe. Values of a
    recipe file that do not fit are reported as warnings and replaced by the nearest legal ones.

    Args:
        entries: Points (dotted or nested) and names or paths of recipe files.
        fixed: The fixed recipe.
        trainable: Name of the spec's trainable.
        grammar: What a recipe can contain.
        space: The space.
        base: Folder of relative paths.
        faults: Collects the faults.
    """
    points: list[Point] = []
    for number, entry in enumerate(entries):
        path: FieldPath = ("start_from", number)
        if isinstance(entry, Mapping):
            point = _written(entry, fixed, grammar, space, path, faults)
        elif isinstance(entry, str):
            point = _from_file(entry, fixed, trainable, grammar, space, base, path, faults)
        else:
            faults.add(path, f"{shown(entry)} is neither a point nor the name of a recipe file")
            continue
        if point is not None and point not in points:
            points.append(point)
    return points


def _written(
    entry: Point,
    fixed: RecipeFields,
    grammar: Grammar,
    space: Space,
    path: FieldPath,
    faults: Faults,
) -> Point | None:
    written = _dotted(entry, grammar)
    unexpected = [name for name in written if name not in space.by_name]
    for name in unexpected:
        faults.add((*path, name), unknown(name, space.by_name, "is not a parameter of the space"))
    point, changed = locate(space, {**_defaults(grammar, fixed), **written})
    for name, message in changed:
        if name in written:
            faults.add((*path, name), message.partition(";")[0])
    for name in written:
        if name in space.by_name and name not in point:
            faults.add((*path, name), f"{shown(written[name])}: does not exist under the other choices")
    if space.forbidden(point):
        faults.add(path, f"{shown(point)} is a forbidden combination")
    return None if unexpected or faults.under(*path) else point


def _defaults(grammar: Grammar, fixed: RecipeFields) -> RecipeFields:
    """Return the values that a point need not contain: the fixed recipe's, or else the grammar's."""
    lowest = {name: slot.hyperparameter.default for name, slot in grammar.slots.items()}
    return {**lowest, **flat(grammar, grammar.resolve(lay(grammar, fixed, {})))}


def _dotted(entry: Point, grammar: Grammar) -> dict[str, Any]:
    """Return a point by dotted names, whether it was written so or nested like a recipe."""
    groups = {group.name: group for group in grammar.groups}
    values: dict[str, Any] = {}
    for name, value in entry.items():
        if name not in groups or not isinstance(value, Mapping):
            values[name] = value
            continue
        for key, inner in value.items():
            if key == "name" and not groups[name].many:
                values[name] = inner
            elif isinstance(inner, Mapping):
                values[f"{name}.{key}"] = True
                values.update({f"{name}.{key}.{setting}": chosen for setting, chosen in inner.items()})
            else:
                values[f"{name}.{key}"] = inner
    return values


def recipe_point(spec: SearchSpec, name: str, path: FieldPath) -> tuple[Point | None, list[str]]:
    """Return the point of a spec's space that is nearest to a recipe file, and what was changed.

    Args:
        spec: The search.
        name: Path or name of the file.
        path: Field path of the name in the spec.

    Raises:
        InvalidSpec: If there is no such file, or it has faults.
    """
    faults = Faults(spec.name)
    point = _from_file(name, spec.recipe, spec.trainable, spec.grammar, spec.space, spec.base, path, faults)
    faults.raise_any()
    return point, list(faults.warnings)


def _from_file(
    name: str,
    fixed: RecipeFields,
    trainable: str,
    grammar: Grammar,
    space: Space,
    base: Path,
    path: FieldPath,
    faults: Faults,
) -> Point | None:
    file = locate_recipe(name, base)
    try:
        recipe = read_recipe(file, {trainable: Interface(grammar, ())})
    except InvalidSpec as invalid:
        for fault in invalid.faults:
            at = f":{fault.line}" if fault.line else ""
            faults.add(path, f"{shown(name)}{at}: {fault.path}: {fault.message}")
        return None
    values = flat(grammar, grammar.resolve(recipe.recipe))
    point, changed = locate(space, {**_defaults(grammar, fixed), **values})
    for parameter, message in changed:
        if parameter in values:
            faults.warn(f"{path[0]}: {name}: {parameter}: {message}")
    missing = [parameter for parameter in point if parameter not in values]
    if missing:
        faults.warn(f"{path[0]}: {name}: does not set {', '.join(missing)}; the defaults are used")
    if space.forbidden(point):
        faults.warn(f"{path[0]}: {name}: is left out: the nearest point is a forbidden combination")
        return None
    kept = _kept(values, flat(grammar, grammar.resolve(lay(grammar, fixed, space.completed(point)))), space)
    if kept:
        faults.warn(f"{path[0]}: {name}: the space does not vary these, the search keeps {', '.join(kept)}")
    return point


def _kept(wanted: Point, used: Point, space: Space) -> list[str]:
    """Describe the choices of a recipe that the search replaces by its own; at most a dozen."""
    names = [
        name
        for name in used
        if name not in space.by_name and name != HORIZON and wanted.get(name) != used[name]
    ]
    shortened = [f"{name}: {plain(used[name])} (instead of {plain(wanted.get(name))})" for name in names[:12]]
    return [*shortened, f"and {len(names) - 12} more"] if len(names) > 12 else shortened
