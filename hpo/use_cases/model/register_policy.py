"""How searches use the test-use register: when they query it, what they warn of, what they refuse.

The register does not depend on the home: it is in the user's data folder, or in the file or database
that ``HPO_REGISTER`` names (shared by a team if all members name the same one), and it recognises test
data by its rows. Shipped practice data is exempt unless the spec says ``practice: false``.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.core.errors import HpoError
from hpo.core.events import TestRefused
from hpo.core.home import Home
from hpo.core.json_values import JsonObject

if TYPE_CHECKING:
    from hpo.data.prepared import Prepared, TestManifest
    from hpo.ledger.register import Opening, Register, Rows
    from hpo.spec.fields import Data


def register_location() -> Path | str:
    """Return the file or database URL in ``HPO_REGISTER``, otherwise a file in the user's data folder."""
    location = os.environ.get("HPO_REGISTER")
    if location:
        return location if "://" in location else Path(location).expanduser().absolute()
    import platformdirs

    return platformdirs.user_data_path("hpo") / "test_register.db"


def open_register() -> Register:
    """Open the register, creating it if necessary."""
    from hpo.ledger.register import Register

    return Register(register_location())


def existing_register() -> Register | None:
    """Open the register for a query; None if its file does not exist, which a query does not create."""
    location = register_location()
    return open_register() if isinstance(location, str) or location.exists() else None


def all_openings() -> list[Opening]:
    """Return every opening on record, oldest first."""
    register = existing_register()
    return register.all() if register else []


def is_exempt(data: Data, prepared: Prepared) -> bool:
    """Return whether openings are not counted: shipped practice data, unless the spec says otherwise."""
    return prepared.info.practice and data.practice is not False


def openings_of(data: Data, prepared: Prepared) -> list[Opening]:
    """Return the openings of a data set's test part so far, oldest first."""
    if prepared.test is None or is_exempt(data, prepared):
        return []
    register = existing_register()
    return register.openings_of(prepared.test.fingerprint, rows_of(prepared.test)) if register else []


def expected_openings(data: Data, base: Path, home: Home) -> list[Opening]:
    """Return the same without reading any data or running a user's code.

    Data that this home has read is recognised by its rows, other data by where it is read from.
    """
    if existing_register() is None:
        return []
    from hpo.data.source_reading import recall

    prepared = recall(data.source, data.arguments, home, base)
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


def source_of(data: Data, base: Path) -> str:
    """Return where data is read from, as a line that is equal for equal sources."""
    return json.dumps([data.source, data.arguments, str(base)], sort_keys=True)


def who() -> str:
    """Return the user and the machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user} on {socket.gethostname()}"


def warning_of(openings: Sequence[Opening]) -> str:
    """Return the warning about test data that was opened before."""
    return (
        f"the test data was opened before: {_first(openings)}. At the end of the search another look will be "
        "refused, unless --again --reason TEXT requests one"
    )


def refusal_of(openings: Sequence[Opening]) -> TestRefused:
    """Return the event that records the refusal of another look."""
    message = (
        f"the test part stays sealed because the same data was opened before: {_first(openings)}. "
        "--again --reason TEXT opens it once more and marks the score as a further look"
    )
    return TestRefused(message, described(openings[0]), len(openings))


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
    scores = ", ".join(f"{name} {score['value']:.4f}" for name, score in opening.scores.items())
    return scores or "no score on record"


def moment(seconds: float) -> str:
    """Return a date and time with its zone in ISO 8601."""
    return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")


def _first(openings: Sequence[Opening]) -> str:
    if not openings:
        raise HpoError("no opening to describe")
    first = openings[0]
    same = "" if first.overlap == 1 else f", with {first.overlap:.0%} of the rows in common"
    more = f", and {len(openings) - 1} more" if len(openings) > 1 else ""
    return (
        f"first by {first.by} at {moment(first.time)} for {first.search}{same} "
        f"(recipe {first.recipe[:12]}: {scores_text(first)}){more}"
    )
