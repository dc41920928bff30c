"""Asking a running search to stop."""

from __future__ import annotations

from hpo.core.errors import UserError
from hpo.core.home import Home
from hpo.use_cases.lock import is_held
from hpo.use_cases.reading import open_ledger


def stop(name: str, *, home: Home) -> None:
    """Leave word for the process that runs a search; it stops within a second or two.

    Raises:
        UserError: If there is no such search, or nobody runs it.
    """
    open_ledger(name, home)
    folder = home.search(name)
    if not is_held(folder):
        raise UserError(f"{name} is not running; `hpo status {name}` says how it ended")
    folder.stop_request.touch()
