"""A recipe written by hand: it names choices, and the spec beside it says on which data and how long."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from hpo.core.command import ScriptCommand, shown_trainable
from hpo.core.errors import InvalidSpec, UserError
from hpo.core.json_values import RecipeFields
from hpo.core.recipe import merge
from hpo.core.space import Point
from hpo.spec.faults import Faults
from hpo.spec.interface import find
from hpo.spec.parsing import read_spec
from hpo.spec.recipe_files import RecipeFile, code_folder
from hpo.spec.recipe_points import lay
from hpo.spec.search_spec import SearchSpec
from hpo.spec.space_building import HORIZON
from hpo.spec.yaml_text import read_text

NEEDED = ("data", "seed", "objective")
"""What the provenance of a recipe needs to be trained."""


def spec_of(path: Path, spec: Path | None = None) -> Path | None:
    """Return the spec that a recipe needs to be trained, without running code; None if it is an exported one.

    Args:
        path: The recipe file.
        spec: The spec that the user names; None for the only one beside the recipe.

    Raises:
        UserError: If there is not exactly one spec for its trainable, or an exported recipe needs none.
        InvalidSpec: If the recipe cannot be read.
    """
    document = read_text(path).value
    fields = document if isinstance(document, dict) else {}
    provenance = fields.get("provenance")
    if isinstance(provenance, dict) and any(key in provenance for key in NEEDED):
        if spec is not None:
            raise UserError(f"--spec: {path} says itself which data to train on")
        return None
    if "trainable" not in fields:  # not a recipe, which reading it says
        return spec
    return spec or _spec_beside(_name(fields["trainable"]), path)


def with_spec(recipe: RecipeFile, path: Path, file: Path) -> RecipeFile:
    """Return a hand-written recipe with all its choices and the provenance that a spec gives it.

    Args:
        recipe: The file's content.
        path: The file.
        file: A spec for the same trainable.

    Raises:
        UserError: If it is for another trainable.
        InvalidSpec: If the spec has faults.
    """
    read = read_spec(file)
    if _comparable(read.trainable) != _comparable(recipe.trainable):
        ours, theirs = shown_trainable(recipe.trainable), shown_trainable(read.trainable)
        raise UserError(f"{path} is for {ours}, and {file} for {theirs}")
    choices: dict[str, Any] = merge(read.recipe, recipe.recipe)
    if HORIZON in read.grammar.slots:
        choices.setdefault(HORIZON, read.horizon)
    return RecipeFile(read.trainable, read.grammar.resolve(choices), _provenance(read))


def changed(recipe: RecipeFile, path: Path, choices: Point, values: Point) -> RecipeFields:
    """Return a recipe's choices with other values.

    Args:
        recipe: The file's content.
        path: The file.
        choices: The choices to change.
        values: The new values by dotted name.

    Raises:
        UserError: If a value is not legal.
    """
    faults = Faults(str(path))
    interface = find(recipe.trainable, code_folder(recipe.trainable, path, recipe.provenance), faults)
    faults.raise_any()
    assert interface is not None
    try:
        return dict(interface.grammar.resolve(lay(interface.grammar, choices, values)))
    except (ValueError, KeyError) as error:
        raise UserError(f"--set: {error}") from error


def _provenance(spec: SearchSpec) -> dict[str, Any]:
    objective = spec.objective
    return {
        "data": spec.document["data"],
        "seed": spec.seed,
        "objective": {"metric": objective.metric, "mode": objective.mode, "at": objective.at},
        "horizon": spec.horizon,
        "threads": spec.resources.threads,
        **spec.resources.several_processes,
        "device": "cuda" if spec.resources.gpus else "cpu",
        "base": str(spec.base),
    }


def _spec_beside(trainable: str, path: Path) -> Path:
    folder = path.absolute().parent
    specs = [file for file in sorted(folder.glob("*.y*ml")) if _is_spec_for(file, trainable)]
    if len(specs) == 1:
        return specs[0]
    names = ", ".join(file.name for file in specs) or "there is none"
    raise UserError(
        f"{path} does not say which data to train on, so it needs exactly one spec for {trainable} in "
        f"its folder: {names}; name one with --spec"
    )


def _is_spec_for(file: Path, trainable: str) -> bool:
    try:
        document = read_text(file).value
    except InvalidSpec:
        return False
    if not isinstance(document, dict) or "space" not in document:
        return False
    return trainable == _name(document.get("trainable"))


def _name(trainable: Any) -> str:
    """Return the name in a document's ``trainable``; commands are compared after they were read."""
    if isinstance(trainable, dict):
        return "command" if "command" in trainable else str(trainable.get("name"))
    return str(trainable)


def _comparable(trainable: str) -> Any:
    """Return what makes a trainable the same: of a command not the kinds of its hyperparameters."""
    command = ScriptCommand.of(trainable)
    return replace(command, parameters={}) if command else trainable
