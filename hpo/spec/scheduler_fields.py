"""The section ``scheduler`` of a spec: early stopping and the length of a full training."""

from __future__ import annotations

from pydantic import Field

from hpo.core.promote import MOST_PAUSED, SLOW_STARTERS
from hpo.core.rungs import FACTOR, default_first_rung, rungs_of
from hpo.core.stopping_rules import RuleName, SchedulerName, rule_named
from hpo.spec.field_types import Count, Record


class Scheduler(Record):
    """The early-stopping rule and the length of a full training."""

    name: SchedulerName = Field(
        default="promote",
        description="promote pauses all but a share of trials and takes them up when they qualify; "
        "hyperband does so in brackets that begin at different rungs; "
        "leaders stops trials that fall behind the best; asha, all but a share; none, nothing.",
    )
    max_epochs: Count | None = Field(
        default=None, description="Epochs of a full training; those of the fixed recipe by default."
    )
    first_rung: Count | None = Field(
        default=None,
        description="Epoch of the first comparison; by default about a twentieth of a full training.",
    )
    reduction_factor: int = Field(
        default=FACTOR, ge=2, le=1000, description="One trial in this many continues."
    )
    paused: Count = Field(
        default=MOST_PAUSED, description="Most trials paused at once, each with a checkpoint."
    )
    slow_starters: int | None = Field(
        default=None,
        ge=0,
        le=1000,
        description="With promote, one trial in this many passes the first rung whatever its value, "
        f"since it may start slowly; 0 for none, {SLOW_STARTERS} by default.",
    )
    unit: str = Field(default="epoch", min_length=1, max_length=40, description="Name of one training step.")

    @property
    def horizon(self) -> int:
        """Epochs of a full training."""
        assert self.max_epochs is not None
        return self.max_epochs

    @property
    def first(self) -> int:
        """Epoch at which trials are first compared."""
        return self.first_rung or default_first_rung(self.horizon)

    @property
    def rungs(self) -> tuple[int, ...]:
        """Epochs at which trials are compared, ascending; empty without early stopping."""
        if self.name == "none":
            return ()
        return rungs_of(self.name, self.first, self.reduction_factor, self.horizon)

    @property
    def rule(self) -> RuleName:
        """The rule that decides at the rungs; irrelevant if there are none."""
        return rule_named(self.name)
