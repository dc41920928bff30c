"""Saving what is whole of a home's damaged ledger, and going on with that."""

from __future__ import annotations

from pathlib import Path

from hpo.core.errors import Refused, UserError
from hpo.core.home import Home
from hpo.ledger.rescue import Saved, is_whole, rescue_database
from hpo.use_cases.search.lock import is_locked


def rescue_ledger(home: Home) -> tuple[list[Saved], Path] | None:
    """Put a new ledger with every event that can be relied on in a damaged one's place.

    What is lost of a search is trained again when it is resumed.

    Args:
        home: Whose ledger it is.

    Returns:
        What was saved, search by search, and where the damaged file is now; None if it is whole.

    Raises:
        UserError: If there is no ledger.
        Refused: If a search runs.
        HpoError: If nothing of it can be read.
    """
    if not home.is_used:
        raise UserError(f"{home.root} holds no ledger")
    folders = (home.root / "searches").glob("*")
    running = [each.name for each in folders if is_locked(home.search(each.name))]
    if running:
        raise Refused(f"{', '.join(running)} is running; stop it first")
    return None if is_whole(home.ledger) else rescue_database(home.ledger)
