"""An edited record: each kind of edit is found where it was made, and named, in a thousand random edits."""

import dataclasses
import json
import os
import random

import pytest

from hpo.core.chain import StoredEvent, digest_of, link_after, start_of
from hpo.core.chain_check import began_at, find_edits

EVENTS = 60
NAME = "digits-1"


def sealed(contents, link=None):
    """Events with the digests and links that a ledger would give them."""
    link, record = link or start_of(NAME), []
    for seq, (time, kind, body) in enumerate(contents, 1):
        digest = digest_of(time, kind, body)
        link = link_after(link, digest)
        record.append(StoredEvent(seq, time, kind, body, digest, link))
    return record


@pytest.fixture(scope="module")
def record():
    return sealed((float(n), "Reported", json.dumps({"epoch": n})) for n in range(EVENTS))


def numbered(events):
    return [dataclasses.replace(event, seq=seq) for seq, event in enumerate(events, 1)]


def changed(record, draw):
    at = draw.randrange(len(record))
    edit = draw.choice([{"body": '{"epoch": 999}'}, {"time": 0.5}, {"kind": "Warned"}, {"body": "{"}])
    return (
        "changed",
        {at + 1},
        [
            dataclasses.replace(event, **edit) if number == at else event
            for number, event in enumerate(record)
        ],
    )


def deleted(record, draw):
    at = draw.randrange(len(record) - 1)  # without the last event the chain is a shorter one
    return "deleted", {at + 1}, record[:at] + record[at + 1 :]


def deleted_and_numbered_anew(record, draw):
    edit, seqs, rest = deleted(record, draw)
    return edit, seqs, numbered(rest)


def inserted(record, draw):
    """Between two events; without a link, with one of chance, of another event, or the one that would fit."""
    at = draw.randrange(1, len(record))
    digest = digest_of(7.0, "Warned", "{}")
    other = draw.choice(record)
    event = StoredEvent(0, 7.0, "Warned", "{}", digest)
    links = [None, os.urandom(32), link_after(record[at - 1].link, digest)]
    event = draw.choice([*(dataclasses.replace(event, link=link) for link in links), other])
    # A copy beside its original is the same as its original.
    seqs = {at, at + 1, at + 2} if event is other else {at + 1}
    if event is other and other.seq not in (at, at + 1):
        seqs = {at + 1}
    return "inserted", seqs, numbered([*record[:at], event, *record[at:]])


def reordered(record, draw):
    at, other = sorted(draw.sample(range(len(record)), 2))
    edited = list(record)
    edited[at], edited[other] = edited[other], edited[at]
    # Of three events in reverse order, any two can be the ones that were moved.
    seqs = {at + 1, at + 2, at + 3} if other == at + 2 else {at + 1, other + 1}
    return "reordered", seqs, numbered(edited)


def moved(record, draw):
    """To the end, at a position far behind the last one."""
    at = draw.randrange(len(record) - 1)
    seq = len(record) + 100
    return "reordered", {seq}, [
        *record[:at], *record[at + 1 :], dataclasses.replace(record[at], seq=seq)
    ]  # fmt: skip


EDITS = (changed, deleted, deleted_and_numbered_anew, inserted, reordered, moved)


def test_of_a_thousand_random_edits_each_is_found_and_named(record):
    draw = random.Random(0)
    for number in range(1000):
        edit, seqs, edited = draw.choice(EDITS)(record, draw)
        findings = find_edits(NAME, edited)
        assert findings, (number, edit, seqs)
        assert {finding.edit for finding in findings} == {edit}, (number, edit, seqs, findings)
        assert {finding.event for finding in findings} <= seqs, (number, edit, seqs, findings)
        assert all(f"{finding.event}" in finding.text for finding in findings)


def test_two_edits_are_both_found(record):
    draw = random.Random(1)
    for _ in range(200):
        first, (at,), edited = changed(record[:30], draw)
        second, (other,), rest = changed(record[30:], draw)
        findings = find_edits(NAME, edited + rest)
        assert [(finding.edit, finding.event) for finding in findings] == [(first, at), (second, other + 30)]


def test_an_untouched_record_has_no_findings(record):
    assert find_edits(NAME, record) == []
    assert find_edits(NAME, record[:10]) == []
    assert find_edits(NAME, []) == []
    assert began_at(record) == 1


def test_a_chain_of_another_search_does_not_fit(record):
    assert find_edits("digits-2", record)


def unlinked(events):
    return [dataclasses.replace(event, digest=None, link=None) for event in events]


def test_a_chain_that_began_later_covers_what_was_there(record):
    edited = unlinked(record[:20]) + record[20:]
    assert find_edits(NAME, edited) == []
    assert began_at(edited) == 21
    edited[3] = dataclasses.replace(edited[3], body='{"epoch": 999}')
    (finding,) = find_edits(NAME, edited)
    assert (finding.edit, finding.event) == ("changed", 20)
    assert "one of the events before event 21" in finding.text


def test_a_record_without_a_chain_shows_its_gaps_alone(record):
    assert find_edits(NAME, unlinked(record)) == []
    (finding,) = find_edits(NAME, unlinked(record[:4] + record[5:]))
    assert (finding.edit, finding.event) == ("deleted", 5)


def test_events_of_an_earlier_version_in_between_are_covered_by_the_next_link(record):
    edited = record[:10] + unlinked(record[10:12]) + record[12:]
    assert find_edits(NAME, edited) == []
    edited[10] = dataclasses.replace(edited[10], body="{}")
    assert find_edits(NAME, edited)
