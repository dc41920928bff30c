"""An event in the ledger: its position, and its form as a kind and plain fields."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import get_args

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
    SoupMade,
    TrialEnded,
    TrialPaused,
    TrialsRetried,
    TrialTakenUp,
    WinnerNamed,
    WorkerLost,
)
from hpo.core.json_values import JsonFields, fields_of

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
    """
    cls = KINDS[kind]
    names = {field.name for field in dataclasses.fields(cls)}
    values = {name: value for name, value in fields.items() if name in names}
    if cls is TrialEnded:
        values["end"] = End(values["end"])
        values["cause"] = Cause(values["cause"]) if values.get("cause") else None
    if cls in (TrialPaused, TrialTakenUp):
        values["cause"] = PauseCause(values["cause"])
    if cls is WorkerLost and "cause" in values:
        values["cause"] = LossCause(values["cause"])
    if cls in (FinalistsNamed, TrialsRetried):
        values["trials"] = tuple(values["trials"])
    if cls is ModelFixed:
        values["members"] = tuple(values["members"])
    if cls is FilesStored:
        values["files"] = tuple(values["files"])
    if cls is BaselinesScored:
        values["notes"] = tuple(values.get("notes", ()))
    if cls is CodeChanged:
        values |= {name: tuple(values.get(name, ())) for name in ("files", "packages")}
    if cls is SoupMade:
        values["members"] = tuple((trial, replicate) for trial, replicate in values["members"])
    if cls is WinnerNamed:
        values["tied"] = tuple(values.get("tied", ()))
    return cls(**values)
