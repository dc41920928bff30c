"""A script as a trainable: ``trainable: {command: [python, train.py, --lr, "{lr}"], metrics: {loss: min}}``.

Its hyperparameters are the placeholders of its arguments; the space and the fixed recipe say of which kind
they are. Without a ``data`` section the script reads its own data, and there is no test part.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo.core.command import BY_COMMAND, GRACE_SECONDS, OF_TRAINING, ScriptCommand, placeholders
from hpo.core.hyperparameter import Kind
from hpo.core.json_values import RecipeFields, SpecFields
from hpo.spec.faults import Faults, FieldPath, listed, shown, unknown
from hpo.spec.fields import Document
from hpo.spec.interface import Interface

KEYS = ("command", "metrics", "evaluate", "pattern", "checkpoint", "grace_seconds", "parameters")

MAX_GRACE = 45.0
"""Seconds; a worker waits a minute for a training to stop."""

NUMBERS = {"uniform": "float", "loguniform": "float", "quniform": "float"}
WHOLE_NUMBERS = {"randint": "int", "qrandint": "int", "lograndint": "int"}
KIND_OF_RANGE: Mapping[str, Kind] = {**NUMBERS, **WHOLE_NUMBERS}  # type: ignore[dict-item]

IN_EVALUATE = ("resume", "data", "device", "threads", "folder")
"""Placeholders of the command `evaluate` besides hyperparameters."""


def command_unfolded(document: SpecFields, faults: Faults) -> SpecFields:
    """Return a document whose trainable is the command's name, with the data section that it lacks.

    Args:
        document: A spec whose ``trainable`` is a mapping with ``command``.
        faults: Collects the faults.
    """
    space, recipe = (_mapping(document.get(section)) for section in ("space", "recipe"))
    name = command_name(document["trainable"], space, recipe, faults)
    unfolded = {**document, "trainable": name}
    command = ScriptCommand.of(name) if name != "?" else None
    reads_its_data = "data" not in document
    if reads_its_data:
        unfolded["data"] = {"source": BY_COMMAND}
    if command is not None:
        if reads_its_data and command.reads_rows:
            faults.add(("data",), "is missing: the command reads rows from {data}")
        if not command.evaluate:
            unfolded["test"] = "on_request"
    return unfolded


def command_name(trainable: SpecFields, space: SpecFields, recipe: RecipeFields, faults: Faults) -> str:
    """Return the name of a command; ``?`` if it has a fault.

    Args:
        trainable: The mapping with ``command``, ``metrics`` and others.
        space: Ranges by name.
        recipe: Fixed choices.
        faults: Collects the faults.
    """
    path = ("trainable",)
    before = len(faults.found)
    for key in trainable:
        if key not in KEYS:
            faults.add((*path, str(key)), unknown(str(key), KEYS))
    for key in ("command", "evaluate"):
        if key == "command" or key in trainable:
            _check_arguments(trainable.get(key), (*path, key), faults)
    _check_metrics(trainable.get("metrics"), faults)
    _check_others(trainable, faults)
    if len(faults.found) > before:
        return "?"
    fields = {key: value for key, value in trainable.items() if key != "parameters"}
    command = ScriptCommand.of_json(fields)
    kinds = trainable.get("parameters")
    kinds = dict(kinds) if isinstance(kinds, Mapping) else _kinds(command, space, recipe, faults)
    _check_evaluate(command, faults)
    _check_pattern(command, faults)
    return ScriptCommand.of_json({**fields, "parameters": kinds}).name if len(faults.found) == before else "?"


def interface_of(command: ScriptCommand, base: Path, faults: Faults) -> Interface | None:
    """Return what a command's recipes can contain; None if its program does not exist."""
    for key, arguments in (("command", command.arguments), ("evaluate", command.evaluate)):
        program = arguments[0] if arguments else "python"
        assert isinstance(program, str)
        if program not in ("python", "python3") and not _program(program, base):
            where = f"in {base}" if "/" in program else "in PATH"
            faults.add(("trainable", key), f"{shown(program)}: there is no such program {where}")
            return None
    files = command.files(base)
    return Interface(command.grammar, command.declared, files[0] if files else base, ())


def check_command(document: Document, command: ScriptCommand | None, faults: Faults) -> None:
    """Check what a command cannot have, and say what it does without.

    Args:
        document: The spec.
        command: Its command; None for other trainables.
        faults: Collects faults and warnings.
    """
    reads_its_data = document.data.source == BY_COMMAND
    if command is None:
        if reads_its_data:
            faults.add(("data", "source"), f"{BY_COMMAND} is for a trainable with `command` only")
        return
    if not command.resumes:
        faults.warn(
            "trainable.command: without {resume} an interrupted or paused training starts from the "
            "beginning, and no model is kept"
        )
    if reads_its_data:
        faults.warn("data: the command reads its own data: nothing is sealed, and no test score is measured")
        if command.evaluate:
            faults.add(
                ("trainable", "evaluate"), "has no effect without a `data` section, whose rows it scores"
            )
        if isinstance(document.data.validation, float) is False:
            faults.add(("data", "validation"), "has no effect on the command's own data")
    elif not command.reads_rows:
        faults.add(("data",), "has no effect: no argument contains {data}, the folder of the rows")
    elif not command.evaluate:
        faults.warn(
            "trainable.evaluate: without it the test part stays sealed, and saved checkpoints are not checked"
        )
    if document.data.final_share is not None and not command.evaluate:
        faults.add(
            ("data", "validation", "final"), "needs trainable.evaluate, which scores checkpoints on it"
        )
    if document.finalists.folds is not None and reads_its_data:
        faults.add(("finalists", "folds"), "needs a `data` section, whose rows are cut into folds")


def _check_arguments(value: Any, path: FieldPath, faults: Faults) -> None:
    legal = 'legal: a list of texts such as [python, train.py, --lr, "{learning_rate}"]'
    if not isinstance(value, list | tuple) or not value:
        faults.add(path, f"{shown(value)} is not an argument list; {legal}; no shell reads it")
        return
    if not isinstance(value[0], str) or not value[0] or placeholders([value[0]]):
        faults.add((*path, 0), f"{shown(value[0])} is not the name of a program")
    for index, item in enumerate(value):
        for text in item if isinstance(item, list | tuple) else [item]:
            if not isinstance(text, str) or "\0" in text:
                faults.add((*path, index), f"{shown(text)} is not a text; write it in quotation marks")


def _check_metrics(value: Any, faults: Faults) -> None:
    path = ("trainable", "metrics")
    if not isinstance(value, Mapping) or not value:
        faults.add(
            path, f"{shown(value)}: legal: what the script reports, such as {{loss: min, accuracy: max}}"
        )
        return
    for name, mode in value.items():
        if not isinstance(name, str) or not name.strip():
            faults.add(path, f"{shown(name)} is not the name of a metric")
        elif mode not in ("max", "min"):
            faults.add((*path, name), f"{shown(mode)}: legal: max, min")


def _check_others(trainable: SpecFields, faults: Faults) -> None:
    pattern, checkpoint = trainable.get("pattern", ""), trainable.get("checkpoint", "checkpoint")
    grace = trainable.get("grace_seconds", GRACE_SECONDS)
    try:
        re.compile(pattern)
    except (re.error, TypeError, RecursionError, OverflowError) as error:
        faults.add(("trainable", "pattern"), f"{shown(pattern)} is not a regular expression: {error}")
    inside = isinstance(checkpoint, str) and checkpoint.strip("/.") and not Path(checkpoint).is_absolute()
    if not inside or ".." in Path(checkpoint).parts:
        faults.add(("trainable", "checkpoint"), f"{shown(checkpoint)}: legal: a path inside {{folder}}")
    number = isinstance(grace, int | float) and not isinstance(grace, bool)
    if not number or not 0 <= grace <= MAX_GRACE:
        faults.add(("trainable", "grace_seconds"), f"{shown(grace)}: legal: a number from 0 to {MAX_GRACE:g}")


def _check_evaluate(command: ScriptCommand, faults: Faults) -> None:
    if not command.evaluate:
        return
    used = placeholders(command.evaluate)
    for name in ("resume", "data"):
        if name not in used:
            faults.add(("trainable", "evaluate"), f"needs {{{name}}}: {OF_TRAINING[name]}")
    placeholder_names = (*IN_EVALUATE, *placeholders(command.arguments))
    for name in used:
        if name not in placeholder_names:
            faults.add(
                ("trainable", "evaluate"),
                unknown(name, placeholder_names, f"{{{name}}} is not a placeholder here"),
            )
    if not command.resumes:
        faults.add(("trainable", "evaluate"), "needs {resume} in `command`, where the checkpoint is written")


def _check_pattern(command: ScriptCommand, faults: Faults) -> None:
    if not command.pattern:
        return
    groups = set(re.compile(command.pattern).groupindex)
    missing = [name for name in command.metrics if name not in groups]
    if not {"name", "value"} <= groups and missing:
        faults.add(
            ("trainable", "pattern"),
            f"{shown(command.pattern)} has no group for {listed(missing)}; legal: a group for each metric, "
            "such as loss=(?P<loss>\\S+), or the groups name and value",
        )


def _kinds(
    command: ScriptCommand, space: SpecFields, recipe: RecipeFields, faults: Faults
) -> dict[str, Kind]:
    """Return the kind of each hyperparameter among the placeholders."""
    kinds: dict[str, Kind] = {}
    for name in placeholders((*command.arguments, *command.evaluate)):
        if name in OF_TRAINING:
            continue
        if name in space:
            kinds[name] = _kind_of_range(space[name])
        elif name in recipe:
            kinds[name] = _kind([recipe[name]])
        else:
            legal = [*space, *recipe, *OF_TRAINING]
            faults.add(("trainable", "command"), unknown(name, legal, f"{{{name}}} has no value"))
    for section, names in (("space", space), ("recipe", recipe)):
        for name in names:
            if name in OF_TRAINING:
                faults.add((section, name), f"is set by the search: {OF_TRAINING[name]}")
            elif name not in kinds:
                faults.add((section, str(name)), f"has no effect: no argument contains {{{name}}}")
    return kinds


def _kind_of_range(value: Any) -> Kind:
    word = next((word for word in _mapping(value) if word in KIND_OF_RANGE), None)
    if word is not None:
        return KIND_OF_RANGE[word]
    choices = _mapping(value).get("choice")
    return _kind(choices) if isinstance(choices, list) and choices else "float"


def _kind(values: Sequence[Any]) -> Kind:
    """Return the narrowest kind that all values have."""
    fits: list[tuple[Kind, bool]] = list(_fits([value for value in values if value is not None]))
    return next((kind for kind, fitting in fits if fitting), "str")


def _fits(values: Sequence[Any]) -> Iterator[tuple[Kind, bool]]:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    yield "bool", all(isinstance(value, bool) for value in values)
    yield "int", numbers and all(isinstance(value, int) for value in values)
    yield "float", numbers
    if all(isinstance(value, list | tuple) for value in values):
        yield "names", all(isinstance(item, str) for value in values for item in value)
        yield "list", True


def _program(name: str, base: Path) -> bool:
    return bool(shutil.which(str(base / name) if "/" in name else name))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
