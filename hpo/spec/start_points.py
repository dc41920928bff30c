"""Points that a search tries first: written ones, and recipes mapped onto the space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo.core.errors import InvalidSpec
from hpo.core.grammar import Grammar
from hpo.core.space import Space
from hpo.spec.builtin import locate_recipe
from hpo.spec.faults import Faults, Place, shown, unknown
from hpo.spec.interface import Interface
from hpo.spec.recipe_files import read_recipe
from hpo.spec.recipe_points import flat, lay, locate
from hpo.spec.search_spec import SearchSpec
from hpo.spec.space_building import HORIZON


def starting_points(
    said: Sequence[Any],
    fixed: Mapping[str, Any],
    trainable: str,
    grammar: Grammar,
    space: Space,
    base: Path,
    faults: Faults,
) -> list[dict[str, Any]]:
    """Complete points of the space, in the order written.

    A written point must fit; what it leaves out comes from the fixed recipe. Of a recipe file,
    whatever does not fit is reported as a warning and the nearest legal value is taken.

    Args:
        said: Points (dotted or nested) and names or paths of recipe files.
        fixed: The fixed recipe.
        trainable: Name of the spec's trainable.
        grammar: What a recipe may say.
        space: The space.
        base: Folder that paths start from.
        faults: Gathers what is wrong.
    """
    points: list[dict[str, Any]] = []
    for number, each in enumerate(said):
        place: Place = ("start_from", number)
        if isinstance(each, Mapping):
            point = _written(each, fixed, grammar, space, place, faults)
        elif isinstance(each, str):
            point = _from_file(each, fixed, trainable, grammar, space, base, place, faults)
        else:
            faults.add(place, f"{shown(each)} is neither a point nor the name of a recipe file")
            continue
        if point is not None and point not in points:
            points.append(point)
    return points


def _written(
    said: Mapping[str, Any],
    fixed: Mapping[str, Any],
    grammar: Grammar,
    space: Space,
    place: Place,
    faults: Faults,
) -> dict[str, Any] | None:
    given = _dotted(said, grammar)
    strange = [name for name in given if name not in space.by_name]
    for name in strange:
        faults.add((*place, name), unknown(name, space.by_name, "is no parameter of the space"))
    point, changed = locate(space, {**_defaults(grammar, fixed), **given})
    for name, message in changed:
        if name in given:
            faults.add((*place, name), message.partition(";")[0])
    for name in given:
        if name in space.by_name and name not in point:
            faults.add((*place, name), f"{shown(given[name])}: does not exist under the other choices")
    if space.forbidden(point):
        faults.add(place, f"{shown(point)} is a forbidden combination")
    return None if strange or faults.under(*place) else point


def _defaults(grammar: Grammar, fixed: Mapping[str, Any]) -> dict[str, Any]:
    """Values where nothing is written: the fixed recipe's, and below it the grammar's."""
    lowest = {name: slot.hyperparameter.default for name, slot in grammar.slots.items()}
    return lowest | flat(grammar, grammar.resolve(lay(grammar, fixed, {})))


def _dotted(said: Mapping[str, Any], grammar: Grammar) -> dict[str, Any]:
    """A point by dotted names, whether it was written so or nested as recipes are."""
    groups = {group.name: group for group in grammar.groups}
    found: dict[str, Any] = {}
    for name, value in said.items():
        if name not in groups or not isinstance(value, Mapping):
            found[name] = value
            continue
        for key, inner in value.items():
            if key == "name" and not groups[name].many:
                found[name] = inner
            elif isinstance(inner, Mapping):
                found[f"{name}.{key}"] = True
                found.update({f"{name}.{key}.{own}": each for own, each in inner.items()})
            else:
                found[f"{name}.{key}"] = inner
    return found


def recipe_point(spec: SearchSpec, name: str, place: Place) -> tuple[dict[str, Any] | None, list[str]]:
    """The point of a spec's space that is nearest to a recipe file, and what was changed to fit.

    Args:
        spec: The search.
        name: Path or name of the file.
        place: Where the spec names it.

    Raises:
        InvalidSpec: If there is no such file, or it has faults.
    """
    faults = Faults(spec.name)
    point = _from_file(name, spec.recipe, spec.trainable, spec.grammar, spec.space, spec.base, place, faults)
    faults.raise_any()
    return point, list(faults.warnings)


def _from_file(
    name: str,
    fixed: Mapping[str, Any],
    trainable: str,
    grammar: Grammar,
    space: Space,
    base: Path,
    place: Place,
    faults: Faults,
) -> dict[str, Any] | None:
    path = locate_recipe(name, base)
    try:
        recipe = read_recipe(path, {trainable: Interface(grammar, ())})
    except InvalidSpec as invalid:
        for fault in invalid.faults:
            at = f":{fault.line}" if fault.line else ""
            faults.add(place, f"{shown(name)}{at}: {fault.path}: {fault.message}")
        return None
    values = flat(grammar, grammar.resolve(recipe.recipe))
    point, changed = locate(space, {**_defaults(grammar, fixed), **values})
    for parameter, message in changed:
        if parameter in values:
            faults.warn(f"{place[0]}: {name}: {parameter}: {message}")
    unsaid = [parameter for parameter in point if parameter not in values]
    if unsaid:
        faults.warn(f"{place[0]}: {name}: says nothing of {', '.join(unsaid)}; the defaults are tried")
    kept = _kept(values, flat(grammar, grammar.resolve(lay(grammar, fixed, point))), space)
    if kept:
        faults.warn(f"{place[0]}: {name}: the space does not vary, and the search keeps, {', '.join(kept)}")
    if space.forbidden(point):
        faults.warn(f"{place[0]}: {name}: is left out, as the nearest point is a forbidden combination")
        return None
    return point


def _kept(wanted: Mapping[str, Any], used: Mapping[str, Any], space: Space) -> list[str]:
    """Choices of a recipe that the search decides otherwise, with its own; at most a dozen."""
    names = [
        name
        for name in used
        if name not in space.by_name and name != HORIZON and wanted.get(name) != used[name]
    ]
    shortened = [f"{name}: {used[name]!r} (there {wanted.get(name)!r})" for name in names[:12]]
    return [*shortened, f"and {len(names) - 12} more"] if len(names) > 12 else shortened
