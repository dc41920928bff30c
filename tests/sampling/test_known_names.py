"""Which well-known hyperparameter a name means."""

import pytest

from hpo.sampling.known_names import SPELLINGS, meaning
from hpo.sampling.usual_values import USUAL_VALUES


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("learning_rate", "learning_rate"),
        ("LearningRate", "learning_rate"),
        ("optimizer.learning_rate", "learning_rate"),
        ("lr", "learning_rate"),
        ("LR", "learning_rate"),
        ("lr0", "learning_rate"),
        ("init_lr", "learning_rate"),
        ("lr_init", "learning_rate"),
        ("adam.base-lr", "learning_rate"),
        ("train_batch_size", "batch_size"),
        ("batchSize", "batch_size"),
        ("WeightDecay", "weight_decay"),
        ("regularize.weight_decay.rate", "weight_decay"),
        ("regularize.dropout.p", "dropout"),
        ("dropout_2", "dropout"),
        ("encoder.dropout_rate", "dropout"),
        ("max_dropout", "max_dropout"),
        ("adam_beta1", "beta1"),
        ("beta_2", "beta2"),
        ("one_minus_beta1", "one_minus_beta1"),
        ("l2", "l2"),
        ("optimizer.eps", "epsilon"),
        ("wd", "weight_decay"),
        ("drop", "dropout"),
        ("smoothing", "label_smoothing"),
    ],
)
def test_spellings(name, known):
    assert meaning(name, USUAL_VALUES) == known


@pytest.mark.parametrize(
    "name",
    [
        "min_lr",
        "final_learning_rate",
        "warmup_lr",
        "lr_decay",
        "lr_decay_rate",
        "lr_schedule",
        "minus_momentum",
        "depth",
        "depth.rate",
        "rate",
        "",
        "7",
        "augment.magnitude",
        "decay",
        "color",
        "slr",
    ],
)
def test_names_with_another_meaning_are_not_matched(name):
    assert meaning(name, USUAL_VALUES) is None


def test_every_known_name_maps_to_itself():
    assert {name: meaning(name, USUAL_VALUES) for name in USUAL_VALUES} == {
        name: name for name in USUAL_VALUES
    }
    assert set(SPELLINGS.values()) <= set(USUAL_VALUES)
