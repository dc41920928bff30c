"""An error that comes from an edited record is reported as that, whichever command runs into it.

A record holds values that its readers compute with and that no type describes: a spec, points of a space,
facts of the data. The chain of its events tells whether somebody edited one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from hpo.cli.session import Session
from hpo.core.errors import DamagedLedger, UserError

EDITED = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, AssertionError)
"""What computing with an edited value raises."""


def naming_edits(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command that names the edited event of a search where it would end in a traceback."""

    @functools.wraps(command)
    def guarded(*arguments: Any, **options: Any) -> Any:
        try:
            return command(*arguments, **options)
        except EDITED as error:
            context = options.get("context")
            edits = next(_edits(Session.of(context), options.values()), "") if context else ""
            if not edits:
                raise
            raise DamagedLedger(edits) from error

    return guarded


def _edits(session: Session, values: Iterable[Any]) -> Iterator[str]:
    """Yield the first edit of each search that an argument names, in a sentence."""
    from hpo.core.chain_check import find_edits
    from hpo.ledger.searches import open_ledger, read_history

    words = [word for value in values for word in (value if isinstance(value, list) else [value])]
    for search in (word for word in words if isinstance(word, str)):
        with suppress(UserError):
            ledger = open_ledger(search, session.home)
            for finding in find_edits(search, ledger.stored())[:1]:
                audit = session.command(f"audit {search}")
                yield f"the record of {search} was edited and cannot be read: {finding.text}; see `{audit}`"
            read_history(ledger)  # reports an edit after which the chain was computed again
