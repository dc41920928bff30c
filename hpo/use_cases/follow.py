"""Following a search that another process runs, event by event."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.record import Recorded
from hpo.ledger.searches import objective_of, open_ledger, opened_of
from hpo.use_cases.search.holding import is_running

POLL_SECONDS = 0.5
"""Seconds between two polls of a search that another process runs."""


def follow_search(
    name: str, home: Home, idle: Callable[[], None] = lambda: None
) -> Iterator[tuple[Recorded, History]]:
    """Yield every event of a search with the state after it, until the search ends.

    Args:
        name: Name of the search.
        home: Home of the search.
        idle: Called whenever all events so far have been yielded.
    """
    ledger = open_ledger(name, home)
    history = History(objective_of(opened_of(ledger)))
    while True:
        for recorded in ledger.read(after=history.seq):
            history.apply(recorded)
            yield recorded, history
        idle()
        if history.ended or not is_running(home, name):
            return
        time.sleep(POLL_SECONDS)
