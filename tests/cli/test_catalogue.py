"""The list of what recipes can contain."""

import pytest

from hpo.cli.catalogue import gathered, overview_rows, table_rows
from hpo.core.grammar import Grammar, Group, Hyperparameter, Part

RATE = Hyperparameter("learning_rate", "float", 0.1, low=1e-9, doc="Step size.")
MOMENTUM = Hyperparameter("momentum", "float", 0.9, low=0, high=1, doc="Share of the last step kept.")
SGD = Part("sgd", "x:y", "Robbins and Monro 1951", (MOMENTUM,), doc="Plain steps.")
ODD = Part("odd", "x:y", "nobody", demonstration="it does not learn")
OPTIMIZER = Group("optimizer", (SGD, ODD), default="sgd", doc="How weights move.")
AUGMENT = Group("augment", (Part("flip", "x:y", "folklore"),), many=True)


@pytest.fixture
def groups():
    return gathered(
        {
            "image": Grammar((RATE,), (OPTIMIZER, AUGMENT)),
            "table": Grammar((), (OPTIMIZER, Group("augment", (Part("noise", "x:y", "folklore"),)))),
        }
    )


def test_shared_hyperparameters_are_listed_once(groups):
    assert list(groups) == ["recipe", "optimizer", "augment", "table.augment"]
    assert groups["optimizer"]["trainables"] == ["image", "table"]


def test_groups_show_how_many_parts_can_be_named(groups):
    assert groups["optimizer"]["about"] == "How weights move; one of these, sgd by default (image, table)"
    assert groups["augment"]["about"] == "any number of these (image)"


def test_an_overview_has_one_row_for_each_group(groups):
    assert list(overview_rows(groups)) == [
        ("recipe", "", "learning_rate"),
        ("optimizer", "sgd", "sgd, odd"),
        ("augment", "", "flip"),
        ("table.augment", "", "noise"),
    ]


def test_rows_show_hyperparameters_sources_and_warnings(groups):
    assert list(table_rows(groups["optimizer"])) == [
        ("sgd", "", "", "", "Plain steps; Robbins and Monro 1951"),
        ("", "momentum", "a number from 0 to 1", "0.9", "Share of the last step kept."),
        ("odd", "", "", "", "for demonstration: it does not learn; nobody"),
    ]
    assert list(table_rows(groups["recipe"])) == [
        ("", "learning_rate", "a number of at least 1e-09", "0.1", "Step size.")
    ]
