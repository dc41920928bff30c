"""The rules that can stop a trial early, by the names a spec gives them, and the rungs each compares at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from hpo.core.asha import AshaRule, milestones
from hpo.core.leaders import LeadersRule, close_milestones
from hpo.core.objective import Mode

RuleName = Literal["asha", "leaders"]


class StoppingRule(Protocol):
    """Decides at rungs whether trials go on, from what it was told in the order of the ledger."""

    def report(self, epoch: int, value: float, trial: int = 0) -> bool:
        """Take what a trial counts by after an epoch, each epoch once, and say whether it goes on."""
        ...

    def forget(self, trial: int) -> None:
        """A trial failed; what it reported is no measure for others."""
        ...


def stopping_rule(
    name: RuleName, rungs: Sequence[int], horizon: int, factor: float, mode: Mode = "max"
) -> StoppingRule:
    """The rule of a name, before its first report.

    Args:
        name: ``asha`` or ``leaders``.
        rungs: Epochs at which trials are compared; none if nothing is stopped.
        horizon: Epochs of a full training.
        factor: The reduction factor.
        mode: Direction of the values it will be told.
    """
    if name == "leaders":
        return LeadersRule(tuple(rungs), horizon, factor, mode)
    return AshaRule(tuple(rungs), factor, mode)


def rungs_of(name: RuleName, first: int, factor: int, horizon: int) -> tuple[int, ...]:
    """Epochs at which a rule compares trials: a factor apart for ``asha``, closer for ``leaders``."""
    if name == "leaders":
        return close_milestones(first, factor, horizon)
    return milestones(first, factor, horizon)
