"""Apply ``key.sub=value`` to a document before it is validated, for ``--set``."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from hpo.core.errors import InvalidSpec
from hpo.core.space import Point
from hpo.spec.faults import Faults, shown
from hpo.spec.fields import Document
from hpo.spec.yaml_text import Text, parse_text

DOTTED = ("space",)
"""Mappings whose keys contain dots."""


def override(document: Any, overrides: Sequence[str], faults: Faults) -> Any:
    """Return a copy of a document with fields replaced or added.

    Args:
        document: The document as read.
        overrides: ``key.sub=value``; the value is read as YAML.
        faults: Collects the faults.
    """
    if not overrides or not isinstance(document, dict):
        return document
    changed = copy.deepcopy(document)
    for text in overrides:
        name, equals, value_text = text.partition("=")
        if not equals or not name:
            faults.add(("--set",), f"{shown(text)} is not of the form key=value")
            continue
        try:
            read = parse_text(value_text, "--set") if value_text.strip() else Text(None, {}, [])
        except InvalidSpec as error:
            faults.add(("--set",), f"{shown(text)}: {error.faults[0].message}")
            continue
        complaint = read.faults[0].message if read.faults else _put(changed, name, read.value)
        if complaint:
            faults.add(("--set",), f"{shown(text)}: {complaint}")
    return changed


def _put(document: dict[str, Any], name: str, value: Any) -> str | None:
    """Set a field by its dotted name; return why that is impossible, or None."""
    current: Any = document
    steps = name.split(".")
    while steps:
        if isinstance(current, list):
            step = steps.pop(0)
            if not step.isdecimal() or int(step) >= len(current):
                return f"{step} is not an index below {len(current)}"
            if not steps:
                current[int(step)] = value
                return None
            current = current[int(step)]
            continue
        if not isinstance(current, dict):
            return f"{'.'.join(steps)} would be inside {shown(current)}, which is not a mapping"
        key, steps = _key(current, steps, whole=current is document.get(DOTTED[0]))
        if not steps:
            current[key] = value
            return None
        if current.get(key) is None:
            current[key] = {}
        elif key in ("sampler", "scheduler") and isinstance(current[key], str):
            current[key] = {"name": current[key]}
        current = current[key]
    return None


def _key(current: dict[str, Any], steps: list[str], whole: bool) -> tuple[str, list[str]]:
    """Split off the longest run of steps that is a key here."""
    for end in range(len(steps), 0, -1):
        key = ".".join(steps[:end])
        if key in current:
            return key, steps[end:]
    return (".".join(steps), []) if whole else (steps[0], steps[1:])


def fields_and_values(settings: Sequence[str]) -> tuple[list[str], Point]:
    """Divide settings into those of a spec's fields and values of hyperparameters.

    Args:
        settings: ``key=value``; a key that begins with no field of a spec names a hyperparameter.

    Returns:
        The settings of fields, and the values by dotted name.

    Raises:
        InvalidSpec: If a setting has no value that can be read.
    """
    fields = [text for text in settings if text.partition("=")[0].partition(".")[0] in Document.model_fields]
    return fields, hyperparameters([text for text in settings if text not in fields])


def hyperparameters(settings: Sequence[str]) -> Point:
    """Return the values of ``key=value`` settings by dotted name.

    Raises:
        InvalidSpec: If a setting has no value that can be read.
    """
    faults = Faults("--set")
    values: dict[str, Any] = override({"space": {}}, [f"space.{text}" for text in settings], faults)["space"]
    faults.raise_any()
    return values
