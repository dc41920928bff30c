"""The hash chain of a search's events: a later edit of one event does not match the links after it.

Each event has a digest of its own content, and a link: the SHA-256 of the link before it and of that
digest. So the last link, the *head*, depends on every event so far and on their order. The construction
is that of Haber & Stornetta, "How to time-stamp a digital document" (Journal of Cryptology, 1991).

A chain has no secret: anyone who can write to the ledger can recompute it. That is detected only by
a head that was kept elsewhere, in the test-use register, an account, a recipe or MLflow.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_canonical = json.JSONEncoder(separators=(",", ":"), default=repr).encode


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as the ledger stores it, which may have been edited since it was written.

    Attributes:
        seq: Position among its search's events, from 1.
        time: Unix seconds by the writer's clock.
        kind: Name of its class.
        body: Its fields as JSON.
        digest: SHA-256 of time, kind and body, 32 bytes; None if an earlier version wrote it.
        link: The chain's link at this event, 32 bytes; None if an earlier version wrote it.
    """

    seq: int
    time: float
    kind: str
    body: str
    digest: bytes | None = None
    link: bytes | None = None


@dataclass(frozen=True, slots=True)
class ChainHead:
    """A link of a chain, to be kept elsewhere.

    Attributes:
        events: Number of events up to it.
        digest: The link after them, as 64 hexadecimal digits.
    """

    events: int
    digest: str


def start_of(search: str) -> bytes:
    """Return the link before the first event of a search."""
    return hashlib.sha256(f"hpo chain 1\n{search}".encode()).digest()


def digest_of(time: Any, kind: Any, body: Any) -> bytes:
    """Return the digest of an event's canonical bytes: a JSON array of time, kind and body.

    Args:
        time: Unix seconds; of another type only if somebody edited the database.
        kind: Name of its class.
        body: Its fields as the JSON text that is stored.
    """
    return hashlib.sha256(_canonical([time, kind, body]).encode()).digest()


def link_after(link: bytes, digest: bytes) -> bytes:
    """Return the link of an event.

    Args:
        link: Link of the event before it.
        digest: Digest of the event.
    """
    return hashlib.sha256(link + digest).digest()


def link_of_all(link: bytes, events: Iterable[StoredEvent]) -> bytes:
    """Return the link after events that have none of their own, from their content.

    Args:
        link: Link before them.
        events: Events as stored, in order.
    """
    for event in events:
        link = link_after(link, digest_of(event.time, event.kind, event.body))
    return link
