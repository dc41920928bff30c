"""How searches use the test-use register: when they query it, what they warn of, what they refuse.

The register does not depend on the home: it is in the user's data folder, or in the file or database
that ``HPO_REGISTER`` names (shared by a team if all members name the same one), and it recognises test
data by its rows. Shipped practice data is exempt unless the spec says ``practice: false``.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.core.errors import HpoError
from hpo.core.events import TestRefused
from hpo.core.formatting import count, score
from hpo.core.home import Home
from hpo.core.json_values import JsonObject, fields_of
from hpo.core.likeness import SAME
from hpo.core.recipe import digest
from hpo.core.record import Recorded
from hpo.core.users import user_name
from hpo.use_cases.dataset.register_access import existing_register

if TYPE_CHECKING:
    from hpo.data.prepared import Prepared, TestManifest
    from hpo.ledger.opened_data import Recognition, Rows
    from hpo.ledger.opening import Opening
    from hpo.spec.data_fields import Data


def all_openings() -> list[Opening]:
    """Return every opening on record, oldest first."""
    register = existing_register()
    return register.all() if register else []


def is_exempt(data: Data, prepared: Prepared) -> bool:
    """Return whether openings are not counted: shipped practice data, unless the spec says otherwise."""
    return prepared.info.practice and data.practice is not False


def openings_of(data: Data, prepared: Prepared, base: Path | None = None) -> list[Opening]:
    """Return the openings of the same or resembling test data so far, oldest first.

    Args:
        data: The `data` section of the spec.
        prepared: The data, read.
        base: Folder that relative paths start from, to read the source again if the data has no
            signature for this register; None to do without.
    """
    if prepared.test is None or is_exempt(data, prepared):
        return []
    register = existing_register()
    if register is None or not register.all():
        return []
    recognition = recognition_of(data, prepared, base, register.key)
    return register.openings_of(prepared.test.fingerprint, rows_of(prepared.test), recognition)


def recognition_of(data: Data, prepared: Prepared, base: Path | None, key: bytes) -> Recognition | None:
    """Return what recognises a data set after it was edited; None if it has no signature.

    Args:
        data: The `data` section of the spec.
        prepared: The data, read.
        base: Folder that relative paths start from, to read the source again for a signature; None to
            use only a signature that is kept beside the data.
        key: Secret of the register.

    Raises:
        UserError: If the source can no longer be read.
    """
    from hpo.data.custodian import sign
    from hpo.data.likeness import compare
    from hpo.data.prepared import signature_file
    from hpo.data.signature import Signature
    from hpo.ledger.opened_data import Recognition

    file = signature_file(prepared.folder, key)
    if base is not None:
        file = sign(prepared, data.source, data.source_arguments, base, key)
    if not file.exists():
        return None
    ours = Signature.from_bytes(file.read_bytes())
    return Recognition(
        ours.to_bytes(development=False), lambda opened: compare(Signature.from_bytes(opened), ours)
    )


def expected_openings(data: Data, base: Path, home: Home) -> list[Opening]:
    """Return the same without reading any data or running a user's code.

    Data that this home has read is recognised by its rows, other data by where it is read from.
    """
    if existing_register() is None:
        return []
    from hpo.data.source_reading import recall

    prepared = recall(data.source, data.source_arguments, home, base)
    if prepared is not None:
        return openings_of(data, prepared)
    source = source_of(data, base)
    return [
        opening for opening in all_openings() if opening.source == source and opening.state != "withdrawn"
    ]


def rows_of(test: TestManifest) -> Rows:
    """Return the digests of a test part's rows; empty if their file belongs to other data."""
    import numpy as np

    from hpo.data.prepared import mapped
    from trainables.data.digests import set_digest

    rows = np.asarray(mapped(test.digests)) if test.digests.exists() else np.zeros((0, 2), np.uint64)
    return rows if set_digest(rows) == test.fingerprint else np.zeros((0, 2), np.uint64)


def claim_key(search: str, claim: Recorded) -> str:
    """Return a key that identifies a claim of a test part, even after the home was moved."""
    return digest([search, claim.time, fields_of(claim.event)])


def source_of(data: Data, base: Path) -> str:
    """Return where data is read from, as a line that is equal for equal sources."""
    return json.dumps([data.source, data.arguments, str(base)], sort_keys=True)


def who() -> str:
    """Return the user and the machine."""
    return f"{user_name()} on {socket.gethostname()}"


def warning_of(openings: Sequence[Opening]) -> str:
    """Return the warning about test data that was opened before, or resembles such data."""
    relation = "was opened before" if _same(openings) else "resembles data that was opened before"
    return (
        f"the test data {relation}: {first_of(openings)}. At the end of the search another look will be "
        "refused, unless --again --reason TEXT requests one"
    )


def refusal_of(openings: Sequence[Opening]) -> TestRefused:
    """Return the event that records the refusal of another look."""
    same = _same(openings)
    if same:
        cause = "the same data was opened before"
        effect = "opens it again and marks the score as a further look"
    else:
        cause = "it resembles data that was opened before"
        effect = "opens it and keeps the reason with the score"
    message = (
        f"the test part stays sealed because {cause}: {first_of(openings)}. --again --reason TEXT {effect}"
    )
    return TestRefused(message, described((same or list(openings))[0]), len(openings))


def _same(openings: Sequence[Opening]) -> list[Opening]:
    return [opening for opening in openings if opening.likeness == SAME]


def described(opening: Opening) -> JsonObject:
    """Return an opening as a JSON value."""
    return {
        "when": moment(opening.time),
        "by": opening.by,
        "search": opening.search,
        "recipe": opening.recipe,
        "scores": {name: dict(score) for name, score in opening.scores.items()},
        "overlap": opening.overlap,
    }


def scores_text(opening: Opening) -> str:
    """Return the scores of an opening on one line."""
    if opening.predicted:
        return f"{count(opening.predicted, 'row')} predicted with hpo predict"
    scores = ", ".join(f"{name} {score(interval['value'])}" for name, interval in opening.scores.items())
    return scores or "no score on record"


def moment(seconds: float) -> str:
    """Return a date and time with its zone in ISO 8601."""
    return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")


def first_of(openings: Sequence[Opening]) -> str:
    """Return a clause about the first opening, with the number of the others."""
    if not openings:
        raise HpoError("no opening to describe")
    first = (_same(openings) or list(openings))[0]
    same = "" if first.overlap == 1 else f", with {first.overlap:.0%} of the rows in common"
    same = f" ({first.evidence})" if first.evidence else same
    more = f", and {len(openings) - 1} more" if len(openings) > 1 else ""
    return (
        f"first by {first.by} at {moment(first.time)} for {first.search}{same} "
        f"(recipe {first.recipe[:12]}: {scores_text(first)}){more}"
    )
