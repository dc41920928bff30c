"""An ablation as a search: the space of what can be switched off in a recipe, one thing at a time.

Its first point is the recipe as it is, each further one the recipe with one component off, and
there are no others. All of them are finalists, so each is trained on the same fresh seeds.
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

WHOLE = ("model", "optimizer")
"""Groups of which something must be there, and another part would want another learning rate."""

PLAIN: Mapping[str, str] = {"schedule": "constant"}
"""What stands for off in a group that has no part called none."""


@dataclass(frozen=True, slots=True)
class Component:
    """Something in a recipe that can be switched off.

    Attributes:
        name: Dotted, as a space names it.
        own: What the recipe says.
        off: What is said instead.
    """

    name: str
    own: Any
    off: Any


def components(grammar: Grammar, recipe: Mapping[str, Any]) -> list[Component]:
    """Everything in a recipe that can be switched off, in the grammar's order.

    Of a group of which several parts can be on, each part that is; of any other group its part, for
    which ``none`` or the group's default takes the place, and each value that is 0 or false unless
    a recipe says otherwise.

    Raises:
        ValueError: If the grammar refuses the recipe.
    """
    values = flat(grammar, grammar.resolve(recipe))
    return [each for group in grammar.groups if group.name not in WHOLE for each in _within(group, values)]


def _within(group: Group, values: Mapping[str, Any]) -> Iterator[Component]:
    if group.many:
        for name in group.names:
            if values[f"{group.name}.{name}"]:
                yield Component(f"{group.name}.{name}", True, False)
        return
    own, off = values[group.name], _off(group)
    if own != off:
        yield Component(group.name, own, off)
    for each in group.hyperparameters + group.part(own).hyperparameters:
        place = f"{group.name}.{each.name}"
        nothing = each.kind in ("bool", "int", "float") and each.default is not None and not each.default
        if nothing and values[place] != each.default:
            yield Component(place, values[place], each.default)


def _off(group: Group) -> str | None:
    return "none" if "none" in group.names else PLAIN.get(group.name, group.default)


def ablation_document(
    recipe: RecipeFile,
    path: Path,
    *,
    seeds: int,
    only: Sequence[str] = (),
    settings: Sequence[str] = (),
) -> SearchSpec:
    """The search that an ablation is.

    Args:
        recipe: What is taken apart.
        path: Its file.
        seeds: Fresh seeds, the same for every variant.
        only: Names of components; all there are by default.
        settings: ``key=value`` for any other field, the data above all where the file names none.

    Raises:
        UserError: If there is nothing to switch off, or no such component.
        InvalidSpec: If the data are not named, or a setting is wrong.
    """
    said = recipe.provenance
    base = Path(said.get("base") or path.absolute().parent)
    chosen = _chosen(recipe, base, only, path)
    variants = 1 + len(chosen)
    epochs = recipe.recipe.get(HORIZON) or said.get("horizon")
    gpu = {"gpus": 1.0} if said.get("device") == "cuda" else {}
    document: dict[str, Any] = {
        "version": 1,
        "name": f"ablate-{said.get('search') or path.stem}"[:60],
        "description": f"{path.name} with one component off at a time",
        "trainable": recipe.trainable,
        "recipe": dict(recipe.recipe),
        "space": {each.name: {"choice": [each.own, each.off]} for each in chosen},
        "start_from": [{}, *({each.name: each.off} for each in chosen)],
        "sampler": "random",
        "scheduler": {"name": "none"} | ({"max_epochs": epochs} if epochs else {}),
        "budget": {"trials": variants},
        "resources": {"threads": int(said.get("threads", 1))} | gpu,
        "finalists": {"count": variants, "seeds": seeds},
        "limits": {"same_failures": variants},
    }
    if isinstance(said.get("data"), Mapping):
        document["data"] = dict(said["data"])
    if isinstance(said.get("objective"), Mapping):
        document["objective"] = dict(said["objective"])
    faults = Faults(str(path))
    document = override(document, settings, faults)
    faults.raise_any()
    if "data" not in document:
        raise UserError(
            f"{path}: does not say on what to train; name the data with --set data.source=NAME, "
            "and what it needs with --set data.arguments.KEY=VALUE"
        )
    return parse_spec(document, str(path), base)


def _chosen(recipe: RecipeFile, base: Path, only: Sequence[str], path: Path) -> list[Component]:
    interface = find(recipe.trainable, base, Faults(str(path)))
    assert interface is not None  # the file was read with it
    found = components(interface.grammar, recipe.recipe)
    if not found:
        raise UserError(f"{path}: has nothing that could be switched off")
    known = [each.name for each in found]
    strange = [name for name in only if name not in known]
    if strange:
        raise UserError(f"--components {', '.join(strange)}: not on in {path}; legal: {', '.join(known)}")
    return [each for each in found if not only or each.name in only]
