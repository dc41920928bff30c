"""What a finished search lacks of what was asked for, so that its test part is not opened unasked."""

from __future__ import annotations

from hpo.core.events import End
from hpo.core.fresh_seeds import FreshSeeds, title_of
from hpo.core.history import History

GAVE_UP = "gave up"
"""How the recorded reason of a search begins that gave up before its budget was spent."""


def shortfall(history: History) -> str:
    """Return what a search with a winner lacks, in a sentence; empty if it lacks nothing.

    A search lacks something if it gave up before its budget was spent, or if trainings of the winner on
    fresh seeds failed, so that its mean is over fewer seeds than the spec asks for.
    """
    if history.finalists is not None and history.finalists.reason.startswith(GAVE_UP):
        return history.finalists.reason
    if history.winner is None:
        return ""
    fresh = FreshSeeds.of(history.opened.spec if history.opened else {})
    failed = [t for t in history.replicates(history.winner.trial) if t.end is End.FAILED]
    if not failed:
        return ""
    causes = ", ".join(f"{title_of(t, fresh)}: {t.cause.value if t.cause else 'unknown'}" for t in failed)
    trainings = "a fresh training of the winner" if len(failed) == 1 else "fresh trainings of the winner"
    return f"{trainings} failed ({causes}), so its mean rests on fewer seeds than the spec requires"
