"""The state of one training of a search, computed from its events one by one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from hpo.core import events
from hpo.core.events import Cause, End
from hpo.core.json_values import RecipeFields
from hpo.core.objective import Objective

Key = tuple[int, int]
"""(trial, replicate)."""

RETRAINED = "retrained"
"""Origin of a training on all development rows, whose weights are the model."""


@dataclass(slots=True)
class Training:
    """One training of a search: a trial's own, or a finalist's on a fresh seed.

    Attributes:
        split: Name of the split whose rows it trains and validates on.
        until: Epochs after which it ends; None for a full training.
        made_with: Digest of code, spec and versions; empty if an early version did not record it.
        reason: Why the sampler proposed it; empty if it was not the sampler, and in early versions.
        value: Its objective value so far; NaN before the first finite report.
        reached: The same on the validation part; the score on the final part does not replace it.
        counted: The epoch that gave its objective value so far.
        at_counted: Metrics of that epoch.
        metrics: Metrics of the last epoch.
        seconds: Wall time of all its epochs.
        checkpoints: The newest two, oldest first.
        losses: Why it had to leave a worker, each time.
        lost: How many of these count against it.
        whole_gpu: Whether it needs a whole GPU, because a share of one had too little memory.
        paused: Why it waits with its checkpoint; None while it runs and after its end.
        end: None while it runs, is paused or waits to be resumed.
        scores: Scores of the kept weights on the final part, if there is one.
        examples: File name of each example's contribution to the value, if kept.
        examples_sha256: SHA-256 of that file.
    """

    trial: int
    replicate: int
    point: RecipeFields
    recipe: RecipeFields
    seed: int
    origin: str
    split: str = "search"
    until: int | None = None
    made_with: str = ""
    reason: str = ""
    epoch: int = 0
    value: float = math.nan
    reached: float = math.nan
    counted: int = 0
    at_counted: Mapping[str, float] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    checkpoints: tuple[events.Checkpointed, ...] = ()
    losses: tuple[events.LossCause, ...] = ()
    lost: int = 0
    whole_gpu: bool = False
    paused: events.PauseCause | None = None
    end: End | None = None
    cause: Cause | None = None
    message: str = ""
    weights: str = ""
    sha256: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    examples: str = ""
    examples_sha256: str = ""

    @property
    def key(self) -> Key:
        """(trial, replicate), unique in a search."""
        return self.trial, self.replicate

    @property
    def running(self) -> bool:
        """Whether it has neither ended nor is paused; a worker trains it, or will resume it."""
        return self.end is None and self.paused is None

    @property
    def waits(self) -> bool:
        """Whether the next worker that is free continues it, if none trains it."""
        return self.running or self.paused is events.PauseCause.SHARE

    def start_again(self, started: events.TrialStarted) -> None:
        """Continue after a stop, because no trial was fully trained."""
        self.end = self.cause = self.paused = None
        self.origin = started.origin

    def report(self, report: events.Reported, objective: Objective) -> None:
        """Apply a report."""
        self.epoch, self.metrics = report.epoch, report.metrics
        self.seconds += report.seconds
        before = self.value
        self.value = objective.standing(before, report.metrics.get(objective.key, math.nan))
        self.reached = self.value
        if self.value != before or objective.at == "last":
            self.counted, self.at_counted = report.epoch, report.metrics

    def checkpoint(self, checkpoint: events.Checkpointed) -> None:
        """Apply a checkpoint; the newest two are kept."""
        self.checkpoints = (*self.checkpoints[-1:], checkpoint)

    def lose_worker(self, loss: events.WorkerLost) -> None:
        """Apply the loss of its worker."""
        self.losses = (*self.losses, loss.cause)
        self.lost += loss.counts
        self.whole_gpu = self.whole_gpu or loss.whole_gpu

    def finish(self, ended: events.TrialEnded) -> None:
        """Apply its end."""
        self.end, self.cause, self.message = ended.end, ended.cause, ended.message
        self.paused = None
        self.epoch, self.value = ended.epoch, ended.value
        self.weights, self.sha256 = ended.weights, ended.sha256
        self.scores = ended.scores
        self.examples, self.examples_sha256 = ended.examples, ended.examples_sha256
