"""Claims of a test part that were refused before any of its rows was read: they are not openings.

The claim stays on record, with a warning that says why nothing came of it. A later attempt takes it up.
"""

from __future__ import annotations

from hpo.core.history import History

UNREAD = "the test part was claimed and not opened"
"""How the warning begins that is recorded when an attempt ends before a row was read."""
FAILED = "scoring the test part failed before a score was known"
"""How the warning begins that is recorded when the training's code, or its data source, fails."""
CLAIMED_BEFORE = "the claim of the test part is taken up again: it was made before, and no score came of it"
"""Warning that is recorded when another attempt begins."""


def is_unread(history: History) -> bool:
    """Return whether a search claimed its test part, and every attempt is known to have read no row.

    An attempt that neither failed nor was refused was interrupted; it may have read the rows.
    """
    if history.claim is None or history.score is not None:
        return False
    attempts = [text for text in history.warnings if text.startswith((UNREAD, FAILED, CLAIMED_BEFORE))]
    refused = [text for text in attempts if text.startswith(UNREAD)]
    failed = any(text.startswith(FAILED) for text in attempts)
    return bool(refused) and attempts[-1] == refused[-1] and not failed
