"""The mirror: follows a ledger and writes it to MLflow, in its own process and at its own pace.

The ledger is the source of truth. The mirror can be killed at any moment, replayed from any position
and rebuilt into an empty store: all its writes are idempotent, and the store itself records the
position it has reached, after everything up to it has been written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

from hpo.core.events import SearchResumed
from hpo.core.home import SearchFolder
from hpo.core.ports import Ledger
from hpo.tracking import mirror_progress
from hpo.tracking.mirror_progress import MirrorProgress
from hpo.tracking.projection import RunProjection
from hpo.tracking.run_changes import RunStore, StoredRuns, Unreachable
from hpo.tracking.run_names import search_id

EVENTS_PER_BATCH = 2_000
LONGEST_PAUSE = 30.0


class Mirror:
    """Mirrors one search.

    Args:
        ledger: Its record.
        store: The MLflow store.
        projection: Fresh; turns events into changes of runs.
        folder: Folder of the search, for the mirror's progress.
    """

    def __init__(self, ledger: Ledger, store: RunStore, projection: RunProjection, folder: SearchFolder):
        self._ledger, self._store, self._projection, self._folder = ledger, store, projection, folder
        self._opened = False
        self._position = 0

    @property
    def position(self) -> int:
        """Sequence number of the last event that the store shows."""
        return self._position

    @property
    def page(self) -> str:
        """Path of the search's page on a tracking server; empty without a server."""
        return self._store.page

    def catch_up(self) -> int:
        """Write everything that the ledger has by now, and return the position reached.

        Raises:
            Unreachable: If the store failed; call again later, nothing is lost.
        """
        try:
            if self._opened or self._find():
                while batch := list(islice(self._ledger.read(self._position), EVENTS_PER_BATCH)):
                    self._store.write(self._projection.changes(batch), batch[-1].seq)
                    self._position = batch[-1].seq
        except Unreachable:
            # Half of a batch may have been written: compare with the store from the start.
            self._opened, self._projection = False, self._projection.fresh()
            raise
        return self._position

    def attach(self, files: Sequence[Path]) -> None:
        """Add files to the search's run, in a store that is up to date.

        Raises:
            Unreachable: If the store failed.
        """
        if files and self._opened:
            self._store.write([self._projection.with_files(files)], self._position)

    def follow(
        self,
        stop: Callable[[], bool],
        wait: Callable[[float], None],
        interval: float = 1.0,
        grace: int = 2,
    ) -> bool:
        """Keep the store up to date until asked to stop, then update it a last time.

        Args:
            stop: Returns whether the ledger is complete.
            wait: Sleeps for some seconds, or less if there is a reason to poll again.
            interval: Seconds between two polls of the ledger.
            grace: Attempts after the stop if the store does not answer.

        Returns:
            Whether the store has the whole ledger.
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
        """Try once to catch up; return why it failed, or an empty string."""
        before, error = self._position, ""
        try:
            self.catch_up()
        except Unreachable as exc:
            error = str(exc)
        now = MirrorProgress(self._position, error, self.page)
        if error or self._position != before or now != mirror_progress.load_progress(self._folder):
            mirror_progress.save_progress(self._folder, now)
        return error

    def _find(self) -> bool:
        """Find out what the store already has; return False while the ledger is empty."""
        opened = next(iter(self._ledger.read(0)), None)
        if opened is None:
            return False
        stored = self._store.open(search_id(self._projection.name, opened))
        if not self._fits(stored.position):
            stored = StoredRuns()
        if stored.position:
            self._projection.changes(islice(self._ledger.read(0), stored.position))
            # Someone deleted runs: write everything again, which leaves the others unchanged.
            if not self._projection.runs <= stored.runs:
                self._projection = self._projection.fresh()
                stored = StoredRuns()
        self._position = stored.position
        self._opened = True
        return True

    def _fits(self, position: int) -> bool:
        """Return whether what the store shows is on record.

        A ledger that lost its end to a damaged disk has, or will have, other events there. The store
        is then ahead of the position at which the search was resumed, before this mirror wrote anything.
        """
        if position and next(iter(self._ledger.read(position - 1)), None) is None:
            return False
        resumed = max((recorded.seq for recorded in self._ledger.read(kinds=[SearchResumed])), default=0)
        return self._position > 0 or not resumed or position < resumed or not position
