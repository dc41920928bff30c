"""A running search as JSON, a line for each event: for programs."""

from __future__ import annotations

from typing import IO

from hpo.cli.session import dumps
from hpo.core.history import History
from hpo.core.json_values import fields_of
from hpo.core.record import Recorded
from hpo.reports.plain_lines import LineStream


class JsonLines:
    """One JSON object per event."""

    def __init__(self, stream: IO[str]):
        self._lines = LineStream(stream)
        self._search = ""

    def begin(self, search: str) -> None:
        """Name the search in every line."""
        self._search = search

    def event(self, recorded: Recorded, history: History) -> None:
        """Write the event with its search, sequence number, time and kind."""
        kind = type(recorded.event).__name__
        head = {"search": self._search, "seq": recorded.seq, "time": recorded.time, "event": kind}
        self._lines.write(dumps({**head, **fields_of(recorded.event)}))
