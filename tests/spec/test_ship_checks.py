"""A spec's ``ship`` must be possible with its finalists, epochs and trainable."""

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
    """The toy trainable without optional methods."""
    return {"toy": Interface(toy["toy"].grammar, toy["toy"].metrics, extras=())}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("retrained", Ship("retrained")),
        ({"model": "averaged", "epochs": 3}, Ship("averaged", epochs=3)),
        ({"model": "averaged", "epochs": 9}, Ship("averaged", epochs=9)),
        ({"model": "ensemble", "of": "finalists", "count": 2}, Ship("ensemble", "finalists", 2)),
    ],
)
def test_a_kind_alone_or_with_its_fields(written, expected, document, toy):
    spec = parsed(document, toy, ship=written)
    assert spec.ship == expected
    assert Ship.from_spec(spec.document) == expected
    assert parse_spec(spec.document, source="record", trainables=toy).ship == expected


def test_the_best_checkpoint_is_shipped_by_default(document, toy):
    assert parsed(document, toy).ship == Ship()


def test_epochs_for_retraining_are_reserved(document, toy):
    before, after = parsed(document, toy), parsed(document, toy, ship="retrained")
    assert after.reserved_epochs == before.reserved_epochs + 9
    with pytest.raises(
        InvalidSpec, match=r"finalists take 90 .*and the model retrained\); legal: at least 99"
    ):
        parsed(document, toy, ship="retrained", budget={"epochs": 95})


@pytest.mark.parametrize(
    ("ship", "words"),
    [
        ("bset", "'bset'.*did you mean best|'bset'.*legal: best"),
        ({"model": "best", "count": 3}, "ship.count: has no effect unless model: ensemble; here it is best"),
        ({"model": "ensemble", "epochs": 3}, "ship.epochs: has no effect unless model: averaged"),
        ({"model": "averaged", "epochs": 10}, "10: a full training has 9 epochs"),
        (
            {"model": "ensemble", "count": 4},
            "ensemble of 4 needs as many seeds, but finalists.seeds allows 3",
        ),
        ({"model": "ensemble", "of": "finalists", "count": 9}, "finalists.count allows 3"),
        ({"model": "ensemble", "count": 1}, "at least 2"),
    ],
)
def test_a_model_that_cannot_be_shipped_is_a_fault(ship, words, document, toy):
    with pytest.raises(InvalidSpec, match=words):
        parsed(document, toy, ship=ship)


@pytest.mark.parametrize(("kind", "method"), [("averaged", "average"), ("ensemble", "combine")])
def test_a_trainable_that_lacks_the_method_is_refused_with_its_name(kind, method, document, toy, plain):
    assert method in EXTRAS
    with pytest.raises(InvalidSpec, match=rf"{kind} needs a trainable with {method}\("):
        parsed(document, plain, ship=kind)
    parsed(document, plain, ship="retrained")
