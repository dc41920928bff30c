"""The limits of a search as they are now: those of its spec, unless a user has changed them while it ran."""

from __future__ import annotations

from hpo.core.history import History
from hpo.core.spending import EPOCHS, GPU_HOURS, HOURS
from hpo.running.plan import Plan


def epochs_limit(plan: Plan, history: History) -> int | None:
    """Return the most epochs of the search itself, without the finalists'; None for no limit."""
    changed = history.settings.get(EPOCHS)
    return plan.epochs if changed is None else max(0, round(changed) - plan.reserved_epochs)


def seconds_limit(plan: Plan, history: History) -> float | None:
    """Return the most wall seconds in total, over all sessions; None for no limit."""
    changed = history.settings.get(HOURS)
    return plan.seconds if changed is None else changed * 3600


def gpu_seconds_limit(plan: Plan, history: History) -> float | None:
    """Return the same times the GPUs held; None for no limit."""
    changed = history.settings.get(GPU_HOURS)
    return plan.gpu_seconds if changed is None else changed * 3600
