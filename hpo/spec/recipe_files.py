"""Recipe files: one complete set of choices with where it comes from, read without executing anything.

``hpo export`` writes them, ``hpo train`` and ``start_from`` read them, and the published recipes
that ship are such files.
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

from hpo.core.grammar import Grammar
from hpo.spec.faults import Faults, shown, unknown
from hpo.spec.fields import Record
from hpo.spec.interface import Interface, find
from hpo.spec.provenance_fields import provenance_faults
from hpo.spec.yaml_text import read_text


class _Fields(Record):
    version: Literal[1]
    trainable: str = Field(min_length=1)
    recipe: dict[str, Any]
    provenance: dict[str, Any] = Field(default={})


@dataclass(frozen=True)
class RecipeFile:
    """What a recipe file says.

    Attributes:
        trainable: Shipped name, or ``module:attribute``.
        recipe: Choices as written; `Grammar.resolve` completes them.
        provenance: Where it comes from: a search, or a paper.
    """

    trainable: str
    recipe: Mapping[str, Any]
    provenance: Mapping[str, Any] = field(default_factory=dict)


def read_recipe(path: Path, trainables: Mapping[str, Interface] | None = None) -> RecipeFile:
    """Read a recipe file and hold it against its trainable's tables.

    Args:
        path: A YAML or JSON file.
        trainables: The trainables it may be for; no code of a user's is imported then. By default
            the shipped ones, and a user's own, which is inspected in a process of its own.

    Raises:
        InvalidSpec: With every fault.
    """
    text = read_text(path)
    faults = Faults(str(path), text.lines, text.faults)
    fields = _fields(text.value, faults)
    faults.raise_any()
    assert fields is not None
    provenance_faults(fields.provenance, faults)
    if trainables is None:
        interface = find(fields.trainable, path.absolute().parent, faults)
    else:
        interface = trainables.get(fields.trainable)
        if interface is None:
            legal = unknown(fields.trainable, trainables, "is another trainable")
            faults.add(("trainable",), f"{shown(fields.trainable)}: {legal}")
    if interface is not None:
        recipe_faults(fields.recipe, interface.grammar, faults)
    faults.raise_any()
    return RecipeFile(fields.trainable, fields.recipe, fields.provenance)


def recipe_faults(recipe: Mapping[str, Any], grammar: Grammar, faults: Faults) -> None:
    """Gather everything a grammar has against a recipe."""
    for fault in grammar.faults(recipe):
        faults.add(("recipe", *fault.path.split(".")), fault.message)


def _fields(value: Any, faults: Faults) -> _Fields | None:
    legal = list(_Fields.model_fields)
    if not isinstance(value, Mapping):
        faults.add((), f"{shown(value)} is no recipe file; legal keys: {', '.join(legal)}")
        return None
    try:
        return _Fields.model_validate(dict(value))
    except ValidationError as error:
        for each in error.errors(include_url=False):
            name = str(each["loc"][0])
            if each["type"] == "extra_forbidden":
                faults.add((name,), unknown(name, legal))
            elif each["type"] == "missing":
                faults.add((name,), "is missing")
            else:
                faults.add(each["loc"][:2], f"{shown(each['input'])}: {each['msg']}")
        return None


def recipe_text(recipe: RecipeFile, format: Literal["yaml", "json"] = "yaml") -> str:
    """A recipe file's text; `read_recipe` gives back what was written."""
    content = {
        "version": 1,
        "trainable": recipe.trainable,
        "recipe": _plain(recipe.recipe),
        "provenance": _plain(recipe.provenance),
    }
    if format == "json":
        return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return yaml_text(content)


def yaml_text(content: Mapping[str, Any]) -> str:
    """Plain values as YAML 1.2 in the order given."""
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.allow_unicode = True
    writer.width = 100
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    stream = io.StringIO()
    writer.dump(dict(content), stream)
    return stream.getvalue()


def _plain(value: Any) -> Any:
    """The same value as JSON would give it back: mappings, lists and scalars alone."""
    return json.loads(json.dumps(value, allow_nan=False, default=dict))
