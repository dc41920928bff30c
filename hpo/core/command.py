"""A training that is a command: an argument list with placeholders, never a line for a shell.

Wherever a trainable has a name, a command's name is ``command`` and its fields as JSON, so that recipes,
records and worker processes pass it on as they pass on ``module:function``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hpo.core.grammar import Grammar, Hyperparameter, Kind
from hpo.core.json_values import JsonObject, RecipeFields, SpecFields
from hpo.core.objective import Mode
from hpo.core.recipe import canonical
from hpo.core.trainable import Metric

PREFIX = "command "

Argument = str | tuple[str, ...]
"""An argument, or several that are left out together while a placeholder in them has no value."""

PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")

OF_TRAINING: Mapping[str, str] = {
    "resume": "path of the checkpoint, which exists if the training continues from one",
    "folder": "folder of this training's own files",
    "data": "folder with the rows: train/ and validation/ with inputs.npy and targets.npy",
    "epochs": "epochs of a full training",
    "seed": "seed of this training, below 2**31",
    "device": "cpu or cuda",
    "threads": "threads that the training may use",
    "trial": "number of the trial",
    "replicate": "0 in the search phase, 1 and up on fresh seeds",
}
"""Placeholders with values that the service sets; all others are hyperparameters."""

CHECKPOINT = "checkpoint"

BY_COMMAND = "by_command"
"""The data source of a search whose command reads its own data; no spec needs to name it."""

GRACE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ScriptCommand:
    """A command that trains.

    Attributes:
        arguments: The program and its arguments.
        metrics: Direction of each metric that it reports; the first is the default objective.
        parameters: Kind of each hyperparameter among the placeholders.
        evaluate: The command that scores a checkpoint on given rows; empty if there is no such command.
        pattern: Regular expression of the lines that report, with a group for each metric, or groups
            ``name`` and ``value``; empty if the script reports by itself.
        checkpoint: File or folder inside ``{folder}`` that holds model and state; ``{resume}``.
        grace_seconds: Time between the request to stop and the kill.
    """

    arguments: tuple[Argument, ...]
    metrics: Mapping[str, Mode]
    parameters: Mapping[str, Kind] = field(default_factory=dict)
    evaluate: tuple[Argument, ...] = ()
    pattern: str = ""
    checkpoint: str = CHECKPOINT
    grace_seconds: float = GRACE_SECONDS

    @classmethod
    def of(cls, trainable: str) -> ScriptCommand | None:
        """Return the command that a trainable's name stands for; None if it is not a command."""
        return cls.of_json(json.loads(trainable[len(PREFIX) :])) if trainable.startswith(PREFIX) else None

    @classmethod
    def of_json(cls, fields: SpecFields) -> ScriptCommand:
        """Return the command with the fields that `to_json` gives."""
        return cls(
            _arguments(fields["command"]),
            dict(fields["metrics"]),
            dict(fields.get("parameters", {})),
            _arguments(fields.get("evaluate", [])),
            fields.get("pattern", ""),
            fields.get("checkpoint", CHECKPOINT),
            fields.get("grace_seconds", GRACE_SECONDS),
        )

    def to_json(self) -> JsonObject:
        """Return the fields as they are written in a spec, without those at their defaults."""
        fields: JsonObject = {
            "command": _lists(self.arguments),
            "metrics": dict(self.metrics),
            "parameters": dict(self.parameters),
        }
        if self.evaluate:
            fields["evaluate"] = _lists(self.evaluate)
        if self.pattern:
            fields["pattern"] = self.pattern
        if self.checkpoint != CHECKPOINT:
            fields["checkpoint"] = self.checkpoint
        if self.grace_seconds != GRACE_SECONDS:
            fields["grace_seconds"] = self.grace_seconds
        return fields

    @property
    def name(self) -> str:
        """The name of the trainable."""
        return PREFIX + canonical(self.to_json())

    @property
    def grammar(self) -> Grammar:
        """What its recipes can contain: the hyperparameters among its placeholders."""
        return Grammar(
            tuple(
                Hyperparameter(name, kind, None, optional=True, doc="an argument of the command")
                for name, kind in self.parameters.items()
            )
        )

    @property
    def declared(self) -> tuple[Metric, ...]:
        """The metrics that it reports."""
        return tuple(Metric(name, mode) for name, mode in self.metrics.items())

    @property
    def resumes(self) -> bool:
        """Whether an interrupted training can continue from its checkpoint."""
        return "resume" in placeholders(self.arguments)

    @property
    def reads_rows(self) -> bool:
        """Whether the service gives it the rows, instead of data of its own."""
        return "data" in placeholders((*self.arguments, *self.evaluate))

    def files(self, base: Path) -> list[Path]:
        """Return the files that the argument lists name in a folder: the code that runs."""
        paths = [base / text for text in _texts((*self.arguments, *self.evaluate)) if text]
        return list(dict.fromkeys(path for path in paths if path.is_file() and path.is_relative_to(base)))

    def __str__(self) -> str:
        return f"command {' '.join(_texts(self.arguments))}"


def shown_trainable(name: str) -> str:
    """Return a trainable's name for a reader: of a command, its argument list."""
    command = ScriptCommand.of(name)
    return str(command) if command else name


def placeholders(arguments: Sequence[Argument]) -> list[str]:
    """Return the names of all placeholders, each once, in their order."""
    names = (name for text in _texts(arguments) for name in PLACEHOLDER.findall(text))
    return list(dict.fromkeys(names))


def filled(arguments: Sequence[Argument], values: RecipeFields, absent: str = "") -> list[str]:
    """Return an argument list with values for its placeholders.

    Texts are inserted as they are, other values as JSON. Nested lists with a placeholder that has no
    value (None) are left out; elsewhere it is empty.

    Args:
        arguments: With placeholders.
        values: By the names of placeholders.
        absent: A placeholder whose nested lists are left out although it has a value.
    """
    complete: list[str] = []
    for argument in arguments:
        group = (argument,) if isinstance(argument, str) else argument
        left_out = any(name == absent or values.get(name) is None for name in placeholders(group))
        if isinstance(argument, str) or not left_out:
            complete += [PLACEHOLDER.sub(lambda found: _text(values, found), text) for text in group]
    return complete


def _text(values: Mapping[str, Any], found: re.Match[str]) -> str:
    if found[1] not in values:
        return found[0]
    value = values[found[1]]
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def _texts(arguments: Sequence[Argument]) -> Iterator[str]:
    for argument in arguments:
        yield from (argument,) if isinstance(argument, str) else argument


def _arguments(items: Sequence[Any]) -> tuple[Argument, ...]:
    return tuple(item if isinstance(item, str) else tuple(item) for item in items)


def _lists(arguments: Sequence[Argument]) -> list[Any]:
    return [argument if isinstance(argument, str) else list(argument) for argument in arguments]
