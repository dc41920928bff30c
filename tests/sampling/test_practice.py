"""Usual values depend on optimizer, pretraining and network, and a spec can replace or drop them."""

import numpy as np
import pytest

from hpo.core.practice import UNKNOWN, Belief, Practice, practice_of
from hpo.core.space import Choice, Integer, Parameter, Space, Uniform
from hpo.sampling.auto import AutoSearcher
from hpo.sampling.densities import prior_densities
from hpo.sampling.usual_values import usual_in

RATE = Parameter("learning_rate", Uniform(1e-6, 1.0, log=True))
DECAY = Parameter("regularize.weight_decay.rate", Uniform(1e-6, 1.0, log=True))
DROPOUT = Parameter("dropout", Uniform(0.0, 1.0))
WIDTH = Parameter("width", Integer(8, 512, log=True))
SPACE = Space((RATE, DECAY, DROPOUT, WIDTH))


def usual(parameter, practice=UNKNOWN, space=SPACE):
    return {key: value.value for key, value in usual_in(parameter, space, practice).items()}


@pytest.mark.parametrize(
    ("optimizer", "decay"),
    [(None, 1e-4), ("momentum", 1e-4), ("adam", 1e-4), ("adamw", 0.05), ("lamb", 0.05)],
)
def test_decoupled_weight_decay_is_larger(optimizer, decay):
    assert usual(DECAY, Practice(optimizer)) == {None: decay}


@pytest.mark.parametrize(
    ("optimizer", "transformer", "rate"),
    [
        ("nesterov", False, 5e-3),
        ("adamw", False, 1e-4),
        (None, False, 1e-4),
        ("adamw", True, 3e-5),
        (None, True, 3e-5),
        ("sgd", True, 1e-2),
    ],
)
def test_pretrained_weights_are_trained_at_lower_rates(optimizer, transformer, rate):
    practice = Practice(optimizer, pretrained=True, transformer=transformer)
    assert usual(RATE, practice)[None] == pytest.approx(rate)


def test_where_the_space_chooses_the_optimizer_each_has_its_own():
    space = Space((Parameter("optimizer", Choice(("momentum", "adamw"))), RATE, DECAY))
    assert usual(RATE, space=space) == {"momentum": 0.05, "adamw": 1e-3}
    assert usual(DECAY, space=space) == {"momentum": 1e-4, "adamw": 0.05}
    rate, decay = prior_densities(space)[1:]
    rows = np.array([[0.25, 0.5, 0.5], [0.75, 0.5, 0.5]])
    assert np.diff(decay.centre(rows)) == pytest.approx(np.log10(500) / 6)
    assert np.diff(rate.centre(rows)) == pytest.approx(np.log10(1 / 50) / 6)


def test_the_practice_of_a_spec_is_read_from_its_recipe():
    recipe = {
        "optimizer": {"name": "adamw"},
        "model": {"name": "torchvision", "architecture": "vit_b_16"},
        "transfer": {"weights": "x"},
    }
    assert practice_of(recipe, {}) == Practice("adamw", True, True)
    assert practice_of({"model": "cnn"}, {}) == UNKNOWN
    assert practice_of({}, None).off
    given = {"width": {"around": 64, "within": 2}, "dropout": None}
    assert practice_of({}, given).beliefs == {"width": Belief(64, 2), "dropout": None}


def test_a_spec_adds_beliefs_of_its_own_and_drops_others():
    beliefs = {"width": Belief(64, 2.0), "dropout": None, "learning_rate": Belief(1e-2, 3.0)}
    rate, decay, dropout, width = prior_densities(SPACE, Practice(beliefs=beliefs))
    assert dropout is None
    assert decay is not None
    assert width.centres[0] == pytest.approx(0.5, abs=0.01)
    assert rate.centres[0] == pytest.approx(4 / 6)
    assert rate.spread == pytest.approx(np.log10(3) / 6)
    assert prior_densities(SPACE, Practice(off=True)) == [None] * 4


def test_proposals_follow_a_belief():
    practice = Practice(beliefs={"width": Belief(64, 1.5)})
    near = {True: 0, False: 0}
    for believed in near:
        for seed in range(60):
            searcher = AutoSearcher(SPACE, "max", seed, (1,), 9, (), practice if believed else UNKNOWN)
            near[believed] += 43 <= searcher.ask(0)["width"] <= 96
    assert near[True] > 2 * near[False]
