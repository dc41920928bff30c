"""Where the test-use register is, and how it is opened."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.core.home import LEDGER

if TYPE_CHECKING:
    from hpo.ledger.register import Register
    from hpo.spec.data_fields import Data


def register_location() -> Path | str:
    """Return what ``HPO_REGISTER`` names, otherwise a team's ledger, or a file in the user's data folder."""
    ledger = os.environ.get(LEDGER, "")
    location = os.environ.get("HPO_REGISTER") or (ledger if ledger.startswith("postgres") else "")
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
    try:
        exists = isinstance(location, str) or location.exists()
    except OSError:  # such as a folder of another user: opening the register says what is wrong
        exists = True
    return open_register() if exists else None


def signing_key(data: Data) -> bytes | None:
    """Return the key for the digests and the signature of a test part; None for practice data.

    Creates the register if there is none, so that no digest of labels is ever without a key.
    """
    from trainables.parts.data_sources import PRACTICE

    return None if data.source in PRACTICE and data.practice is not False else open_register().key
