"""Ask a running search to stop."""

from __future__ import annotations

from hpo.core.home import Home
from hpo.core.users import user_name
from hpo.ledger.requests import STOP, Requests
from hpo.ledger.searches import open_ledger
from hpo.use_cases.search.holding import require_running


def stop_search(name: str, *, home: Home) -> None:
    """Leave a stop request for the process that runs a search; it stops within a second or two.

    Raises:
        UserError: If there is no such search, or it is not running.
    """
    ledger = open_ledger(name, home)
    require_running(home, name)
    if home.database:  # it may run on another machine
        Requests(ledger).leave(user_name(), STOP, 1)
    if home.search(name).root.is_dir():
        home.search(name).stop_request.touch()
