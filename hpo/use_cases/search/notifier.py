"""Passing every event to a watcher, whichever process wrote it."""

from __future__ import annotations

from hpo.core.history import History
from hpo.core.objective import Objective
from hpo.core.outcome import WaitingWatcher, Watcher
from hpo.core.record import Recorded
from hpo.ledger.store import SearchLedger


class Notifier:
    """Passes events to a watcher, each once, in the ledger's order.

    The conductor delivers its events when they are committed; events written by others before and after
    it (the search's opening, the evaluator's claim and score) are read from the ledger.
    """

    def __init__(
        self, watch: Watcher | None, ledger: SearchLedger, objective: Objective, since: History | None = None
    ):
        """Announce the search to the watcher.

        Args:
            watch: Receives the events; may be None.
            ledger: The search's record.
            objective: The search's objective.
            since: The state of which the watcher knows; None if it is to see every event.
        """
        self._watch = watch
        self._ledger = ledger
        self._history = since.copy() if since else History(objective)
        if watch:
            watch.begin(ledger.name)

    def event(self, recorded: Recorded, history: History) -> None:
        """Pass on an event that was just committed and applied to the history."""
        self._history = history
        if self._watch:
            self._watch.event(recorded, history)

    def waiting(self, what: str) -> None:
        """Pass on what the search waits for."""
        if isinstance(self._watch, WaitingWatcher):
            self._watch.waiting(what)

    def catch_up(self) -> None:
        """Pass on events on record that were not delivered."""
        if self._watch is None:
            return
        for recorded in self._ledger.read(after=self._history.seq):
            self._history.apply(recorded)
            self._watch.event(recorded, self._history)
