"""The mirror: follows a ledger and shows it in MLflow, in its own process and its own time.

The ledger is the truth. The mirror can be killed at any moment, replayed from any position and
rebuilt into an empty store: everything it writes says the same when it is written again, and the
store itself states the position it has reached, after all that leads up to it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from hpo.core.events import SearchResumed
from hpo.core.home import SearchFolder
from hpo.core.ports import Ledger
from hpo.tracking import mirror_progress
from hpo.tracking.mirror_progress import MirrorProgress
from hpo.tracking.projection import RunProjection, search_id
from hpo.tracking.run_changes import RunStore, StoredRuns, Unreachable

EVENTS_PER_BATCH = 2_000
LONGEST_PAUSE = 30.0


class Mirror:
    """Shows one search.

    Args:
        ledger: Its record.
        store: Where it is shown.
        picture: Fresh; what it looks like.
        folder: Where the mirror's progress is written.
    """

    def __init__(self, ledger: Ledger, store: RunStore, picture: RunProjection, folder: SearchFolder):
        self._ledger, self._store, self._picture, self._folder = ledger, store, picture, folder
        self._found = False
        self._position = 0

    @property
    def position(self) -> int:
        """Sequence number of the last event that the store shows."""
        return self._position

    def catch_up(self) -> int:
        """Show everything the ledger has by now; the position reached.

        Raises:
            Unreachable: If the store did not take it; call again later, nothing is lost.
        """
        try:
            if self._found or self._find():
                while batch := list(islice(self._ledger.read(self._position), EVENTS_PER_BATCH)):
                    self._store.write(self._picture.changes(batch), batch[-1].seq)
                    self._position = batch[-1].seq
        except Unreachable:
            # Half of a batch may be there: what is and what is not is found out from the start.
            self._found, self._picture = False, self._picture.fresh()
            raise
        return self._position

    def follow(
        self,
        stop: Callable[[], bool],
        wait: Callable[[float], None],
        interval: float = 1.0,
        grace: int = 2,
    ) -> bool:
        """Keep the store up to date until told to stop, then once more.

        Args:
            stop: Says that the ledger will not grow any more.
            wait: Sleeps for some seconds, or less if there is a reason to look again.
            interval: Seconds between two looks at the ledger.
            grace: Attempts after the stop at a store that does not answer.

        Returns:
            Whether the store shows the whole ledger.
        """
        failures = 0
        while True:
            last = stop()
            error = self._attempt()
            failures = failures + 1 if error else 0
            if last and (not error or failures >= grace):
                return not error
            wait(min(interval * 2 ** min(failures, 10), LONGEST_PAUSE) if not last else interval)

    def _attempt(self) -> str:
        """One try to catch up; why it failed, or an empty text."""
        before, error = self._position, ""
        try:
            self.catch_up()
        except Unreachable as exc:
            error = str(exc)
        now = MirrorProgress(self._position, error)
        if error or self._position != before or now != mirror_progress.load_progress(self._folder):
            mirror_progress.save_progress(self._folder, now)
        return error

    def _find(self) -> bool:
        """Find out what the store has already; False while the ledger is empty."""
        opened = next(iter(self._ledger.read(0)), None)
        if opened is None:
            return False
        standing = self._store.open(search_id(self._picture.name, opened))
        if not self._fits(standing.position):
            standing = StoredRuns()
        if standing.position:
            self._picture.changes(islice(self._ledger.read(0), standing.position))
            # Someone deleted runs: show everything again, which changes nothing of the others.
            if not self._picture.runs <= standing.runs:
                self._picture = self._picture.fresh()
                standing = StoredRuns()
        self._position = standing.position
        self._found = True
        return True

    def _fits(self, position: int) -> bool:
        """Whether what the store shows is on record.

        A ledger that lost its end to a damaged disk has other events there, or will have. The store
        then shows more than there was when the search was resumed, before this mirror showed any.
        """
        last = resumed = 0
        for each in self._ledger.read(0) if position else ():
            last = each.seq
            resumed = each.seq if isinstance(each.event, SearchResumed) else resumed
        return position <= last and (self._position > 0 or not resumed or position < resumed)
