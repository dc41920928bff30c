"""Read and write recipe files: a complete set of choices and its provenance.

``hpo export`` writes them, ``hpo train`` and ``start_from`` read them, and the shipped published
recipes are such files. Reading one executes nothing.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from ruamel.yaml import YAML

from hpo.core.command import ScriptCommand
from hpo.core.grammar import Grammar
from hpo.core.json_values import JsonFields, RecipeFields
from hpo.spec.commands import command_name
from hpo.spec.faults import Faults, shown, unknown
from hpo.spec.field_types import Record
from hpo.spec.interface import Interface, find
from hpo.spec.provenance_fields import provenance_faults
from hpo.spec.trusted_code import module_file
from hpo.spec.yaml_text import read_text


class _Fields(Record):
    version: Literal[1]
    trainable: str = Field(min_length=1)
    recipe: dict[str, Any]
    provenance: dict[str, Any] = Field(default={})


@dataclass(frozen=True)
class RecipeFile:
    """The content of a recipe file.

    Attributes:
        trainable: Shipped name, or ``module:attribute``.
        recipe: Choices as written; `Grammar.resolve` completes them.
        provenance: Its origin: a search, or a paper.
    """

    trainable: str
    recipe: RecipeFields
    provenance: JsonFields = field(default_factory=dict)


def read_recipe(path: Path, trainables: Mapping[str, Interface] | None = None) -> RecipeFile:
    """Read a recipe file and check it against its trainable's grammar.

    Args:
        path: A YAML or JSON file.
        trainables: The trainables it may be for; no user code is imported then. By default the
            shipped ones and the user's own, which are inspected in a separate process.

    Raises:
        InvalidSpec: With every fault.
    """
    text = read_text(path)
    faults = Faults(str(path), text.lines, text.faults)
    fields = _fields(_named(text.value, faults), faults)
    faults.raise_any()
    assert fields is not None
    provenance_faults(fields.provenance, faults)
    if trainables is None:
        interface = find(fields.trainable, code_folder(fields.trainable, path, fields.provenance), faults)
    else:
        interface = trainables.get(fields.trainable)
        if interface is None:
            legal = unknown(fields.trainable, trainables, "is a different trainable")
            faults.add(("trainable",), f"{shown(fields.trainable)}: {legal}")
    if interface is not None:
        recipe_faults(fields.recipe, interface.grammar, faults)
    faults.raise_any()
    return RecipeFile(fields.trainable, fields.recipe, fields.provenance)


def is_recipe(path: Path) -> bool:
    """Return whether a file is a recipe and not a spec, without checking it.

    Raises:
        InvalidSpec: If it cannot be read.
    """
    document = read_text(path).value
    return isinstance(document, Mapping) and "recipe" in document and "space" not in document


def code_folder(trainable: str, path: Path, provenance: JsonFields) -> Path:
    """Return the folder of a user's own code: the recipe's if the code is there, else that of its search."""
    beside = path.absolute().parent
    base, command = provenance.get("base"), ScriptCommand.of(trainable)
    has_code = bool(command.files(beside)) if command else module_file(trainable, beside) is not None
    return beside if base is None or has_code else Path(str(base))


def recipe_faults(recipe: RecipeFields, grammar: Grammar, faults: Faults) -> None:
    """Report the faults of a recipe under a grammar."""
    for fault in grammar.faults(recipe):
        faults.add(("recipe", *fault.path.split(".")), fault.message)


def _named(value: Any, faults: Faults) -> Any:
    """Return a recipe's document with the name of its trainable, if that is written as a command."""
    trainable = value.get("trainable") if isinstance(value, Mapping) else None
    if not isinstance(trainable, Mapping) or "command" not in trainable:
        return value
    recipe = value.get("recipe")
    name = command_name(trainable, {}, recipe if isinstance(recipe, Mapping) else {}, faults)
    return {**value, "trainable": name}


def _fields(value: Any, faults: Faults) -> _Fields | None:
    legal = list(_Fields.model_fields)
    if not isinstance(value, Mapping):
        faults.add((), f"{shown(value)} is not a recipe file; legal keys: {', '.join(legal)}")
        return None
    try:
        return _Fields.model_validate(dict(value))
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            name = str(detail["loc"][0])
            if detail["type"] == "extra_forbidden":
                faults.add((name,), unknown(name, legal))
            elif detail["type"] == "missing":
                faults.add((name,), "is missing")
            else:
                faults.add(detail["loc"][:2], f"{shown(detail['input'])}: {detail['msg']}")
        return None


def recipe_text(recipe: RecipeFile, format: Literal["yaml", "json"] = "yaml") -> str:
    """Return the text of a recipe file, which `read_recipe` turns back into an equal recipe."""
    command = ScriptCommand.of(recipe.trainable)
    content = {
        "version": 1,
        "trainable": command.to_json() if command else recipe.trainable,
        "recipe": _plain(recipe.recipe),
        "provenance": _plain(recipe.provenance),
    }
    if format == "json":
        return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return yaml_text(content)


def yaml_text(content: JsonFields) -> str:
    """Return plain values as YAML 1.2, in the given order."""
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.allow_unicode = True
    writer.width = 100
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    stream = io.StringIO()
    writer.dump(dict(content), stream)
    return stream.getvalue()


def _plain(value: Any) -> Any:
    """Return the value as JSON would give it back: only mappings, lists and scalars."""
    return json.loads(json.dumps(value, allow_nan=False, default=dict))
