"""A cursor of PostgreSQL's driver for several statements in one message, of which the last is of interest."""

from __future__ import annotations

from typing import Any

import psycopg


class LastResult(psycopg.Cursor[Any]):
    """A cursor that stands at the last result of what it executed, and not at the first."""

    def execute(self, *args: Any, **kwargs: Any) -> LastResult:
        """Execute statements, and go to the result of the last one."""
        super().execute(*args, **kwargs)
        while self.nextset():
            pass
        return self
