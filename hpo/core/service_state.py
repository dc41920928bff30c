"""What a running service wrote down about itself: its processes, their addresses, and how to reach them.

The file is readable by its owner only, because it holds the tokens.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from hpo.core.json_values import JsonFields, parsed

RAY, MLFLOW, KEEPER = "Ray", "MLflow", "keeper"
"""Names of the parts of a service."""


@dataclass(frozen=True, slots=True)
class ServicePart:
    """One of the programs of a service.

    Attributes:
        name: Its name.
        command: Its command line.
        environ: Environment variables, beside those of the process that starts it.
        address: Host and port on which it answers; empty if it listens nowhere.
        unset: Environment variables that it does not inherit.
    """

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    address: tuple[str, int] | None = None
    unset: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunningPart:
    """A part as its supervisor last saw it.

    Attributes:
        name: Its name.
        pid: Number of its process; 0 while it waits to be started again.
        created: Unix seconds at which that process started, which tells it from a later one.
        address: Host and port on which it answers; None if it listens nowhere.
        ends: How often it ended by itself.
    """

    name: str
    pid: int
    created: float
    address: tuple[str, int] | None = None
    ends: int = 0


@dataclass(frozen=True, slots=True)
class ServiceState:
    """A service as its supervisor last saw it.

    Attributes:
        pid: Number of the supervisor's process.
        created: Unix seconds at which that process started.
        marker: Mark in the environment of its processes, by which those left behind are found.
        folder: Folder of Ray's own files.
        versions: Versions of the packages that it runs.
        parts: Its programs.
        url: Address of MLflow in a browser, with its token; empty if it runs none.
        variables: Environment variables that a command needs to use it.
    """

    pid: int
    created: float
    marker: str
    folder: str
    versions: Mapping[str, str]
    parts: tuple[RunningPart, ...]
    url: str = field(repr=False, default="")
    variables: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the text of the file."""
        return json.dumps(dataclasses.asdict(self), indent=1)

    @classmethod
    def of_json(cls, text: str) -> ServiceState:
        """Return the state from the text of the file.

        Raises:
            ValueError: If the text is not one.
        """
        try:
            values = parsed(text)
            return cls(**{**values, "parts": tuple(map(_running_part, values["parts"]))})
        except (KeyError, TypeError, IndexError) as error:
            raise ValueError(f"not the state of a service: {error}") from error

    def part(self, name: str) -> RunningPart | None:
        """Return a part by its name; None if the service does not have it."""
        return next((part for part in self.parts if part.name == name), None)


def _running_part(values: JsonFields) -> RunningPart:
    address = values["address"]
    where = None if address is None else (str(address[0]), int(address[1]))
    return RunningPart(
        values["name"], int(values["pid"]), float(values["created"]), where, int(values["ends"])
    )
