"""The grammar of recipes: short forms, defaults, what exists where, and every fault at once."""

import math

import pytest

from hpo.core.grammar import ABSENT, Grammar, Group, Hyperparameter, Part
from hpo.spec.recipe_points import flat

MOMENTUM = Hyperparameter("momentum", "float", 0.9, 0, 1)
GRAMMAR = Grammar(
    (
        Hyperparameter("batch_size", "int", 64, 1, 4096),
        Hyperparameter("clip", "float", None, 0, optional=True),
    ),
    (
        Group(
            "optimizer",
            (Part("sgd", "torch.optim:SGD", "page", (MOMENTUM,)), Part("adam", "m:a", "page")),
            "sgd",
        ),
        Group(
            "augment",
            (Part("flip", "m:f", "page", (Hyperparameter("p", "float", 0.5, 0, 1),)),),
            many=True,
            hyperparameters=(Hyperparameter("strength", "float", 1.0, 0, 1),),
        ),
    ),
)


def test_an_empty_recipe_is_all_defaults():
    assert GRAMMAR.resolve({}) == {
        "batch_size": 64,
        "clip": None,
        "optimizer": {"name": "sgd", "momentum": 0.9},
        "augment": {"strength": 1.0},
    }


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ({"optimizer": "adam"}, {"optimizer": {"name": "adam"}}),
        ({"optimizer": {"momentum": 0.5}}, {"optimizer": {"name": "sgd", "momentum": 0.5}}),
        ({"augment": {"flip": True}}, {"augment": {"strength": 1.0, "flip": {"p": 0.5}}}),
        ({"augment": {"flip": False}}, {"augment": {"strength": 1.0}}),
        ({"augment": {"flip": {"p": 0.1}}}, {"augment": {"strength": 1.0, "flip": {"p": 0.1}}}),
    ],
)
def test_short_forms_mean_the_long_ones(short, long):
    resolved = GRAMMAR.resolve(short)
    assert {name: resolved[name] for name in long} == long
    assert GRAMMAR.resolve(resolved) == resolved


def test_every_fault_is_found_at_once_with_the_legal_choices():
    wrong = {
        "batch_size": 0,
        "learning": 1,
        "optimizer": {"name": "adam", "momentum": 0.9},
        "augment": {"flip": {"p": 2}, "rotate": True, "strength": "full"},
    }
    faults = {fault.path: fault.message for fault in GRAMMAR.faults(wrong)}
    assert set(faults) == {
        "batch_size",
        "learning",
        "optimizer.momentum",
        "augment.flip.p",
        "augment.rotate",
        "augment.strength",
    }
    assert "from 1 to 4096" in faults["batch_size"]
    assert "batch_size, clip, optimizer, augment" in faults["learning"]
    assert "under adam" in faults["optimizer.momentum"]


def test_a_recipe_with_faults_is_not_resolved():
    with pytest.raises(ValueError, match=r"optimizer: 'lamb' does not exist; legal: sgd, adam"):
        GRAMMAR.resolve({"optimizer": "lamb"})


def test_hyperparameters_exist_where_their_part_is_chosen():
    assert GRAMMAR.slots["optimizer.momentum"].when == (("optimizer", ("sgd",)),)
    assert GRAMMAR.slots["augment.flip.p"].when == (("augment.flip", (True,)),)
    assert GRAMMAR.slots["augment.flip"].hyperparameter.kind == "bool"
    assert GRAMMAR.slots["optimizer"].hyperparameter.choices == ("sgd", "adam")


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (3, None),
        (True, "true is not"),
        (2.5, "2.5 is not"),
        ("3", "'3' is not"),
        (None, "null is not"),
        (9, "from 1 to 5"),
    ],
)
def test_whole_numbers_are_checked(value, complaint):
    found = Hyperparameter("n", "int", 1, 1, 5).complaint(value)
    assert (found is None) == (complaint is None)
    assert complaint is None or complaint in found


def test_a_builder_is_imported_only_when_it_is_loaded():
    part = Part("sqrt", "math:sqrt", "page")
    assert part.load()(9) == 3


@pytest.mark.parametrize("value", [10**400, -(10**400), math.inf, math.nan])
@pytest.mark.parametrize("kind", ["int", "float"])
def test_numbers_too_large_for_a_float_are_refused(kind, value):
    assert "is not a" in Hyperparameter("width", kind, 1).complaint(value)


def test_an_added_hyperparameter_is_omitted_at_its_default() -> None:
    added = Hyperparameter("steps", "int", 1, 1, 9, added=True)
    grammar = Grammar(
        (added,), (Group("loss", (Part("square", "a:b", "page", (added,)),), default="square"),)
    )
    assert grammar.resolve({"steps": 1, "loss": {"name": "square", "steps": 1}}) == {
        "loss": {"name": "square"}
    }
    chosen = {"steps": 2, "loss": {"name": "square", "steps": 3}}
    assert grammar.resolve(chosen) == chosen
    assert flat(grammar, grammar.resolve({})) == {"steps": 1, "loss": "square", "loss.steps": 1}


def test_earlier_editions_keep_their_defaults() -> None:
    parts = (
        Part("new", "a:b", "page", (Hyperparameter("size", "int", 5), Hyperparameter("extra", "int", 7))),
        Part("old", "a:b", "page", (Hyperparameter("size", "int", 5),)),
    )
    group = Group("init", parts, default="new", hyperparameters=(Hyperparameter("zero", "bool", False),))
    grammar = Grammar((), (group,), {"init": "old", "init.zero": True, "init.size": 4, "init.extra": ABSENT})
    assert grammar.resolve({}) == {"init": {"name": "new", "zero": False, "size": 5, "extra": 7}}
    before = grammar.before()
    assert before.resolve({}) == {"init": {"name": "old", "zero": True, "size": 4}}
    assert before.resolve({"init": "new"}) == {"init": {"name": "new", "zero": True, "size": 4}}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("rate", "floot", 0.1), "rate: kind 'floot' does not exist; legal: float, int"),
        (("rate", "float", 0.1, 1, 0), "rate: low 1 is above high 0"),
        (("rate", "float", 0.1, math.nan), "rate: low nan is above high inf"),
    ],
)
def test_a_hyperparameter_that_no_value_could_have_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        Hyperparameter(*arguments)
