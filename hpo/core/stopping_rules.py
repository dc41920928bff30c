"""The rules that decide about trials at rungs, by their names in a spec."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, get_args, runtime_checkable

from hpo.core.asha import AshaRule
from hpo.core.hyperband import HyperbandRule
from hpo.core.leaders import LeadersRule
from hpo.core.objective import Mode
from hpo.core.promote import MOST_PAUSED, PromoteRule

RuleName = Literal["asha", "leaders", "promote", "hyperband"]

SchedulerName = Literal[RuleName, "none"]
"""What a spec's ``scheduler`` may name; ``none`` stops no trial early."""

PAUSING: tuple[SchedulerName, ...] = ("promote", "hyperband")
"""The schedulers that pause trials at rungs."""

SCHEDULERS: tuple[str, ...] = get_args(SchedulerName)
"""The names of `SchedulerName`."""


class StoppingRule(Protocol):
    """Decides at rungs whether trials continue, from reports in the order of the ledger."""

    def report(self, epoch: int, value: float, trial: int = 0) -> bool:
        """Record a trial's objective value after an epoch and return whether the trial continues."""
        ...

    def forget(self, trial: int) -> None:
        """Handle a failed trial, which never continues; a rule may still compare others with it."""
        ...


@runtime_checkable
class PausingRule(StoppingRule, Protocol):
    """A rule whose trials are paused at a rung instead of being stopped."""

    def take_up(self) -> int | None:
        """Return a paused trial that qualifies at its rung now; None if no trial does."""
        ...

    def furthest(self) -> int | None:
        """Return the best trial paused at the highest rung; None if no trial is paused."""
        ...

    def surplus(self) -> int | None:
        """Return a paused trial that must end because too many are paused."""
        ...

    def taken_up(self, trial: int) -> None:
        """Record that a paused trial goes on."""
        ...


def rule_named(scheduler: str | None) -> RuleName:
    """Return the rule of a scheduler; which one does not matter if it has no rungs."""
    return next((rule for rule in get_args(RuleName) if rule == scheduler), "asha")


def stopping_rule(
    name: RuleName,
    rungs: Sequence[int],
    horizon: int,
    factor: float,
    mode: Mode,
    most_paused: int = MOST_PAUSED,
    slow_starters: int = 0,
) -> StoppingRule:
    """Build a rule by its name.

    Args:
        name: ``asha``, ``leaders``, ``promote`` or ``hyperband``.
        rungs: Epochs at which trials are compared; empty if no trial is stopped early.
        horizon: Epochs of a full training.
        factor: The reduction factor.
        mode: Direction of the values it will receive.
        most_paused: Most trials that ``promote`` and ``hyperband`` pause at once.
        slow_starters: One trial in this many passes the first rung of ``promote``; 0 for none.
    """
    if name == "leaders":
        return LeadersRule(tuple(rungs), horizon, factor, mode)
    if name == "promote":
        return PromoteRule(tuple(rungs), factor, mode, most_paused, slow_starters)
    if name == "hyperband":
        return HyperbandRule(tuple(rungs), factor, mode, most_paused)
    return AshaRule(tuple(rungs), factor, mode)
