"""Find the recorded openings of the same or resembling test data.

Test data is recognised by its rows, not by its location: a part is the same as an earlier one if more
than half of the smaller one's distinct rows are also in the other. So reordering, renaming, copying,
dropping some rows or adding any number does not make new test data. Where few rows are in common, the
signatures decide, by which data is recognised after its cells were edited.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from hpo.core.errors import HpoError
from hpo.core.json_values import parsed
from hpo.core.likeness import SAME, UNKNOWN, Likeness
from hpo.ledger.opening import WITHDRAWN, Opening
from hpo.ledger.register_layout import openings, parts_with_signatures
from trainables.data.digests import BYTES, as_keys

SAME_SHARE = 0.5
"""Test parts that share more than this fraction of the smaller one's rows are the same."""

COLUMNS = ("key", "fingerprint", "time", "state")
DERIVED = (*COLUMNS, "overlap", "likeness", "evidence")
"""Fields of an opening that are not in its JSON body."""

Rows = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Recognition:
    """How data is recognised after it was edited.

    Attributes:
        signature: Signature to keep with an opening of this data.
        compare: Compares the signature of an opened test part with this data.
    """

    signature: bytes
    compare: Callable[[bytes], Likeness]


def openings_of(
    connection: sa.Connection, fingerprint: str, rows: Rows, recognition: Recognition | None
) -> list[Opening]:
    """Return the openings of the same or resembling test data that count, oldest first.

    Args:
        connection: Connection to the register.
        fingerprint: Fingerprint of the test part.
        rows: Its row digests, [n, 2].
        recognition: Recognises the data after it was edited; None to compare row digests alone.
    """
    alike = {fingerprint: Likeness(SAME, 1.0)}
    ours = np.unique(as_keys(rows))
    for other, content, signature in connection.execute(parts_with_signatures):
        if other != fingerprint:
            share = _shared(ours, np.frombuffer(content, dtype=f"V{BYTES}"))
            alike[other] = _likeness(share, signature, recognition)
    alike = {part: likeness for part, likeness in alike.items() if likeness.answer != UNKNOWN}
    return [
        opening
        for opening in read_openings(connection, alike)
        if opening.fingerprint in alike and opening.state != WITHDRAWN
    ]


def _likeness(share: float, signature: bytes | None, recognition: Recognition | None) -> Likeness:
    """Judge by the rows in common; where these are few, by the signatures."""
    if share > SAME_SHARE:
        return Likeness(SAME, share)
    if recognition is None or not signature:
        return Likeness(UNKNOWN)
    return recognition.compare(signature)


def _shared(ours: NDArray[np.void], theirs: NDArray[np.void]) -> float:
    """Return the share of the smaller set of distinct rows that is in the other."""
    smaller = min(len(ours), len(theirs))
    return float(np.isin(ours, theirs).sum()) / smaller if smaller else 0.0


def read_openings(connection: sa.Connection, alike: Mapping[str, Likeness]) -> list[Opening]:
    """Return every opening on record, oldest first.

    Args:
        connection: Connection to the register.
        alike: How alike test parts are to the one that is looked for, by their fingerprints.

    Raises:
        HpoError: If an opening cannot be read.
    """
    columns = (*(openings.c[name] for name in COLUMNS), openings.c.body)
    names = {field.name for field in dataclasses.fields(Opening)}
    records: list[Opening] = []
    for key, fingerprint, when, state, body in connection.execute(
        sa.select(*columns).order_by(openings.c.id)
    ):
        try:
            fields: dict[str, Any] = {name: value for name, value in parsed(body).items() if name in names}
        except (ValueError, TypeError, AttributeError) as error:
            raise HpoError(
                f"the test-use register has an opening that cannot be read ({key}); restore the register "
                "from a copy, or move it away to begin another; openings in ledgers of homes still count"
            ) from error
        likeness = alike.get(fingerprint, Likeness(SAME, 1.0))
        fields |= {"overlap": likeness.share, "likeness": likeness.answer, "evidence": likeness.evidence}
        records.append(Opening(key=key, fingerprint=fingerprint, time=when, state=state, **fields))
    return records
