"""What the test-use register means for a search: when it is asked, what it says, what it refuses.

A new folder is no new look: the register lies in the user's data folder, or in the file or database
that ``HPO_REGISTER`` names (a team's, if all of it name one), and knows test data by its rows.
Shipped practice data is exempt unless the spec says ``practice: false``.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpo.core.errors import HpoError
from hpo.core.events import TestRefused
from hpo.core.home import Home

if TYPE_CHECKING:
    from hpo.data.prepared import Prepared, TestManifest
    from hpo.ledger.register import Opening, Register, Rows
    from hpo.spec.fields import Data


def register_location() -> Path | str:
    """The register: the file or database URL in ``HPO_REGISTER``, otherwise in the user's data folder."""
    named = os.environ.get("HPO_REGISTER")
    if named:
        return named if "://" in named else Path(named).expanduser().absolute()
    import platformdirs

    return platformdirs.user_data_path("hpo") / "test_register.db"


def open_register() -> Register:
    """The register, made if it is not there."""
    from hpo.ledger.register import Register

    return Register(register_location())


def known_register() -> Register | None:
    """The register to be asked; None if no file was made yet, since asking makes none."""
    place = register_location()
    return open_register() if isinstance(place, str) or place.exists() else None


def openings() -> list[Opening]:
    """Every opening on record, oldest first."""
    register = known_register()
    return register.all() if register else []


def is_exempt(data: Data, prepared: Prepared) -> bool:
    """Whether looks at this test part are free: practice data that ships, unless the spec objects."""
    return prepared.info.practice and data.practice is not False


def looks_at(data: Data, prepared: Prepared) -> list[Opening]:
    """Looks at the test part of a data set so far, oldest first."""
    if prepared.test is None or is_exempt(data, prepared):
        return []
    register = known_register()
    return register.looks(prepared.test.fingerprint, rows_of(prepared.test)) if register else []


def expected_looks(data: Data, base: Path, home: Home) -> list[Opening]:
    """The same without reading any data or running a user's code.

    Data that this home has read is known by its rows; any other by the place it is read from.
    """
    if known_register() is None:
        return []
    from hpo.data.source_reading import recall

    prepared = recall(data.source, data.arguments, home, base)
    if prepared is not None:
        return looks_at(data, prepared)
    source = source_of(data, base)
    return [each for each in openings() if each.source == source and each.state != "withdrawn"]


def rows_of(test: TestManifest) -> Rows:
    """Digests of a test part's rows; none if their file is of other data."""
    import numpy as np

    from hpo.data.prepared import mapped
    from trainables.data.digests import set_digest

    rows = np.asarray(mapped(test.digests)) if test.digests.exists() else np.zeros((0, 2), np.uint64)
    return rows if set_digest(rows) == test.fingerprint else np.zeros((0, 2), np.uint64)


def source_of(data: Data, base: Path) -> str:
    """Where data is read from, in a line that is equal for the same place."""
    return json.dumps([data.source, data.arguments, str(base)], sort_keys=True)


def who() -> str:
    """Who looks: user and machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user} on {socket.gethostname()}"


def warning_of(looks: Sequence[Opening]) -> str:
    """What is said at once of test data that was opened before."""
    return (
        f"the test data was opened before: {_first(looks)}. At its end the search will be refused "
        "another look, unless --again --reason TEXT asks for one"
    )


def refusal_of(looks: Sequence[Opening]) -> TestRefused:
    """What goes on record when another look is refused."""
    message = (
        f"the test part stays closed, since the same data was opened before: {_first(looks)}. "
        "--again --reason TEXT opens it once more, and marks the score as a further look"
    )
    return TestRefused(message, described(looks[0]), len(looks))


def described(look: Opening) -> dict[str, Any]:
    """A look as a JSON value."""
    return {
        "when": moment(look.time),
        "by": look.by,
        "search": look.search,
        "recipe": look.recipe,
        "scores": {name: dict(score) for name, score in look.scores.items()},
        "overlap": look.overlap,
    }


def scores_text(look: Opening) -> str:
    """What a look showed, on one line."""
    scores = ", ".join(f"{name} {score['value']:.4f}" for name, score in look.scores.items())
    return scores or "no score on record"


def moment(seconds: float) -> str:
    """A time of day with its zone, as people and programs read it."""
    return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")


def _first(looks: Sequence[Opening]) -> str:
    if not looks:
        raise HpoError("there is no look to name")
    look = looks[0]
    same = "" if look.overlap == 1 else f", {look.overlap:.0%} of whose rows are the same"
    more = f", and {len(looks) - 1} more" if len(looks) > 1 else ""
    return (
        f"first by {look.by} at {moment(look.time)} for {look.search}{same} "
        f"(recipe {look.recipe[:12]}: {scores_text(look)}){more}"
    )
