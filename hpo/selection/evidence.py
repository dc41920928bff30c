"""What a search knows about its own noise: scores, fresh seeds, and examples where they were kept.

A validation score is noisy because training again gives another model, and because other examples
would give another score. Fresh seeds show only the first kind. The second is shared by all trainings
on the same examples; it shows only example by example, as in a two-way analysis of
variance of seeds crossed with examples (Searle, Casella & McCulloch, "Variance Components", 1992).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hpo.core.objective import Objective
from hpo.metrics.row_blocks import RowBlocks
from hpo.selection.reuse import Reuse

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EpochLuck:
    """Upper bound of the gain from picking the best epoch on the examples it is scored on.

    Attributes:
        mean: Gain per training, on a scale where more is better.
        error: Its standard deviation for the mean over one finalist's seeds.
    """

    mean: float = 0.0
    error: float = 0.0


@dataclass(frozen=True)
class Evidence:
    """What a search knows once its finalists have been trained.

    Attributes:
        objective: Direction of the values.
        values: Trial to the validation value it counts by, for all that could have become finalists.
        replicates: Finalist to its values over fresh seeds, on the same part and counted the same way.
        finals: Values of the same trainings on a validation part on which neither epoch nor trial
            was chosen; empty without such a part.
        examples: Finalist to an array [seeds, n] of contributions per example (1 or 0 for correct, a
            loss) whose mean is the value: of the final part if there is one, else of the part
            that the search used; empty if not kept.
        n: Number of examples of that part, if the value is a share of them; else 0.
        luck: Luck of the best epoch, from `epoch_luck`; zero where the last epoch counts.
        blocks: Which of the examples belong together; None if they are independent.
        reuse: How often these rows were used to choose by, in this search and in earlier ones.
        held_out: Whether a fresh value is the mean over folds that hold out each example once, few
            of which the search used to choose.
    """

    objective: Objective
    values: Mapping[int, float]
    replicates: Mapping[int, Sequence[float]]
    finals: Mapping[int, Sequence[float]] = field(default_factory=dict)
    examples: Mapping[int, Values] = field(default_factory=dict)
    n: int = 0
    luck: EpochLuck = EpochLuck()
    held_out: bool = False
    blocks: RowBlocks | None = None
    reuse: Reuse = field(default_factory=Reuse)

    @property
    def unseen(self) -> bool:
        """Whether fresh seeds are scored on examples that were not used to choose the trial."""
        return self.held_out or bool(self.finals)


@dataclass(frozen=True, slots=True)
class Noise:
    """Variances of a validation value, for one training on these examples.

    Attributes:
        seed: Variance of training again.
        dof: Its degrees of freedom; 0 if no finalist has two fresh seeds.
        examples: Variance of drawing other examples, for the mean over infinitely many seeds.
        with_recipe: The share of ``examples`` that differs between recipes, and so can be selected.
        blocks_dof: Degrees of freedom of ``examples``; infinite for independent examples.
    """

    seed: float
    dof: int
    examples: float
    with_recipe: float
    blocks_dof: float = math.inf

    @property
    def share(self) -> float:
        """Share of the noise affecting selection that fresh seeds have in common."""
        total = self.seed + self.with_recipe
        return self.with_recipe / total if total > 0 else 0.0


def noise_of(evidence: Evidence) -> Noise:
    """Estimate the variances from the finalists' fresh seeds and, if kept, their examples."""
    groups = [x for x in finite(evidence.replicates).values() if len(x) > 1]
    dof = sum(len(x) - 1 for x in groups)
    seed = sum(float(x.var(ddof=1)) * (len(x) - 1) for x in groups) / dof if dof else 0.0
    kept = [np.asarray(a, np.float64) for a in evidence.examples.values() if len(a) > 1]
    if not kept:
        return Noise(seed, dof, 0.0, 0.0)
    n = kept[0].shape[1]
    # The scatter of seeds within an example adds to the variance of a mean over seeds.
    scatter = [float(a.var(axis=0, ddof=1).mean()) / len(a) for a in kept]
    means = [a.mean(axis=0) for a in kept]
    blocks = evidence.blocks or RowBlocks.independent(n)

    def variance(values: Values) -> float:
        return float(n * blocks.variance(values - values.mean()))

    across = np.mean([variance(m) - s for m, s in zip(means, scatter, strict=True)])
    pairs = [
        (variance(means[i] - means[j]) - scatter[i] - scatter[j]) / 2
        for i in range(len(kept))
        for j in range(i)
    ]
    between = float(np.mean(pairs)) if pairs else 0.0
    freedom = math.inf if blocks.kind == "rows" else blocks.dof
    return Noise(seed, dof, max(0.0, float(across)) / n, max(0.0, between) / n, freedom)


def epoch_luck(curves: Mapping[int, Sequence[Sequence[float]]], objective: Objective) -> EpochLuck:
    """Bound the gain from counting by the best epoch, from the fresh seeds' learning curves.

    Each seed's best epoch is scored with the curves of the finalist's other seeds, which did not
    pick it. The loss is luck if the curve's wiggles are noise of the examples, and not luck as far
    as they are real; so the result is an upper bound, and correcting by it is conservative.

    Args:
        curves: Finalist to one learning curve of the objective per fresh seed, all equally long.
        objective: Direction; the luck is zero unless the best epoch counts.

    Returns:
        The loss per training, at least zero; zero if no finalist has two complete curves.
    """
    if objective.at == "last":
        return EpochLuck()
    lost: list[float] = []
    sizes: list[int] = []
    for seeds in curves.values():
        y = np.array([[objective.rising(v) for v in curve] for curve in seeds], np.float64)
        y = y[np.isfinite(y).all(axis=1)] if y.ndim == 2 else y[:0]
        if len(y) < 2:
            continue
        picked = y.argmax(axis=1)
        # A seed's level is not luck of the epoch, so curves are compared after subtracting their means.
        level = y - y.mean(axis=1, keepdims=True)
        others = (level.sum(axis=0) - level) / (len(y) - 1)
        rows = np.arange(len(y))
        lost.extend(level[rows, picked] - others[rows, picked])
        sizes.append(len(y))
    if not lost:
        return EpochLuck()
    return EpochLuck(max(0.0, float(np.mean(lost))), float(np.std(lost, ddof=1) / np.mean(sizes) ** 0.5))


def finite(groups: Mapping[int, Sequence[float]]) -> dict[int, Values]:
    """Return the finite values of each finalist that has any."""
    arrays = {trial: np.asarray(list(values), np.float64) for trial, values in groups.items()}
    kept = {trial: x[np.isfinite(x)] for trial, x in arrays.items()}
    return {trial: x for trial, x in kept.items() if len(x)}
