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
    FinalistsNamed,
    ModelFixed,
    PauseCause,
    SoupMade,
    TrialEnded,
    TrialPaused,
    TrialsRetried,
    TrialTakenUp,
    WinnerNamed,
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
    known = {field.name for field in dataclasses.fields(cls)}
    given = {name: value for name, value in fields.items() if name in known}
    if cls is TrialEnded:
        given["end"] = End(given["end"])
        given["cause"] = Cause(given["cause"]) if given.get("cause") else None
    if cls in (TrialPaused, TrialTakenUp):
        given["cause"] = PauseCause(given["cause"])
    if cls in (FinalistsNamed, TrialsRetried):
        given["trials"] = tuple(given["trials"])
    if cls is ModelFixed:
        given["members"] = tuple(given["members"])
    if cls is BaselinesScored:
        given["notes"] = tuple(given.get("notes", ()))
    if cls is CodeChanged:
        given |= {name: tuple(given.get(name, ())) for name in ("files", "packages")}
    if cls is SoupMade:
        given["members"] = tuple((trial, replicate) for trial, replicate in given["members"])
    if cls is WinnerNamed:
        given["tied"] = tuple(given.get("tied", ()))
    return cls(**given)
