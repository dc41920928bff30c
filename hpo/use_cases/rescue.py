"""Replace a damaged ledger with one that holds every event that can be recovered."""

from __future__ import annotations

from pathlib import Path

from hpo.core.errors import Refused, UserError
from hpo.core.home import Home
from hpo.ledger.rescue import Saved, is_whole, rescue_database
from hpo.use_cases.search.lock import is_locked


def rescue_ledger(home: Home) -> tuple[list[Saved], Path] | None:
    """Replace a damaged ledger with a new one of all the events that are intact.

    Resuming a search trains again what it lost.

    Args:
        home: Home of the ledger.

    Returns:
        What was saved, search by search, and where the damaged file is now; None if the ledger is
        not damaged.

    Raises:
        UserError: If there is no ledger, or it is a team's database, which its own tools restore.
        Refused: If a search runs.
        HpoError: If nothing can be recovered.
    """
    if not home.is_used:
        raise UserError(f"{home.root} has no ledger")
    if home.database:
        raise UserError("the ledger is a team's database: restore it from its server's backup")
    folders = (home.root / "searches").glob("*")
    running = [folder.name for folder in folders if is_locked(home.search(folder.name))]
    if running:
        raise Refused(f"{', '.join(running)} is running; stop it first")
    return None if is_whole(home.ledger) else rescue_database(home.ledger)
