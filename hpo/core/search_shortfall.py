"""What a finished search lacks of what was asked for, so that its test part is not opened unasked."""

from __future__ import annotations

from hpo.core.constraints import complaints, excesses
from hpo.core.events import Cause, End
from hpo.core.fresh_seeds import FreshSeeds, title_of
from hpo.core.history import History
from hpo.core.training_state import Training

GAVE_UP = "gave up"
"""How the recorded reason of a search begins that gave up before its budget was spent."""

UNSATISFIED = "no trial satisfies the constraints"
"""How the recorded reason of a search begins that has no winner because of its constraints."""


def unsatisfied(history: History) -> str:
    """Return that no trial satisfies the constraints, and which is nearest; empty if that is not why."""
    constraints = history.objective.constraints
    fresh = [t for t in history.trainings.values() if t.replicate and t.cause is Cause.CONSTRAINT]
    if fresh:
        return f"{UNSATISFIED} on fresh seeds: trial {fresh[0].trial}: {fresh[0].message}"
    violating = [t for t in history.trials if t.at_counted and not history.feasible(t)]
    if not constraints or not violating:
        return ""

    def distance(training: Training) -> float:
        beyond = excesses(constraints, training.at_counted, trained=True)
        return sum(max(0.0, excess) for excess in beyond.values())

    nearest = min(violating, key=distance)
    how = "; ".join(complaints(constraints, nearest.at_counted, trained=True)) or nearest.message
    return f"{UNSATISFIED}; the nearest is trial {nearest.trial}: {how}"


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


def why_none_succeeded(history: History) -> str:
    """Return why a search has no winner, with the causes of its failed trainings and their first messages."""
    gave_up = history.finalists.reason if history.finalists else ""
    if gave_up.startswith(UNSATISFIED):
        return gave_up
    causes: dict[str, int] = {}
    messages: dict[str, str] = {}
    for training in history.trainings.values():
        if training.end is End.FAILED:
            name = training.cause.value if training.cause else "unknown"
            name += " on a fresh seed" if training.replicate else ""
            causes[name] = causes.get(name, 0) + 1
            messages.setdefault(name, training.message)
    none = "none was trained to its end" if history.trials else "no trial was started"
    counted = ", ".join(f"{count} x {cause}" for cause, count in causes.items()) or none
    shown = "".join(f"\n{cause}: {message}" for cause, message in messages.items())
    reason = f"no trial produced a usable model ({counted}){shown}"
    return f"{gave_up}: {reason}" if gave_up else reason
