"""Telling whoever looks on of every event, whichever process wrote it."""

from __future__ import annotations

from hpo.core.history import History
from hpo.core.objective import Objective
from hpo.core.outcome import Watcher
from hpo.core.record import Recorded
from hpo.ledger.store import SearchLedger


class Notifier:
    """Passes events on to a watch, each once, in the ledger's order.

    The conductor hands its events in as they are committed; what others wrote before and after it
    (the search's opening, the evaluator's claim and score) is read from the ledger.
    """

    def __init__(self, watch: Watcher | None, ledger: SearchLedger, objective: Objective, since: int = 0):
        """Begin to tell.

        Args:
            watch: Who is told; None for nobody.
            ledger: The search's record.
            objective: By which its trials count.
            since: Sequence number of the last event that is old news.
        """
        self._watch = watch
        self._ledger = ledger
        self._since = since
        self._history = History(objective)
        if watch:
            watch.begin(ledger.name)

    def event(self, recorded: Recorded, history: History) -> None:
        """Pass on an event that was just committed and folded into the history."""
        self._history = history
        if self._watch:
            self._watch.event(recorded, history)

    def catch_up(self) -> None:
        """Pass on what is on record and was not handed in."""
        if self._watch is None:
            return
        for recorded in self._ledger.read(after=self._history.seq):
            self._history.apply(recorded)
            if recorded.seq > self._since:
                self._watch.event(recorded, self._history)
