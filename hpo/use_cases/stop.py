"""Ask a running search to stop."""

from __future__ import annotations

from hpo.core.home import Home
from hpo.ledger.searches import open_ledger
from hpo.use_cases.search.lock import require_running


def stop_search(name: str, *, home: Home) -> None:
    """Leave a stop request for the process that runs a search; it stops within a second or two.

    Raises:
        UserError: If there is no such search, or it is not running.
    """
    open_ledger(name, home)
    folder = home.search(name)
    require_running(folder, name)
    folder.stop_request.touch()
