"""The keeper: starts searches again whose process ended without recording an end.

It keeps nothing but what the ledger holds, so it can be killed and started at any time, and several keepers
do no harm: a search is taken over by one process (`hpo.ledger.leases`). An attempt that gets nowhere is
followed by the next one after a while, and after a few of them the search has failed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from hpo.core.errors import HpoError, NoCluster
from hpo.core.events import FinalistsNamed, Reported, SearchResumed, TrialEnded, WinnerNamed
from hpo.core.formatting import count
from hpo.core.home import Home
from hpo.ledger.leases import Lease
from hpo.ledger.store import LedgerStore, SearchLedger
from hpo.running.cluster_connection import require_reachable
from hpo.use_cases.search.detached import start_detached
from hpo.use_cases.search.ending import record_failure
from hpo.use_cases.search.holding import running_searches
from hpo.use_cases.search.run_options import RunOptions

PROGRESS = (Reported, TrialEnded, FinalistsNamed, WinnerNamed)
"""Events that an attempt leaves unless it got nowhere."""

PAUSE, LONGEST_PAUSE = 5.0, 300.0
"""Seconds before an attempt that follows one without progress; twice as long each time, up to the second."""

ATTEMPTS = 5
"""Attempts without progress after which a search has failed."""


@dataclass
class Keeper:
    """Starts interrupted searches again whose files are in a home; others are left to keepers of their homes.

    Attributes:
        home: The home.
        show: Receives a line about each thing that it does.
    """

    home: Home
    show: Callable[[str], None]
    _refused: dict[str, list[float]] = field(default_factory=dict)
    _waits: set[str] = field(default_factory=set)

    def turn(self) -> None:
        """Look at all searches once, and start those again that need it and whose pause is over."""
        if not self.home.is_used:
            return
        store = LedgerStore.of(self.home)
        try:
            for lease in self._interrupted(store):
                self._take_up(store.open(lease.search), lease)
        finally:
            store.close()

    def _interrupted(self, store: LedgerStore) -> Iterator[Lease]:
        """Yield the leases that expired while their search was running."""
        expired = [lease for lease in store.leases() if lease.is_expired]
        if not expired:
            return
        unended = {name for name, summary in store.summaries() if summary.status == "running"}
        running = running_searches(self.home, store, [lease.search for lease in expired])
        for lease in expired:
            is_local = self.home.search(lease.search).root.is_dir()  # a team's searches lie in many homes
            if is_local and lease.search in unended and lease.search not in running:
                yield lease

    def _take_up(self, ledger: SearchLedger, lease: Lease) -> None:
        name = ledger.name
        attempts = [*without_progress(ledger), *self._refused.get(name, ())]
        if len(attempts) >= ATTEMPTS:
            reason = f"{count(len(attempts), 'attempt')} to continue it ended without a result; see run.log"
            record_failure(self.home, ledger, lease, reason)
            self.show(f"{name}: failed: {reason}")
            return
        if attempts and time.time() < max(attempts) + pause_after(len(attempts)):
            return
        options = RunOptions.of_json(lease.options)
        if self._waits_for_cluster(name, options.address):
            return
        try:
            run = start_detached(self.home, name, options)
        except HpoError as error:
            self._refused.setdefault(name, []).append(time.time())
            self.show(f"{name}: {error}")
        else:
            self._refused.pop(name, None)
            self.show(f"{name}: {lease.holder} ended; process {run.pid} continues it")

    def _waits_for_cluster(self, name: str, address: str | None) -> bool:
        """Return whether nothing listens at the address of a search's cluster, and say so once."""
        try:
            require_reachable(address or os.environ.get("RAY_ADDRESS") or "")
        except NoCluster as error:
            if name not in self._waits:
                self._waits.add(name)
                self.show(f"{name}: waits, because {error}")
            return True
        self._waits.discard(name)
        return False


def pause_after(attempts: int) -> float:
    """Return the seconds to wait after a number of attempts without progress."""
    return float(min(LONGEST_PAUSE, PAUSE * 2.0 ** (attempts - 1)))


def without_progress(ledger: SearchLedger) -> list[float]:
    """Return when the attempts began that left nothing since the search last made progress."""
    begun: list[float] = []
    for resumed in reversed(list(ledger.read(kinds=[SearchResumed]))):
        if any(ledger.read(after=resumed.seq, kinds=PROGRESS)):
            break
        begun.append(resumed.time)
    return begun


def keep(home: Home, show: Callable[[str], None], every: float, wait: Callable[[float], bool]) -> None:
    """Look after the searches of a home until it is told to end.

    Args:
        home: The home.
        show: Receives a line about each thing that it does, and about a ledger that cannot be read.
        every: Seconds between two looks.
        wait: Waits for a number of seconds, and returns whether to end.
    """
    keeper, trouble = Keeper(home, show), ""
    while True:
        try:
            keeper.turn()
            trouble = ""
        except HpoError as error:  # a database that is away; it may come back
            if str(error) != trouble:
                trouble = str(error)
                show(trouble)
        if wait(every):
            return
