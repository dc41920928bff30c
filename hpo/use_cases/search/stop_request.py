"""Whether a search that this process runs was asked to stop, and by whom it can be asked."""

from __future__ import annotations

import time

from hpo.core.home import Home
from hpo.ledger.requests import STOP, Requests
from hpo.ledger.store import SearchLedger
from hpo.use_cases.search import disk_space
from hpo.use_cases.search.holding import SearchHold
from hpo.use_cases.search.signals import Signals

POLL_SECONDS = 0.5
"""Seconds between two looks at what other processes left."""


class StopRequest:
    """Checks whether a signal or another process asked the search to stop, or the disk is filling up.

    Attributes:
        before: Number of the last request that was left in the ledger before this process ran the search.
    """

    def __init__(self, home: Home, ledger: SearchLedger, signals: Signals, hold: SearchHold | None = None):
        self._home = home
        self._path = home.search(ledger.name).stop_request
        self._signals = signals
        self._hold = hold
        self._requests = Requests(ledger)
        self.before = self._requests.last
        self._next = 0.0

    def received(self) -> bool:
        """Return whether the search was asked to stop."""
        return self._signals.received is not None or self._path.exists()

    def asked(self) -> bool:
        """Return whether the search was asked to stop, in the ledger as well, where trainings do not run.

        While they run, requests in the ledger are taken up by a `RequestInbox`.
        """
        return self.received() or any(request.field == STOP for request in self._requests.after(self.before))

    def poll(self) -> bool:
        """Check for a signal every time, and at intervals for the request file and disk space.

        Raises:
            LeaseLost: If another process has taken the search over.
            HpoError: If the disk is almost full; the record is safe.
        """
        if self._hold:
            self._hold.require()
        now = time.monotonic()
        if now < self._next:
            return self._signals.received is not None
        self._next = now + POLL_SECONDS
        disk_space.require_disk_space(self._home, disk_space.TO_GO_ON)
        return self.received()
