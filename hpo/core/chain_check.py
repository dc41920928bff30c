"""What was done to a record, found by its chain: events changed, deleted, inserted or reordered.

A chain says where a record was edited because its links stay with their events: an event whose content
differs from its digest was changed, and an event whose link follows from another event than the one
before it is out of order, or is where an event was deleted or inserted.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hpo.core.chain import StoredEvent, digest_of, link_after, link_of_all, start_of

Edit = Literal["changed", "deleted", "inserted", "reordered", "rewritten", "swapped", "foreign", "missing"]
"""Of an event: changed, deleted, inserted, reordered. Of a whole record: rewritten, with a chain computed
again. Of a file: changed, swapped (weights), foreign (from another ledger), missing."""

START, UNKNOWN = -1, -2
"""In place of the number of an event before: the start of the chain; an event that is not on record."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that differs from what was recorded.

    Attributes:
        edit: What was done.
        what: What differs: ``event``, or the file or register that it was found in.
        event: Position of the event; None if no event is concerned.
        text: A sentence for a person.
    """

    edit: Edit
    what: str
    event: int | None
    text: str


def find_edits(search: str, record: Sequence[StoredEvent]) -> list[Finding]:
    """Return what was done to the events of a search since they were written.

    Nothing is found if the whole chain was computed again after an edit: compare its head with one that
    was kept elsewhere. Events that an earlier version wrote have no links; they are covered by the next
    event that has one, which cannot say which of them was edited.

    Args:
        search: Name of the search.
        record: Its events as stored, in the order of their positions.
    """
    linked = [event for event in record if event.link is not None]
    before = _before(search, record)
    if not linked:
        return _gaps(record)
    genuine = _genuine(linked, before)
    inserted = [event for number, event in enumerate(linked) if number not in set(genuine)]
    findings = [_inserted(event) for event in [*inserted, *_uncovered(search, record)]]
    findings += _changed([linked[number] for number in genuine])
    findings += _deleted(record, linked, genuine, before) + _reordered(linked, genuine)
    return sorted(findings, key=lambda finding: finding.event or 0)


def began_at(record: Sequence[StoredEvent]) -> int:
    """Return the position of the first event with a link; 0 if no event has one."""
    return next((event.seq for event in record if event.link is not None), 0)


def _before(search: str, record: Sequence[StoredEvent]) -> list[int]:
    """Return for each event with a link the number, among those, of the event that it follows."""
    links: dict[bytes, int] = {}
    linked = [event for event in record if event.link is not None]
    for number, event in enumerate(linked):
        links.setdefault(event.link or b"", number)
    befores: list[int] = []
    last, unlinked = start_of(search), list[StoredEvent]()
    start = last
    for event in record:
        if event.link is None:
            unlinked.append(event)
            continue
        covering = link_of_all(last, unlinked)
        if not befores:
            start = covering
        if event.link in (_next(covering, event), _next(last, event)):
            befores.append(len(befores) - 1)
        else:
            befores.append(_found(event, start, links))
        last, unlinked = event.link, []
    return befores


def _next(link: bytes, event: StoredEvent) -> bytes:
    return link_after(link, event.digest or b"")


def _found(event: StoredEvent, start: bytes, links: dict[bytes, int]) -> int:
    if _next(start, event) == event.link:
        return START
    return next((number for link, number in links.items() if _next(link, event) == event.link), UNKNOWN)


def _genuine(linked: Sequence[StoredEvent], before: Sequence[int]) -> list[int]:
    """Return the numbers of the events that belong to the record, in the order in which they were written.

    Where an event is followed by two, the longer branch is the record. Events that follow from nothing on
    record are genuine if an event before them is lost, and inserted if their neighbours follow directly
    from each other.
    """
    followed = {number for number in before if number >= 0}
    ends = [number for number in range(len(linked)) if number not in followed]
    branches = sorted((_branch(end, before) for end in ends), key=lambda branch: (-len(branch), -branch[-1]))
    kept: list[list[int]] = []
    taken: set[int] = set()
    for branch in branches:
        if taken & set(branch) or (before[branch[0]] == UNKNOWN and _wedged(branch, before)):
            continue
        taken |= set(branch)
        kept.append(branch)
    return [number for branch in sorted(kept, key=_place) for number in branch]


def _branch(end: int, before: Sequence[int]) -> list[int]:
    """Return an event and all that it follows, first to last."""
    branch, seen = [end], {end}
    while (number := before[branch[-1]]) >= 0 and number not in seen:
        branch.append(number)
        seen.add(number)
    return branch[::-1]


def _wedged(branch: Sequence[int], before: Sequence[int]) -> bool:
    """Return whether the event after a branch follows directly from the event before it."""
    after = branch[-1] + 1
    return after < len(before) and before[after] == branch[0] - 1


def _place(branch: Sequence[int]) -> float:
    return sorted(branch)[len(branch) // 2]


def _gaps(record: Sequence[StoredEvent]) -> list[Finding]:
    """Return the positions without an event, of a record without links."""
    present = {event.seq for event in record}
    last = max(present, default=0)
    return [_missing(seq) for seq in range(1, last + 1) if seq not in present]


def _missing(seq: int) -> Finding:
    return Finding("deleted", "event", seq, f"event {seq} was deleted: there is no event at this position")


def _uncovered(search: str, record: Sequence[StoredEvent]) -> list[StoredEvent]:
    """Return events without a link, after the chain began, that the next link does not cover."""
    uncovered: list[StoredEvent] = []
    unlinked: list[StoredEvent] = []
    last: bytes | None = None
    for event in record:
        if event.link is None:
            unlinked.append(event)
            continue
        if last is not None and unlinked and event.link != _next(link_of_all(last, unlinked), event):
            uncovered += unlinked
        last, unlinked = event.link, []
    return [*uncovered, *(unlinked if last is not None else ())]


def _inserted(event: StoredEvent) -> Finding:
    reason = "nothing that was written later follows from it" if event.link else "it has no link"
    return Finding("inserted", "event", event.seq, f"event {event.seq} ({event.kind}) was inserted: {reason}")


def _changed(events: Sequence[StoredEvent]) -> list[Finding]:
    return [
        Finding(
            "changed",
            "event",
            event.seq,
            f"event {event.seq} ({event.kind}) was changed after it was written",
        )
        for event in events
        if event.digest != digest_of(event.time, event.kind, event.body)
    ]


def _deleted(
    record: Sequence[StoredEvent],
    linked: Sequence[StoredEvent],
    genuine: Sequence[int],
    before: Sequence[int],
) -> list[Finding]:
    """Return where events are missing: positions without one, and events that follow from a lost one."""
    first = linked[0].seq
    lost = [linked[number].seq for number in genuine if before[number] == UNKNOWN]
    moved = len(_out_of_order(genuine)) > 0
    gaps = [] if moved and not lost else [gap.event or 0 for gap in _gaps(record)]
    findings = [_missing(gap) for gap in gaps]
    for seq in lost:
        if seq == first and record[0].link is None:
            text = f"one of the events before event {seq}, which have no links, was changed or deleted"
            findings.append(Finding("changed", "event", seq - 1, text))
        elif seq - 1 not in gaps:
            text = (
                f"an event between events {seq - 1} and {seq} was deleted: event {seq} does not follow from "
                "any event on record"
            )
            findings.append(Finding("deleted", "event", seq, text))
    return findings


def _reordered(linked: Sequence[StoredEvent], genuine: Sequence[int]) -> list[Finding]:
    return [
        Finding(
            "reordered",
            "event",
            event.seq,
            f"event {event.seq} ({event.kind}) was moved: it was written at another position",
        )
        for event in (linked[number] for number in _out_of_order(genuine))
    ]


def _out_of_order(numbers: Sequence[int]) -> list[int]:
    """Return the fewest numbers without which the others increase."""
    tails: list[int] = []
    last: list[int] = []
    links: list[int] = []
    for position, number in enumerate(numbers):
        length = bisect_left(tails, number)
        links.append(last[length - 1] if length else -1)
        tails[length : length + 1] = [number]
        last[length : length + 1] = [position]
    kept: set[int] = set()
    position = last[-1] if last else -1
    while position >= 0:
        kept.add(position)
        position = links[position]
    return [number for position, number in enumerate(numbers) if position not in kept]
