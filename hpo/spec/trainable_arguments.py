"""Constants of a user's training function: `trainable: {name: module:function, arguments: {...}}`.

They are parameters of the function like any other, but no choice of a recipe's author: a spec sets them
once, beside the name, and its space cannot vary them. On record they are part of the fixed recipe.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpo.spec.commands import command_unfolded
from hpo.spec.faults import Faults, shown, unknown

KEYS = ("name", "arguments")


def unfolded(document: Any, faults: Faults) -> Any:
    """Return a document with the trainable's name alone, and its arguments in the recipe.

    Args:
        document: A spec as it was written.
        faults: Collects the faults.
    """
    trainable = document.get("trainable") if isinstance(document, Mapping) else None
    if not isinstance(trainable, Mapping):
        return document
    if "command" in trainable:
        return command_unfolded(document, faults)
    for key in trainable:
        if key not in KEYS:
            faults.add(("trainable", str(key)), unknown(str(key), KEYS))
    if "name" not in trainable:
        faults.add(
            ("trainable", "name"), "is missing: a shipped name, or module:attribute; for a script `command`"
        )
    arguments = trainable.get("arguments", {})
    if not isinstance(arguments, Mapping):
        faults.add(("trainable", "arguments"), f"{shown(arguments)} is not a mapping")
        arguments = {}
    recipe, space = document.get("recipe", {}), document.get("space", {})
    for section, names in (("recipe", recipe), ("space", space)):
        for name in arguments:
            if isinstance(names, Mapping) and name in names:
                faults.add((section, str(name)), "is also an argument of the trainable; legal: one of them")
    merged = {**recipe, **arguments} if isinstance(recipe, Mapping) else recipe
    return {**document, "trainable": trainable.get("name", "?"), "recipe": merged}
