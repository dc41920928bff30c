"""An event in the ledger: its position, and its form as a kind and plain fields."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from hpo.core.events import (
    BaselinesScored,
    Cause,
    CodeChanged,
    End,
    Event,
    FilesStored,
    FinalistsNamed,
    LossCause,
    ModelFixed,
    PauseCause,
    Reported,
    SoupMade,
    TrialEnded,
    TrialPaused,
    TrialsRetried,
    TrialTakenUp,
    WinnerNamed,
    WorkerLost,
)
from hpo.core.field_types import require_types
from hpo.core.json_values import JsonFields, JsonObject, fields_of

KINDS: Mapping[str, type[Event]] = {kind.__name__: kind for kind in get_args(Event)}


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event with its position in the ledger.

    Attributes:
        seq: Position among its search's events, from 1 without gaps.
        time: Unix seconds by the writer's clock.
        event: What happened.
        link: The chain's link at this event, as 64 hexadecimal digits; empty if an earlier version wrote
            it. See `hpo.core.chain`.
    """

    seq: int
    time: float
    event: Event
    link: str = field(default="", compare=False, repr=False)


def body_of(event: Event) -> str:
    """Return the fields of an event as the JSON text that a ledger stores."""
    return json.dumps(fields_of(event), separators=(",", ":"))


def event_of(kind: str, fields: JsonFields) -> Event:
    """Build an event from its kind and fields; unknown fields of a later version are dropped.

    Raises:
        KeyError: If the kind is unknown.
        ValueError: If a field has another type than declared.
        TypeError: If fields are missing.
    """
    cls = KINDS[kind]
    try:
        values = _converted(cls, fields)
    except KeyError as error:
        raise TypeError(f"{error.args[0]} is missing") from error
    require_types(cls, values)
    return cls(**values)


def _converted(cls: type[Event], fields: JsonFields) -> JsonObject:
    """Return the fields that a kind has, with enumerations and tuples in place of texts and lists."""
    names = _names(cls.__name__)
    values = {name: value for name, value in fields.items() if name in names}
    if cls is Reported:  # most events of a record are reports
        return values
    if cls is TrialEnded:
        values["end"] = End(values["end"])
        values["cause"] = Cause(values["cause"]) if values.get("cause") else None
    if cls in (TrialPaused, TrialTakenUp):
        values["cause"] = PauseCause(values["cause"])
    if cls is WorkerLost and "cause" in values:
        values["cause"] = LossCause(values["cause"])
    if cls in (FinalistsNamed, TrialsRetried):
        values["trials"] = _tuple(values["trials"])
    if cls is ModelFixed:
        values["members"] = _tuple(values["members"])
    if cls is FilesStored:
        values["files"] = _tuple(values["files"])
    if cls is BaselinesScored:
        values["notes"] = _tuple(values.get("notes", ()))
    if cls is CodeChanged:
        values |= {name: _tuple(values.get(name, ())) for name in ("files", "packages")}
    if cls is SoupMade:
        values["members"] = tuple((trial, replicate) for trial, replicate in _tuple(values["members"]))
    if cls is WinnerNamed:
        values["tied"] = _tuple(values.get("tied", ()))
    return values


@functools.cache
def _names(kind: str) -> frozenset[str]:
    return frozenset(field.name for field in dataclasses.fields(KINDS[kind]))


def _tuple(value: object) -> tuple[Any, ...]:
    """Return a stored list; a text would become a tuple of its letters."""
    if not isinstance(value, list | tuple):
        raise TypeError(f"{value!r:.60} is not a list")
    return tuple(value)
