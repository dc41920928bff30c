"""Holding a search: one process runs it, and a second one learns which process that is.

A home with a ledger of its own has a lock for each search (`hpo.use_cases.search.lock`), which the operating
system releases when its holder dies. Where several machines share a ledger, the lease decides
(`hpo.ledger.leases`). All searches have a lease, so that a keeper can tell whose process died.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

import sqlalchemy as sa

from hpo.core.errors import ClusterLost, HpoError, LeaseLost, NoCluster, Refused, UserError
from hpo.core.events import Event
from hpo.core.home import Home
from hpo.core.users import user_name
from hpo.ledger.leases import FIRST, Lease, SearchLease, lease_seconds
from hpo.ledger.searches import open_ledger
from hpo.ledger.store import LedgerStore, SearchLedger
from hpo.use_cases.search.lock import create_folder, hold_lock, is_locked
from hpo.use_cases.search.run_options import RunOptions

RENEWALS = 4
"""Attempts to renew a lease in the time for which it holds."""

POLL = 0.25
"""Seconds between two looks at a lease that may expire."""


class SearchHold:
    """A search that this process holds, from before it reads the record to its end.

    Args:
        ledger: The search's record.
        alone: Whether no other process can be running the search, whatever its lease says.
    """

    def __init__(self, ledger: SearchLedger, *, alone: bool):
        self.ledger = ledger
        self._alone, self._seconds = alone, lease_seconds()
        self._lease = SearchLease(ledger, this_process(), self._seconds)
        self._over, self._lost = threading.Event(), threading.Event()
        self._renewer = threading.Thread(target=self._renew, name="lease", daemon=True)

    def begin(self, options: RunOptions, first: Sequence[Event] = (), *, after: int | None = None) -> None:
        """Begin an attempt to run the search: take its lease, write the first events, and renew it.

        Args:
            options: How the search is run.
            first: The first events of the attempt.
            after: Position of the last event that they were decided after; None if that does not matter.

        Raises:
            Refused: If another process holds the lease, or wrote to the record after that position.
        """
        self._lease.take(options.to_json(), first, after=after, force=self._alone)
        self._renewer.start()

    @property
    def attempt(self) -> int:
        """Number of times that a process has begun to run the search, this one included.

        The lease that the search was opened with does not count.
        """
        return max(1, (self.ledger.epoch or FIRST) - FIRST)

    def require(self) -> None:
        """Refuse to go on after another process has taken the search over.

        Raises:
            LeaseLost: If it has.
        """
        if self._lost.is_set():
            raise LeaseLost(self.ledger.name)

    def end(self) -> None:
        """Give the lease back, if it is still this process's and was not left to expire."""
        if self._over.is_set():
            return
        self.leave()
        if self._renewer.ident is not None:
            with suppress(HpoError):  # it expires by itself
                self._lease.release()

    def leave(self) -> None:
        """Let the lease expire, which tells a keeper that the search goes on without this process."""
        self._over.set()
        if self._renewer.ident is not None:
            self._renewer.join()

    def _renew(self) -> None:
        while not self._over.wait(self._seconds / RENEWALS):
            with suppress(HpoError, sa.exc.SQLAlchemyError):  # a server that is away; appends compare epochs
                if not self._lease.renew():
                    self._lost.set()
                    return


@contextmanager
def held(home: Home, ledger: SearchLedger, *, new: bool = False) -> Iterator[SearchHold]:
    """Hold a search while the block runs.

    Args:
        home: Home of the search.
        ledger: Its record.
        new: Whether this process has just opened it.

    Raises:
        Refused: If another process holds it.
        UserError: If the home belongs to another user, or contains a symbolic link.
    """
    with ExitStack() as stack:
        if home.database:
            create_folder(home.search(ledger.name))
            if not new:
                await_expiry(ledger)
        else:
            stack.enter_context(hold_lock(home.search(ledger.name), ledger.name))
        hold = SearchHold(ledger, alone=new or not home.database)
        stack.callback(hold.end)
        try:
            yield hold
        except (ClusterLost, NoCluster):
            hold.leave()
            raise


def is_running(home: Home, name: str) -> bool:
    """Return whether a process runs a search now."""
    if not home.database:
        return is_locked(home.search(name))
    lease = _lease(open_ledger(name, home))
    return lease is not None and lease.is_held


def running_searches(home: Home, store: LedgerStore, names: Sequence[str]) -> set[str]:
    """Return which of several searches are run by a process now."""
    if not home.database:
        return {name for name in names if is_locked(home.search(name))}
    return {lease.search for lease in store.leases() if lease.is_held}


def require_running(home: Home, name: str) -> None:
    """Refuse a search that no process runs.

    Raises:
        UserError: If none does.
    """
    if not is_running(home, name):
        raise UserError(f"{name} is not running; `hpo status {name}` shows how it ended")


def this_process() -> str:
    """Return this process in words, and after them what makes each call different."""
    words = f"process {os.getpid()} of {user_name()} on {socket.gethostname()}"
    return f"{words};{secrets.token_hex(8)}"


def _lease(ledger: SearchLedger) -> Lease | None:
    return SearchLease(ledger, "", 0.0).state()


def await_expiry(ledger: SearchLedger) -> None:
    """Wait for the end of a lease that is no longer renewed; its holder may have died a moment ago.

    Raises:
        Refused: If it is renewed meanwhile.
    """
    first = lease = _lease(ledger)
    while first and lease and lease.is_held:
        if lease.epoch != first.epoch or lease.left > first.left:
            raise Refused(f"{ledger.name} is being run by {lease.holder}")
        first = lease
        time.sleep(POLL)
        lease = _lease(ledger)


def take_new(options: RunOptions, connection: sa.Connection, ledger: SearchLedger) -> None:
    """Take the lease of a search in the transaction that opens it, so that it is never without one."""
    SearchLease(ledger, this_process(), lease_seconds()).take_new(connection, options.to_json())


def release(ledger: SearchLedger) -> None:
    """Give back the lease of a search that this process has opened and does not run."""
    ledger.epoch = FIRST
    SearchLease(ledger, "", lease_seconds()).release()
    ledger.epoch = None
