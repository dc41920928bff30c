"""Showing a search in MLflow from its record: after an outage, or in an empty store."""

from __future__ import annotations

from hpo.core.errors import HpoError
from hpo.core.home import Home
from hpo.ledger.store import Store
from hpo.tracking.changes import Unreachable
from hpo.tracking.target import Target
from hpo.use_cases.mirroring import mirror_of


def mirror(name: str, *, home: Home) -> int:
    """Bring MLflow up to date with a search; nothing is doubled that is there.

    Returns:
        Number of events that MLflow shows now.

    Raises:
        UserError: If there is no such search.
        HpoError: If MLflow cannot be reached.
    """
    ledger = Store.at(home.ledger).open(name)
    try:
        return mirror_of(home, ledger).catch_up()
    except Unreachable as error:
        raise HpoError(f"MLflow at {Target.of(home).shown} cannot be reached: {error}") from error
