"""How much of the best validation score is luck: the raw score and estimates without the luck.

A search reports the best of many noisy scores, so the noise of the trial it picked is no longer
zero on average. A trial's score is ``quality + examples + seed``: what the recipe gives on the
population, the luck of these validation examples with this recipe, the luck of this seed.

* Fresh seeds: the best trial's recipe, trained again, keeps ``quality + examples`` and loses the
  luck of its seed. Nothing else was chosen, so the mean over its fresh seeds is free of that luck.
* Bootstrap over trials: the search is replayed many times with known qualities (the finalists'
  fresh means, the other trials' own scores) and fresh noise of the finalists' spread; the mean
  luck of each rank in those searches, scaled by least squares to the luck that the finalists'
  fresh seeds showed, is subtracted. It uses every trial and every finalist, needs no shape of the
  qualities, and the scaling absorbs noise that is not Gaussian (Efron & Tibshirani, "An
  Introduction to the Bootstrap", 1993, chapter 10, is the unscaled correction).

Neither sees luck that fresh seeds share. Three things do: values on a part on which nothing was
chosen (``finals``) remove all of it; contributions per example (``examples``) show how large the
luck with the examples is compared with that of seeds, and both estimates are corrected accordingly;
learning curves of the fresh seeds (`epoch_luck`) bound the gain from picking the epoch on the same
examples.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from hpo.metrics.row_blocks import RowBlocks
from hpo.selection.evidence import Evidence, Noise, finite, noise_of
from hpo.selection.intervals import LEVEL, Interval, wilson_ends
from hpo.selection.reuse import width_of

DRAWS = 1000
REACH = 8.0
"""Trials this many noise widths below the best cannot win and are not replayed."""

TOO_FEW = "most of the luck is with the examples: only a separate final part can remove it"

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Optimism:
    """The numbers that a report compares, on the objective's own scale.

    Attributes:
        trial: The trial with the best single score.
        raw: That score.
        fresh: Its estimate by fresh seeds, with a 95 % interval; None if that is not possible.
        bootstrap: Its estimate by the bootstrap over trials; None if that is not possible.
        winner: The winner's mean over fresh seeds, with a 95 % interval.
        corrected: That mean without the luck of having been chosen on these rows, with the same interval.
        notes: What could not be estimated and why, and which luck the numbers still contain.
    """

    trial: int
    raw: float
    fresh: Interval | None
    bootstrap: float | None
    winner: Interval
    corrected: Interval
    notes: tuple[str, ...]


def measure(evidence: Evidence, winner: int, seed: int) -> Optimism:
    """Compute the raw score, the estimates without luck and the winner's score.

    Args:
        evidence: What the search knows.
        winner: The finalist that won.
        seed: Seed of the bootstrap.

    Raises:
        ValueError: If there is no finite value, or the winner has no finite fresh value.
    """
    objective = evidence.objective
    values = {trial: value for trial, value in evidence.values.items() if math.isfinite(value)}
    if not values:
        raise ValueError("expected at least one finite value")
    order = sorted(values, key=lambda trial: (-objective.rising(values[trial]), trial))
    noise = noise_of(evidence)
    fresh, why_fresh = _fresh(evidence, order[0], values[order[0]], noise)
    boot, why_boot = _bootstrap(evidence, order, noise, seed)
    mean, corrected = winner_intervals(evidence, winner)
    left = (*_left_in(evidence), _of_earlier_searches(evidence, mean.value))
    notes = tuple(dict.fromkeys(note for note in (why_fresh, why_boot, *left) if note))
    return Optimism(order[0], values[order[0]], fresh, boot, mean, corrected, notes)


def winner_interval(evidence: Evidence, winner: int, level: float = LEVEL) -> Interval:
    """Return the winner's mean over fresh seeds, with the interval of `winner_intervals`.

    Raises:
        ValueError: If the winner has no finite fresh value.
    """
    return winner_intervals(evidence, winner, level)[0]


def winner_intervals(evidence: Evidence, winner: int, level: float = LEVEL) -> tuple[Interval, Interval]:
    """Return the winner's mean over fresh seeds and its corrected score, with the same interval.

    Being the best of several finalists is luck too: the interval is centred on the winner's mean
    shrunk towards that of the finalists with as many seeds (Efron & Morris, "Data analysis using
    Stein's estimator", JASA 1975) and corrected for what the search learnt about the rows; that
    centre is the corrected score. The variance is that of the seeds, half the winner's own and
    half the finalists' pooled one, plus that of the examples where the evidence has it.

    Raises:
        ValueError: If the winner has no finite fresh value.
    """
    groups = finite(evidence.finals or evidence.replicates)
    if winner not in groups:
        raise ValueError(f"winner {winner} has no finite fresh value")
    mean, seeds = float(groups[winner].mean()), len(groups[winner])
    seed, _ = _seed_variance(groups, winner)
    peers = np.array([float(x.mean()) for x in groups.values() if len(x) == seeds])
    apart = float(((peers - peers.mean()) ** 2).sum())
    kept = 1.0
    if len(peers) > 1 and math.isfinite(seed):
        kept = max(0.0, 1 - max(len(peers) - 3, 0.5) * seed / seeds / apart) if apart > 0 else 0.0
    centre = float(peers.mean()) + kept * (mean - float(peers.mean()))
    noise = noise_of(evidence)
    learnt = noise.share / (1 - noise.share) if _correctable(evidence, noise) else 0.0
    if math.isfinite(value := evidence.values.get(winner, math.nan)):
        centre -= learnt * (value - mean)
    if not evidence.finals:
        centre -= evidence.objective.rising(1.0) * evidence.luck.mean
    if math.isfinite(luck := _luck_of_reuse(evidence, mean)):
        centre -= evidence.objective.rising(1.0) * luck
    centre = _no_better_than_seen(evidence, groups, centre)
    low, high, method = _ends(evidence, winner, centre, learnt, level)
    # Correcting the centre must not push the mean itself out; numpy's minimum keeps a NaN.
    ends = float(np.minimum(mean, low)), float(np.maximum(mean, high))
    # An estimate of a share lies between 0 and 1, whatever was taken off it.
    centre = min(max(centre, 0.0), 1.0) if evidence.n else centre
    return Interval(mean, *ends, level, method), Interval(centre, *ends, level, method)


def _no_better_than_seen(evidence: Evidence, groups: Mapping[int, Values], centre: float) -> float:
    """Return a corrected mean, at most as good as the best training of any finalist.

    Where seeds differ wildly, a single score far worse than the fresh ones would otherwise move the mean
    beyond everything that was measured, an error even below zero.
    """
    up = evidence.objective.rising
    seen = [up(float(value)) for values in groups.values() for value in values]
    seen += [up(value) for trial in groups if math.isfinite(value := evidence.values.get(trial, math.nan))]
    return up(min(up(centre), max(seen)))


def _lower_bound(evidence: Evidence) -> float:
    """Return 0 for an objective to minimize of which no value on record is negative, else minus infinity."""
    if evidence.objective.mode != "min":
        return -math.inf
    groups = (*evidence.replicates.values(), *evidence.finals.values(), tuple(evidence.values.values()))
    return -math.inf if any(value < 0 for group in groups for value in group) else 0.0


def _luck_of_reuse(evidence: Evidence, value: float) -> float:
    """Return the luck that earlier searches on the same rows may have added to a score; NaN if unknown."""
    if not evidence.reuse.others:
        return 0.0
    noise, rows = noise_of(evidence), evidence.blocks.count if evidence.blocks else evidence.n
    return evidence.reuse.luck(width_of(noise.with_recipe, noise.examples, value, rows))


def _of_earlier_searches(evidence: Evidence, value: float) -> str:
    """Return whether the luck of earlier searches on the same rows was subtracted; empty without any."""
    if not evidence.reuse.others:
        return ""
    luck = _luck_of_reuse(evidence, value)
    if not math.isfinite(luck):
        return "what earlier searches on these rows learnt about them is left in: its size is unknown"
    return (
        f"{luck:.3g} is subtracted for what earlier searches on these rows may have learnt about them; a "
        "search around their best recipes keeps more of their luck than that"
    )


def _correctable(evidence: Evidence, noise: Noise) -> bool:
    """Return whether fresh seeds show enough of the luck with the examples to subtract it."""
    return not evidence.unseen and noise.share <= 0.5


def _fresh(evidence: Evidence, best: int, raw: float, noise: Noise) -> tuple[Interval | None, str]:
    groups = finite(evidence.finals or evidence.replicates)
    if best not in groups:
        return None, f"trial {best} has the best score and no fresh seed to correct it"
    value, learnt = float(groups[best].mean()), 0.0
    if not evidence.unseen:
        if not _correctable(evidence, noise):
            return None, TOO_FEW
        learnt = noise.share / (1 - noise.share)
        value -= learnt * (raw - value)
    if not evidence.finals:
        value -= evidence.objective.rising(1.0) * evidence.luck.mean
    value = _no_better_than_seen(evidence, groups, value)
    low, high, method = _ends(evidence, best, value, learnt, LEVEL)
    return Interval(value, low, high, LEVEL, method), ""


def _bootstrap(evidence: Evidence, order: Sequence[int], noise: Noise, seed: int) -> tuple[float | None, str]:
    """Return the raw score less the luck of its rank; see the module's docstring."""
    groups = finite(evidence.replicates)
    ranked = [rank for rank, trial in enumerate(order) if trial in groups]
    if not noise.dof or not ranked:
        return None, "the bootstrap over trials needs a finalist with two fresh seeds"
    if noise.seed == 0:
        return None, "fresh seeds change nothing, so trials have no luck of the seed to subtract"
    if not evidence.unseen and not _correctable(evidence, noise):
        return None, TOO_FEW
    share = 0.0 if evidence.unseen else noise.share
    up = evidence.objective.rising
    values = np.array([up(evidence.values[trial]) for trial in order])
    fresh = np.array([up(float(groups[order[rank]].mean())) for rank in ranked])
    quality = values.copy()
    quality[ranked] = fresh
    expected = _luck_by_rank(quality, math.sqrt(noise.seed), max(ranked) + 1, seed)
    seen = values[ranked] - fresh
    scale = max(0.0, float(seen @ expected[ranked]) / float(expected[ranked] @ expected[ranked]))
    luck = scale * expected[0] / (1 - share) + _gap(evidence)
    return up(float(values[0] - luck)), ""


def _luck_by_rank(quality: Values, width: float, ranks: int, seed: int) -> Values:
    """Return the mean of score less quality at the first ranks of replayed searches, best rank first."""
    contenders = quality[quality >= np.sort(quality)[-ranks:].min() - REACH * width]
    rng = np.random.default_rng(seed)
    total = np.zeros(ranks)
    for _ in range(0, DRAWS, 100):
        noise = width * rng.standard_normal((100, len(contenders)))
        top = np.argsort(-(contenders + noise), axis=1)[:, :ranks]
        total += np.take_along_axis(noise, top, axis=1).sum(axis=0)
    return total / (math.ceil(DRAWS / 100) * 100)


def _gap(evidence: Evidence) -> float:
    """Return how much better the same fresh trainings score on the part they were chosen on."""
    up = evidence.objective.rising
    pairs = [
        up(search) - up(final)
        for trial, finals in evidence.finals.items()
        for search, final in zip(evidence.replicates.get(trial, ()), finals, strict=True)
        if math.isfinite(search) and math.isfinite(final)
    ]
    return float(np.mean(pairs)) if pairs else evidence.luck.mean


def _seed_variance(groups: Mapping[int, Values], trial: int) -> tuple[float, float]:
    """Return half the trial's and half the pooled variance over seeds, and its degrees of freedom or 0."""
    wide = [x for x in groups.values() if len(x) > 1]
    dof = sum(len(x) - 1 for x in wide)
    if not dof:
        return math.nan, 0.0
    pooled = sum(float(x.var(ddof=1)) * (len(x) - 1) for x in wide) / dof
    if len(groups[trial]) < 2 or len(wide) < 2:
        return pooled, float(dof)
    return (pooled + float(groups[trial].var(ddof=1))) / 2, dof * 2 / 3


def _ends(
    evidence: Evidence, trial: int, centre: float, learnt: float, level: float
) -> tuple[float, float, str]:
    """Return the ends of an interval over seeds and examples, by Welch and Satterthwaite's t.

    For a share they are Wilson's, at the number of examples that would be as uncertain.

    Args:
        evidence: What the search knows.
        trial: The finalist.
        centre: Its corrected mean.
        learnt: Factor by which its single score less its mean was subtracted.
        level: Probability of coverage.
    """
    groups = finite(evidence.finals or evidence.replicates)
    seed, dof = _seed_variance(groups, trial)
    seeds = seed * ((1 + learnt) ** 2 / len(groups[trial]) + learnt**2) if dof else 0.0
    noise, share = noise_of(evidence), min(max(centre, 0.0), 1.0)
    examples, blocks = noise.examples, evidence.blocks
    if not examples and evidence.n:
        examples = share * (1 - share) / (blocks.count if blocks else evidence.n)
    epoch = 0.0 if evidence.finals else evidence.luck.error**2
    total = seeds + examples + epoch
    if not dof and not examples and not evidence.n:
        return math.nan, math.nan, "no interval: one seed"
    if not total and not evidence.n:
        return (
            math.nan,
            math.nan,
            "no interval: the seeds change nothing, and what rows contributed was not kept",
        )
    t = float(special.stdtrit(_freedom(total, (seeds, dof), (examples, noise.blocks_dof)), 0.5 + level / 2))
    over = _covers(bool(dof), bool(examples) or bool(evidence.n), blocks)
    if evidence.n:
        # Where all answers are right nothing varies, and the rows alone say how sure that is.
        rows = float(blocks.count if blocks else evidence.n)
        size = share * (1 - share) / total if total > 0 and 0 < share < 1 else rows
        low, high = wilson_ends(share, size, t)
        return low, high, f"Wilson over {over}"
    half = t * math.sqrt(total)
    return max(centre - half, _lower_bound(evidence)), centre + half, f"t over {over}"


def _freedom(total: float, *parts: tuple[float, float]) -> float:
    """Return the degrees of freedom of a sum of variances, each with its own (Satterthwaite)."""
    known = sum(variance**2 / dof for variance, dof in parts if variance > 0 and 0 < dof < math.inf)
    return min(total**2 / known, 1e9) if known > 0 else 1e9


def _covers(seeds: bool, examples: bool, blocks: RowBlocks | None) -> str:
    """Return what an interval is over, in words."""
    rows = "examples"
    if blocks is not None and blocks.kind != "rows":
        rows += f" in {blocks.count} {'groups' if blocks.kind == 'groups' else 'stretches of time'}"
    if not seeds:
        return f"{rows}, for one seed"
    return f"seeds and {rows}" if examples else "seeds, for these examples"


def _left_in(evidence: Evidence) -> list[str]:
    """Return which luck the corrected estimates still contain."""
    left = []
    if not evidence.examples and not evidence.n:
        left.append("the intervals cover other seeds, not other examples: what each contributed was not kept")
    if evidence.finals:
        return left
    if evidence.held_out:
        left.append("folds hold out, among all others, the rows on which the search chose")
    elif not evidence.examples:
        left.append("what the search learnt about these examples is left in: there is no final part")
    if evidence.objective.at == "best":
        luck = evidence.luck.mean
        done = f"is subtracted: at most {luck:.3g}, by the learning curves" if luck else "is left in"
        left.append(f"the luck of the best epoch on these examples {done}")
    return left
