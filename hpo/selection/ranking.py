"""Ranks trials to choose the finalists, and names the winner by the simple rule.

The simple rule: the best mean over fresh seeds wins, unless a cheaper finalist is within one standard
error of it. `hpo.selection.race` is the rule with a stated error rate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from hpo.core.events import End
from hpo.core.formatting import count, score
from hpo.core.objective import Objective
from hpo.core.training_state import Training
from hpo.selection.intervals import Spread, spread


class Ranking(Protocol):
    """A rule that orders trials for the choice of finalists."""

    def __call__(self, trials: Sequence[Training], objective: Objective) -> list[Training]:
        """Return the trials that can become finalists, best first."""
        ...


def by_value(trials: Sequence[Training], objective: Objective) -> list[Training]:
    """Return the fully trained trials that satisfy the constraints, best value first; ties by age."""
    finished = (t for t in trials if t.end is End.FINISHED and math.isfinite(t.value))
    eligible = [t for t in finished if objective.feasible(t.at_counted, trained=True)]
    return sorted(eligible, key=lambda t: (-objective.rising(t.value), t.trial))


RANKINGS: Mapping[str, Ranking] = {"value": by_value}
"""Rules that a spec can name."""


@dataclass(frozen=True, slots=True)
class Finalist:
    """A trial with its recipe's results on fresh seeds.

    Attributes:
        trial: Its number.
        values: Validation value of each fresh seed; non-finite where that training failed.
        cost: Cost of one training; wall seconds, or any unit shared by all finalists.
    """

    trial: int
    values: tuple[float, ...]
    cost: float

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError(f"finalist {self.trial} has no value")

    @property
    def failures(self) -> int:
        """Number of fresh seeds on which the training failed."""
        return sum(not math.isfinite(value) for value in self.values)

    @property
    def spread(self) -> Spread | None:
        """Spread over the seeds that did not fail; None if all failed."""
        finite = [value for value in self.values if math.isfinite(value)]
        return spread(finite) if finite else None


@dataclass(frozen=True, slots=True)
class SelectedFinalist:
    """The finalist that won.

    Attributes:
        trial: Its number.
        mean: Mean validation value over its fresh seeds.
        std: Standard deviation over them (n - 1); NaN for one.
        n: Number of fresh seeds.
        reason: Why it won, in a sentence.
    """

    trial: int
    mean: float
    std: float
    n: int
    reason: str


def name_winner(finalists: Sequence[Finalist], objective: Objective) -> SelectedFinalist | None:
    """Name the winner by the simple rule.

    A finalist that failed on a fresh seed ranks behind all that did not: a recipe that only
    sometimes trains has no comparable mean.

    Args:
        finalists: Finalists with their values, in rank order; the order breaks remaining ties.
        objective: Direction of the values.

    Returns:
        The winner; None if every training of every finalist failed.
    """
    alive = [f for f in finalists if f.spread is not None]
    if not alive:
        return None
    fewest = min(f.failures for f in alive)
    sound = [(f, s) for f in alive if f.failures == fewest and (s := f.spread)]
    best, top = max(sound, key=lambda pair: objective.rising(pair[1].mean))
    margin = top.error if math.isfinite(top.error) else 0.0
    near = [p for p in sound if objective.rising(top.mean) - objective.rising(p[1].mean) <= margin]
    chosen, over = min(near, key=lambda pair: pair[0].cost)
    if chosen.cost >= best.cost:
        chosen, over = best, top
    reason = _reason(chosen, over, best, top, sound, near)
    if len(sound) < len(finalists):
        reason += f" {_behind(len(finalists) - len(sound))}"
    return SelectedFinalist(chosen.trial, over.mean, over.std, over.n, reason)


def _behind(failed: int) -> str:
    verb = "ranks" if failed == 1 else "rank"
    return f"{count(failed, 'finalist')} failed on fresh seeds and {verb} behind."


def _reason(
    chosen: Finalist,
    over: Spread,
    best: Finalist,
    top: Spread,
    sound: Sequence[tuple[Finalist, Spread]],
    near: Sequence[tuple[Finalist, Spread]],
) -> str:
    seeds = count(over.n, "fresh seed")
    if len(sound) == 1:
        mean = f"mean {score(over.mean)} over {seeds}"
        return f"Trial {chosen.trial} was the only finalist that could be compared: {mean}."
    if chosen is not best:
        return (
            f"Trial {chosen.trial} wins as the cheapest of {len(near)} tied finalists: its mean "
            f"{score(over.mean)} over {seeds} is within one standard error ({top.error:.2g}) of "
            f"trial {best.trial}'s {score(top.mean)}, and one training costs "
            f"{chosen.cost:.3g} instead of {best.cost:.3g}."
        )
    why = f"Trial {chosen.trial} has the best mean over {seeds}, {score(over.mean)}"
    if len(near) > 1:
        others = "1 other" if len(near) == 2 else f"{len(near) - 1} others"
        verb = "is" if len(near) == 2 else "are"
        return f"{why}; {others} within one standard error ({top.error:.2g}) {verb} not cheaper."
    if math.isnan(top.error):
        return f"{why}; with one seed each, the spread is unknown."
    return f"{why}; no other is within one standard error ({top.error:.2g})."
