"""What a search has spent of each kind of budget, limited or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hpo.core.history import History

EPOCHS, HOURS, GPU_HOURS = "budget.epochs", "budget.hours", "budget.gpu_hours"
"""Limits that can be changed while a search runs, as their `events.SettingChanged` names them."""


@dataclass(frozen=True, slots=True)
class BudgetUse:
    """Use of one kind of budget.

    Attributes:
        unit: ``trials``, ``epochs``, ``hours`` or ``gpu_hours``.
        spent: Amount spent so far.
        limit: The limit, as it is now; None if there is none.
    """

    unit: str
    spent: float
    limit: float | None = None


def budget_use(history: History) -> tuple[BudgetUse, ...]:
    """Return the trials started, and the epochs and hours spent, including the finalists'.

    GPU-hours, hours times the GPUs held by workers, are included if any were held or are limited.
    """
    limits = limits_of(history)
    spent = {
        "trials": len(history.trials),
        "epochs": history.trained_epochs,
        "hours": history.active / 3600,
        "gpu_hours": history.gpu_seconds / 3600,
    }
    kinds = [unit for unit in spent if unit != "gpu_hours" or spent[unit] or limits.get(unit)]
    return tuple(BudgetUse(unit, spent[unit], limits.get(unit)) for unit in kinds)


def limits_of(history: History) -> Mapping[str, float]:
    """Return the limits by unit: those of the spec, as they were changed and extended since."""
    limits = dict(history.opened.spec.get("budget") or {}) if history.opened else {}
    if limits.get("trials"):
        limits["trials"] += history.extended
    changed = (EPOCHS, HOURS, GPU_HOURS)
    limits |= {key.partition(".")[2]: history.settings[key] for key in changed if key in history.settings}
    return {unit: limit for unit, limit in limits.items() if limit}
