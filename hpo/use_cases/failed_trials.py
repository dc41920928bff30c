"""Which failed trials can be tried again."""

from __future__ import annotations

from collections.abc import Sequence

from hpo.core.errors import Refused, UserError
from hpo.core.events import End
from hpo.core.history import History
from hpo.core.unread_claims import is_unread


def require_sealed(name: str, history: History) -> None:
    """Refuse to add trials to a search whose test part was opened.

    Raises:
        Refused: If it was, or is claimed.
    """
    if is_unread(history) and not history.predictions:
        raise Refused(
            f"the test part of {name} is claimed for the winner of the trials so far, although it has not "
            "been opened; submit a new search"
        )
    if history.claim is not None or history.predictions:
        raise Refused(
            f"the test part of {name} was opened, so a choice among more trials would be made knowing "
            "its score; submit a new search"
        )


def failed_trials(name: str, history: History, wanted: Sequence[int]) -> tuple[int, ...]:
    """Return the numbers of failed trials: those that are wanted, or all that were not made good since.

    Raises:
        Refused: If the test part was opened.
        UserError: If there is no such trial, or it did not fail.
    """
    require_sealed(name, history)
    failed = [trial.trial for trial in history.trials if trial.end is End.FAILED]
    if not failed:
        raise UserError(f"no trial of {name} has failed")
    for number in wanted:
        if number not in failed:
            legal = ", ".join(map(str, failed))
            raise UserError(f"trial {number} of {name} has not failed; legal: {legal}")
    open_ = [number for number in failed if not _made_good(history, number)]
    if not wanted and not open_:
        raise UserError(f"every failed trial of {name} was tried again since, and did not fail")
    return tuple(dict.fromkeys(wanted)) or tuple(open_)


def _made_good(history: History, number: int) -> bool:
    """Return whether a later trial at the point of a failed one did not fail."""
    point = history.trainings[number, 0].point
    later = (trial for trial in history.trials if trial.trial > number and trial.point == point)
    return any(trial.end is not End.FAILED for trial in later)
