"""Copy the files of a search from a team's store into this home, for a machine that did not run it."""

from __future__ import annotations

from pathlib import Path

from hpo.core.errors import UserError
from hpo.core.home import Home
from hpo.core.private_files import refuse_links
from hpo.ledger.searches import open_ledger
from hpo.use_cases.search.sources import fetch_missing, stored_digests, team_store


def fetch_files(name: str, *, home: Home) -> list[Path]:
    """Copy what the store has of a search; a file that is here already stays.

    Args:
        name: The search's name.
        home: Home to copy to.

    Returns:
        The files, here now.

    Raises:
        UserError: If there is no such search, ``HPO_STORE`` names no store, or it has nothing of the search.
        HpoError: If the store cannot be read, or a file in it is missing or damaged.
    """
    digests, store = stored_digests(open_ledger(name, home)), team_store()
    if not digests:
        raise UserError(f"nothing of {name} is in a store: it has not ended, or ran without one")
    folder = home.create().search(name).root
    refuse_links(home.root, folder)
    folder.mkdir(parents=True, exist_ok=True)
    return fetch_missing(store, digests, folder)
