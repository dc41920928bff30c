"""Check the fixed recipe of a spec against the trainable's grammar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpo.core.grammar import Grammar
from hpo.core.json_values import RecipeFields, SpecFields
from hpo.spec.faults import Faults, shown, unknown


def check_recipe(fixed: RecipeFields, varied: SpecFields, grammar: Grammar, faults: Faults) -> None:
    """Check fixed choices; if the space varies a part, they must be legal for one of those offered.

    Args:
        fixed: The fixed recipe as written.
        varied: The space as written.
        grammar: What a recipe can contain.
        faults: Collects the faults.
    """
    groups = {group.name: group for group in grammar.groups}
    for name, choice in fixed.items():
        offered = _offered(varied.get(name))
        if name in groups and not groups[name].many and offered and isinstance(choice, Mapping):
            by_part = [grammar.faults({name: {**choice, "name": part}}) for part in offered]
            common = set.intersection(*({fault.path for fault in faults_} for faults_ in by_part))
            wrong = [fault for fault in by_part[0] if fault.path in common]
        else:
            wrong = grammar.faults({name: choice})
        for fault in wrong:
            message = fault.message
            if name not in grammar.slots and name not in groups:
                message = unknown(name, [*(parameter.name for parameter in grammar.hyperparameters), *groups])
            faults.add(("recipe", *fault.path.split(".")), f"{_value_at(fixed, fault.path)}{message}")


def _offered(range_: Any) -> list[str]:
    values = range_.get("choice") if isinstance(range_, Mapping) else None
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


def _value_at(fixed: RecipeFields, path: str) -> str:
    """Return the faulty value, for messages that name only the legal ones."""
    value: Any = fixed
    for step in path.split("."):
        if not isinstance(value, Mapping) or step not in value:
            return ""
        value = value[step]
    return "" if isinstance(value, Mapping) else f"{shown(value)}: "
