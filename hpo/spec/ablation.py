"""Express an ablation as a search over the components of a recipe that can be switched off.

The first point is the complete recipe; every other point switches one component off. All points
become finalists, so each variant is trained on the same fresh seeds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.core.errors import UserError
from hpo.core.grammar import Grammar, Group
from hpo.spec.faults import Faults
from hpo.spec.interface import find
from hpo.spec.overrides import override
from hpo.spec.parsing import parse_spec
from hpo.spec.recipe_files import RecipeFile
from hpo.spec.recipe_points import flat
from hpo.spec.search_spec import SearchSpec
from hpo.spec.space_building import HORIZON

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


def components(grammar: Grammar, recipe: Mapping[str, Any]) -> list[Component]:
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


def _within(group: Group, values: Mapping[str, Any]) -> Iterator[Component]:
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
    settings: Sequence[str] = (),
) -> SearchSpec:
    """Return the search that performs an ablation.

    Args:
        recipe: The recipe to ablate.
        path: Its file.
        seeds: Number of fresh seeds, the same for every variant.
        only: Names of components; all components by default.
        settings: ``key=value`` for any other field, such as the data if the file does not name any.

    Raises:
        UserError: If nothing can be switched off, a component is unknown, or the data is missing.
        InvalidSpec: If a setting is wrong.
    """
    provenance = recipe.provenance
    base = Path(provenance.get("base") or path.absolute().parent)
    chosen = _chosen(recipe, base, only, path)
    variants = 1 + len(chosen)
    epochs = recipe.recipe.get(HORIZON) or provenance.get("horizon")
    gpu = {"gpus": 1.0} if provenance.get("device") == "cuda" else {}
    document: dict[str, Any] = {
        "version": 1,
        "name": f"ablate-{provenance.get('search') or path.stem}"[:60],
        "description": f"{path.name} with one component off at a time",
        "trainable": recipe.trainable,
        "recipe": dict(recipe.recipe),
        "space": {part.name: {"choice": [part.on, part.off]} for part in chosen},
        "start_from": [{}, *({part.name: part.off} for part in chosen)],
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


def _chosen(recipe: RecipeFile, base: Path, only: Sequence[str], path: Path) -> list[Component]:
    interface = find(recipe.trainable, base, Faults(str(path)))
    assert interface is not None  # the file was read with it
    available = components(interface.grammar, recipe.recipe)
    if not available:
        raise UserError(f"{path}: nothing in this recipe can be switched off")
    names = [component.name for component in available]
    unused = [name for name in only if name not in names]
    if unused:
        raise UserError(f"--components {', '.join(unused)}: not used by {path}; legal: {', '.join(names)}")
    return [component for component in available if not only or component.name in only]
