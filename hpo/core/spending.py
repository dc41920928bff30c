"""What a search has spent, of each kind of budget, whether that is limited or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hpo.core.history import History


@dataclass(frozen=True, slots=True)
class BudgetUse:
    """How much of one kind of budget is spent.

    Attributes:
        unit: ``trials``, ``epochs``, ``hours`` or ``gpu_hours``.
        spent: So far.
        limit: What the spec allows; None if it does not say.
    """

    unit: str
    spent: float
    limit: float | None = None


def budget_use(history: History) -> tuple[BudgetUse, ...]:
    """What is spent of each kind: trials started, epochs and hours with the finalists' included.

    GPU-hours, hours times the GPUs that its workers held, are there if it held any or has a limit.
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


def limits_of(history: History) -> Mapping[str, Any]:
    """The limits that the spec sets, trials that were added later included."""
    said = dict(history.opened.spec.get("budget") or {}) if history.opened else {}
    if said.get("trials"):
        said["trials"] += history.extended
    return {unit: limit for unit, limit in said.items() if limit}
