"""The rules that decide about trials at rungs, by their names in a spec."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, get_args

from hpo.core.asha import AshaRule
from hpo.core.leaders import LeadersRule
from hpo.core.objective import Mode

RuleName = Literal["asha", "leaders"]

SchedulerName = Literal[RuleName, "none"]
"""What a spec's ``scheduler`` may name; ``none`` stops no trial early."""

SCHEDULERS: tuple[str, ...] = get_args(SchedulerName)
"""The names of `SchedulerName`."""


class StoppingRule(Protocol):
    """Decides at rungs whether trials continue, from reports in the order of the ledger."""

    def report(self, epoch: int, value: float, trial: int = 0) -> bool:
        """Record a trial's objective value after an epoch and return whether the trial continues."""
        ...

    def forget(self, trial: int) -> None:
        """Handle a failed trial, with which others should not be compared."""
        ...


def stopping_rule(
    name: RuleName, rungs: Sequence[int], horizon: int, factor: float, mode: Mode
) -> StoppingRule:
    """Build a rule by its name.

    Args:
        name: ``asha`` or ``leaders``.
        rungs: Epochs at which trials are compared; empty if no trial is stopped early.
        horizon: Epochs of a full training.
        factor: The reduction factor.
        mode: Direction of the values it will receive.
    """
    if name == "leaders":
        return LeadersRule(tuple(rungs), horizon, factor, mode)
    return AshaRule(tuple(rungs), factor, mode)
