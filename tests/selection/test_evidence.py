import math

import numpy as np
import pytest

from hpo.core.objective import Objective
from hpo.selection.evidence import EpochLuck, Evidence, epoch_luck, noise_of

MAX, MIN, LAST = Objective("accuracy", "max"), Objective("loss", "min"), Objective("accuracy", "max", "last")


def test_the_noise_of_the_seed_is_pooled_over_finalists_by_their_seeds():
    evidence = Evidence(MAX, {}, {1: [0.0, 2.0], 2: [1.0, 2.0, 3.0], 3: [5.0], 4: [math.nan, 1.0]})
    noise = noise_of(evidence)
    assert noise.dof == 3
    assert noise.seed == pytest.approx((2.0 * 1 + 1.0 * 2) / 3)
    assert noise.share == 0.0


def test_without_a_second_seed_the_noise_is_unknown():
    assert noise_of(Evidence(MAX, {}, {1: [0.5], 2: [0.6]})).dof == 0


def test_the_variances_of_a_crossed_layout_are_recovered():
    """Contributions = common[example] + own[recipe, example] + rest[recipe, seed, example]."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(60):
        common, per_seed = 2.0 * rng.standard_normal(400), 0.7 * rng.standard_normal((3, 1, 400))
        y = common + per_seed + 1.5 * rng.standard_normal((3, 5, 400))
        examples = dict(enumerate(y))
        found.append(
            noise_of(
                Evidence(
                    MAX, {}, {t: a.mean(axis=1).tolist() for t, a in examples.items()}, examples=examples
                )
            )
        )
    assert np.mean([f.examples for f in found]) == pytest.approx((2.0**2 + 0.7**2) / 400, rel=0.03)
    assert np.mean([f.with_recipe for f in found]) == pytest.approx(0.7**2 / 400, rel=0.06)
    assert np.mean([f.seed for f in found]) == pytest.approx(1.5**2 / 400, rel=0.15)
    share = 0.7**2 / (0.7**2 + 1.5**2)
    assert np.mean([f.share for f in found]) == pytest.approx(share, rel=0.2)


def test_examples_with_the_same_answer_for_every_recipe_cannot_be_selected_on():
    rng = np.random.default_rng(0)
    right = np.broadcast_to(rng.random(200) < 0.8, (4, 200)).astype(float)
    noise = noise_of(Evidence(MAX, {}, {1: [0.8] * 4, 2: [0.8] * 4}, examples={1: right, 2: right}))
    assert noise.with_recipe == 0.0
    assert noise.examples == pytest.approx(right[0].var(ddof=1) / 200)


def curves(rng, seeds, length, wiggle):
    rise = 1 - np.exp(-np.arange(length))
    return [(rise + wiggle * rng.standard_normal(length)).tolist() for _ in range(seeds)]


@pytest.mark.parametrize("objective", [MAX, MIN])
def test_the_luck_of_the_best_epoch_is_estimated_if_fluctuations_are_noise(objective):
    rng = np.random.default_rng(1)
    wiggle, luck, true = 0.05, [], []
    sign = objective.rising(1.0)
    for _ in range(200):
        seeds = [[sign * v for v in curve] for curve in curves(rng, 5, 20, wiggle)]
        rise = 1 - np.exp(-np.arange(20))
        luck.append(epoch_luck({7: seeds}, objective).mean)
        true.append(np.mean([max(sign * v for v in s) - rise[np.argmax(np.array(s) * sign)] for s in seeds]))
    assert np.mean(luck) == pytest.approx(np.mean(true), rel=0.1)
    assert np.mean(true) > wiggle


def test_the_luck_of_the_epoch_and_its_error_are_those_of_a_worked_example():
    """Both seeds of the first finalist lose 4; of the second one's four seeds three lose 1 and one 3.

    The mean is 14 / 6. The error is the standard deviation of the six losses, 1.505545, over the root of
    three, the mean number of seeds: the winner's score is a mean over as many.
    """
    finalists = {1: [[0, 4, 0], [0, 0, 4]], 2: [[3, 0], [3, 0], [3, 0], [0, 3]]}
    luck = epoch_luck(finalists, MAX)
    assert luck.mean == pytest.approx(14 / 6)
    assert luck.error == pytest.approx(0.8692269873603532, rel=1e-12)


def test_smooth_curves_and_the_last_epoch_have_no_luck():
    smooth = [[1 - np.exp(-e) + level for e in range(10)] for level in (0.0, 0.1, 0.3)]
    assert epoch_luck({1: smooth}, MAX).mean == pytest.approx(0.0, abs=1e-12)
    assert epoch_luck({1: curves(np.random.default_rng(0), 4, 10, 1.0)}, LAST) == EpochLuck()


def test_failed_seeds_and_single_seeds_give_no_estimate_of_luck():
    assert epoch_luck({1: [[0.1, 0.9, 0.2]], 2: [[0.1, math.nan], [0.2, 0.1]], 3: []}, MAX) == EpochLuck()
