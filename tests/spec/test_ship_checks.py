"""What a spec may say of the model that it ships, and what its finalists and trainable allow."""

import pytest

from hpo.core.errors import InvalidSpec
from hpo.core.shipped_model import Ship
from hpo.core.trainable import EXTRAS
from hpo.spec import parse_spec
from hpo.spec.interface import Interface


def parsed(document, toy, **fields):
    return parse_spec({**document, **fields}, source="spec", trainables=toy)


@pytest.fixture
def plain(toy):
    """The toy trainable with nothing but what every trainable has."""
    return {"toy": Interface(toy["toy"].grammar, toy["toy"].metrics, extras=())}


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("retrained", Ship("retrained")),
        ({"model": "averaged", "epochs": 3}, Ship("averaged", epochs=3)),
        ({"model": "ensemble", "of": "finalists", "count": 2}, Ship("ensemble", "finalists", 2)),
    ],
)
def test_a_kind_alone_or_with_its_fields(said, meant, document, toy):
    spec = parsed(document, toy, ship=said)
    assert spec.ship == meant
    assert Ship.from_spec(spec.document) == meant
    assert parse_spec(spec.document, source="record", trainables=toy).ship == meant


def test_the_best_checkpoint_is_shipped_unless_said(document, toy):
    assert parsed(document, toy).ship == Ship()


def test_a_training_of_its_own_is_set_aside(document, toy):
    before, after = parsed(document, toy), parsed(document, toy, ship="retrained")
    assert after.reserved_epochs == before.reserved_epochs + 9
    with pytest.raises(InvalidSpec, match=r"finalists 90 .*and the model retrained\); legal: at least 99"):
        parsed(document, toy, ship="retrained", budget={"epochs": 95})


@pytest.mark.parametrize(
    ("ship", "words"),
    [
        ("bset", "'bset'.*did you mean best|'bset'.*legal: best"),
        ({"model": "best", "count": 3}, "ship.count: is for model: ensemble; here model is best"),
        ({"model": "ensemble", "epochs": 3}, "ship.epochs: is for model: averaged"),
        ({"model": "averaged", "epochs": 10}, "10 of 9 epochs cannot be averaged"),
        ({"model": "ensemble", "count": 4}, "ensemble of 4 needs as many seeds; finalists.seeds allows 3"),
        ({"model": "ensemble", "of": "finalists", "count": 9}, "finalists.count allows 3"),
        ({"model": "ensemble", "count": 1}, "at least 2"),
    ],
)
def test_what_cannot_be_had_is_said(ship, words, document, toy):
    with pytest.raises(InvalidSpec, match=words):
        parsed(document, toy, ship=ship)


@pytest.mark.parametrize(("kind", "method"), [("averaged", "average"), ("ensemble", "combine")])
def test_a_trainable_that_lacks_the_method_is_refused_with_its_name(kind, method, document, toy, plain):
    assert method in EXTRAS
    with pytest.raises(InvalidSpec, match=rf"{kind} needs a trainable with {method}\("):
        parsed(document, plain, ship=kind)
    parsed(document, plain, ship="retrained")
