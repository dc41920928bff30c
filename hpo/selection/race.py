"""The finalists' race: paired fresh seeds until one is clearly best or the rest is declared a tie.

Every finalist trains on the same fresh seeds (and, within one, the same folds), so finalists are
compared by differences within a seed. After ``least`` seeds and after each further one, a finalist
that is behind the leader by a one-sided paired t-test is dropped and costs nothing more. Each such
comparison is a *stage*.

**Error rate.** The truly best finalist is dropped with probability at most ``alpha``. It can only
be dropped in favour of one of the ``F - 1`` others at one of the stages; stage ``k`` spends ``alpha * w_k /
(F - 1)`` on each comparison, the weights ``w_k`` sum to one, and Bonferroni's inequality holds
however stages and comparisons depend on each other. The t-test is exact for Gaussian differences;
``benchmarks/honesty.py`` measures the rate for others. The weights grow linearly with the seeds
because the first tests have few degrees of freedom. Alpha spending: Lan &
DeMets, Biometrika 1983; racing: Maron & Moore, NIPS 1994, and Birattari et al., GECCO 2002.

Folds of one seed share their training examples and are not independent (Bengio & Grandvalet, JMLR
2004): a finalist counts by its mean over the folds of a seed, and only seeds count as independent.

The race is a pure function of the values so far, so a replay of a search's record rebuilds it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from hpo.core.errors import NoTrialSucceeded
from hpo.core.formatting import score
from hpo.core.objective import Objective
from hpo.selection.intervals import Spread, spread

Prefer = Literal["best", "cheapest", "steadiest"]
Values = NDArray[np.float64]


class FoldRun(NamedTuple):
    """One training of the race.

    Attributes:
        trial: The finalist.
        replicate: Number of the fresh seed, from 1; the same seed for every finalist.
        fold: Which fold is held out, from 0; always 0 without folds.
    """

    trial: int
    replicate: int
    fold: int = 0


@dataclass(frozen=True, slots=True)
class RaceDecision:
    """How a race ended.

    Attributes:
        winner: The finalist that won.
        spread: Its mean, standard deviation and number of fresh seeds.
        tied: Finalists that the test could not separate, including the winner.
        dropped: Each dropped finalist to the reason, in the order of dropping.
        used: Number of trainings used.
        saved: Number of trainings that were not needed.
        reason: Why it won, in words.
    """

    winner: int
    spread: Spread
    tied: tuple[int, ...]
    dropped: Mapping[int, str]
    used: int
    saved: int
    reason: str


@dataclass(frozen=True)
class Race:
    """The rule of one race.

    Attributes:
        costs: Finalists in rank order, each with the cost of one training of it.
        objective: Direction of the values.
        most: Fresh seeds each finalist has at most.
        alpha: Probability of dropping the truly best finalist.
        margin: Differences below it do not matter: a tie is declared as soon as all that are left
            lie that close to the leader, with the same error rate. 0 waits for the last seed.
        prefer: Who wins a tie: the one with the best mean, the cheapest, or the steadiest (least spread
            over seeds).
        least: Fresh seeds before the first interim comparison.
        folds: Trainings per fresh seed.
    """

    costs: Mapping[int, float]
    objective: Objective
    most: int
    alpha: float
    margin: float
    prefer: Prefer
    least: int = 3
    folds: int = 1

    def __post_init__(self) -> None:
        if not self.costs:
            raise ValueError("a race needs a finalist")
        if self.most < 1 or self.least < 1 or self.folds < 1:
            raise ValueError("most, least and folds are at least 1")
        if not 0 < self.alpha < 1 or not self.margin >= 0:
            raise ValueError(f"expected alpha in (0, 1) and margin >= 0, got {self.alpha}, {self.margin}")

    @property
    def stages(self) -> tuple[int, ...]:
        """Numbers of fresh seeds after which finalists are compared."""
        return tuple(range(min(self.least, self.most), self.most + 1))

    def level(self, seeds: int) -> float:
        """Error probability spent on one comparison at the stage after this many seeds."""
        if len(self.costs) < 2:
            return self.alpha
        return self.alpha * seeds / sum(self.stages) / (len(self.costs) - 1)

    def next(self, values: Mapping[FoldRun, float]) -> tuple[FoldRun, ...] | RaceDecision:
        """Return the trainings to run next, or how the race ended.

        Args:
            values: Objective of the trainings that ended; non-finite where one failed by itself. One
                that was lost with its worker is left out and requested again.

        Returns:
            Trainings still without a value, to run in any order or in parallel; or the decision.

        Raises:
            NoTrialSucceeded: If every training of every finalist failed.
        """
        alive = list(self.costs)
        dropped: dict[int, str] = {}
        used: set[FoldRun] = set()
        for seeds in self.stages:
            wanted = [FoldRun(t, r, f) for r in range(1, seeds + 1) for t in alive for f in range(self.folds)]
            missing = tuple(run for run in wanted if run not in values)
            if missing:
                return missing
            used.update(wanted)
            table = {trial: self._rising(trial, seeds, values) for trial in alive}
            alive = self._compare(table, dropped, seeds)
            if len(alive) == 1 or self._all_close(table, alive, seeds):
                break
        return self._decision({trial: table[trial] for trial in alive}, dropped, len(used))

    def _rising(self, trial: int, seeds: int, values: Mapping[FoldRun, float]) -> Values:
        """Return a finalist's value for each seed, mean over folds, on a scale where more is better."""
        runs = [[values[FoldRun(trial, r, f)] for f in range(self.folds)] for r in range(1, seeds + 1)]
        means: Values = np.array(runs, np.float64).mean(axis=1)
        return self.objective.rising(1.0) * means

    def _compare(self, table: Mapping[int, Values], dropped: dict[int, str], seeds: int) -> list[int]:
        """Return the finalists that stay after a stage; note why the others are dropped."""
        failures = {trial: int((~np.isfinite(row)).sum()) for trial, row in table.items()}
        fewest = min(failures.values())
        for trial, count in failures.items():
            if count > fewest:
                dropped[trial] = f"failed on {count} of {seeds} fresh seeds"
        alive = [trial for trial in table if failures[trial] == fewest]
        leader = max(alive, key=lambda trial: _mean(table[trial]))
        kept = []
        for trial in alive:
            test = _Paired.of(table[leader], table[trial])
            if trial == leader or test.p >= self.level(seeds):
                kept.append(trial)
                continue
            dropped[trial] = (
                f"behind trial {leader} by {test.mean:.4g} over {test.n} seeds (p = {test.p:.2g})"
            )
        return kept

    def _all_close(self, table: Mapping[int, Values], alive: list[int], seeds: int) -> bool:
        """Return whether all that are left are surely within the margin of the leader."""
        if not self.margin:
            return False
        leader = max(alive, key=lambda trial: _mean(table[trial]))
        tests = [_Paired.of(table[leader], table[trial]) for trial in alive if trial != leader]
        return all(test.bound(self.level(seeds)) < self.margin for test in tests)

    def _decision(self, left: Mapping[int, Values], dropped: Mapping[int, str], used: int) -> RaceDecision:
        sign = self.objective.rising(1.0)
        spreads = {
            t: spread(sign * row[np.isfinite(row)]) for t, row in left.items() if np.isfinite(row).any()
        }
        if not spreads:
            raise NoTrialSucceeded("every training of every finalist failed on fresh seeds")

        def first(trial: int) -> tuple[float, ...]:
            best = -self.objective.rising(spreads[trial].mean)
            if self.prefer == "best":
                return best, self.costs[trial]
            cheap = (self.costs[trial], best)
            return cheap if self.prefer == "cheapest" else (spreads[trial].std, *cheap)

        winner = min(spreads, key=first)
        saved = len(self.costs) * self.most * self.folds - used
        reason = self._reason(winner, spreads, dropped, saved)
        return RaceDecision(winner, spreads[winner], tuple(spreads), dict(dropped), used, saved, reason)

    def _reason(
        self, winner: int, spreads: Mapping[int, Spread], dropped: Mapping[int, str], saved: int
    ) -> str:
        best = spreads[winner]
        head = f"Trial {winner}, mean {score(best.mean)} over {best.n} fresh seed{'s' if best.n > 1 else ''}"
        if len(spreads) > 1:
            others = ", ".join(f"{t} ({score(s.mean)})" for t, s in spreads.items() if t != winner)
            by = {"best": "highest mean" if self.objective.mode == "max" else "lowest mean"}
            by |= {"cheapest": f"cost {self.costs[winner]:.3g}", "steadiest": f"spread {best.std:.2g}"}
            why = f"wins a tie with trial {others} as the {self.prefer} ({by[self.prefer]})"
        elif dropped:
            why = "is the only one left"
        else:
            why = "was the only finalist"
        parts = [f"{head}, {why}", *(f"trial {trial} {text}" for trial, text in dropped.items())]
        if len(self.costs) > 1:
            parts.append(f"sequential paired t-tests, P(best is dropped) <= {self.alpha:g}")
        if saved:
            parts.append(f"{saved} of {len(self.costs) * self.most * self.folds} trainings saved")
        return "; ".join(parts) + "."


@dataclass(frozen=True, slots=True)
class _Paired:
    """Difference of two finalists over their common seeds.

    Attributes:
        mean: Mean of the differences.
        error: Standard error of that mean; NaN if it cannot be estimated.
        n: Seeds on which neither failed.
    """

    mean: float
    error: float
    n: int

    @classmethod
    def of(cls, above: Values, below: Values) -> _Paired:
        both = np.isfinite(above) & np.isfinite(below)
        differences, n = (above - below)[both], int(both.sum())
        if n < 2:
            return cls(math.nan, math.nan, n)
        error = float(differences.std(ddof=1)) / math.sqrt(n)
        # Equal differences of varying values are a coincidence of few examples, not certainty.
        varies = float(np.ptp(above[both])) > 0 or float(np.ptp(below[both])) > 0
        return cls(float(differences.mean()), math.nan if error == 0 and varies else error, n)

    @property
    def p(self) -> float:
        """One-sided p-value of the first not being better; 1 if unknown."""
        if math.isnan(self.error):
            return 1.0
        if self.error == 0:
            return 0.0 if self.mean > 0 else 1.0
        return float(special.stdtr(self.n - 1, -self.mean / self.error))

    def bound(self, level: float) -> float:
        """Return an upper bound of the true absolute difference, exceeded with probability ``level``."""
        if math.isnan(self.error):
            return math.inf
        return abs(self.mean) + float(special.stdtrit(self.n - 1, 1 - level)) * self.error


def _mean(row: Values) -> float:
    finite = row[np.isfinite(row)]
    return float(finite.mean()) if len(finite) else -math.inf
