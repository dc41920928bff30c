"""Points tried first: written points must fit, recipes are mapped to the nearest point."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hpo.core.errors import InvalidSpec
from hpo.core.space import Choice, Domain, Integer, Uniform
from hpo.spec import parse_spec
from hpo.spec.interface import Interface
from hpo.spec.recipe_points import nearest

Toy = Mapping[str, Interface]


@pytest.fixture
def wide(document: dict[str, Any]) -> dict[str, Any]:
    """A spec whose space has parts and switches."""
    document["space"] |= {
        "optimizer": {"choice": ["sgd", "adam"]},
        "optimizer.momentum": {"uniform": [0, 0.95]},
        "augment.flip": {"choice": [False, True]},
        "augment.flip.p": {"uniform": [0.1, 1]},
    }
    return document


def test_a_point_is_written_dotted_or_nested_and_completed(wide: dict[str, Any], toy: Toy) -> None:
    wide["recipe"] = {"width": 20}
    wide["start_from"] = [
        {"rate": 0.5, "optimizer": "sgd", "optimizer.momentum": 0.2},
        {"optimizer": {"name": "adam"}, "augment": {"flip": {"p": 0.3}}},
        {"optimizer": {"name": "sgd", "momentum": 0.4}},
        {},
    ]
    assert parse_spec(wide, trainables=toy).start_from == (
        {"rate": 0.5, "width": 20, "optimizer": "sgd", "optimizer.momentum": 0.2, "augment.flip": False},
        {"rate": 0.1, "width": 20, "optimizer": "adam", "augment.flip": True, "augment.flip.p": 0.3},
        {"rate": 0.1, "width": 20, "optimizer": "sgd", "optimizer.momentum": 0.4, "augment.flip": False},
        {"rate": 0.1, "width": 20, "optimizer": "sgd", "optimizer.momentum": 0.9, "augment.flip": False},
    )


@pytest.mark.parametrize(
    ("point", "path", "words"),
    [
        ({"rate": 2}, "rate", "2 is not a number from 0.001 to 1"),
        ({"optimizer": "adam", "optimizer.momentum": 0.3}, "optimizer.momentum", "does not exist under"),
        ({"optimizer": "slow"}, "optimizer", "slow is not one of sgd, adam"),
        ({"sizes": [1]}, "sizes", "is not a parameter of the space"),
    ],
)
def test_a_written_point_must_fit(
    point: dict[str, Any], path: str, words: str, wide: dict[str, Any], toy: Toy
) -> None:
    wide["start_from"] = [{}, point]
    with pytest.raises(InvalidSpec) as caught:
        parse_spec(wide, trainables=toy)
    assert [fault.path for fault in caught.value.faults] == [f"start_from[1].{path}"]
    assert words in caught.value.faults[0].message


def test_a_forbidden_point_is_a_fault(document: dict[str, Any], toy: Toy) -> None:
    document |= {"forbid": [{"width": 8, "rate": {"low": 0.1}}], "start_from": [{"width": 8, "rate": 0.5}]}
    with pytest.raises(InvalidSpec, match="is a forbidden combination"):
        parse_spec(document, trainables=toy)


RECIPE = """\
version: 1
trainable: toy
recipe: {rate: 5, width: 7, sizes: [4], epochs: 300, optimizer: {name: slow}, augment: {flip: true}}
"""


def test_values_of_a_recipe_that_do_not_fit_are_reported(
    wide: dict[str, Any], toy: Toy, tmp_path: Path
) -> None:
    (tmp_path / "old.yaml").write_text(RECIPE)
    wide["start_from"] = ["old.yaml"]
    spec = parse_spec(wide, base=tmp_path, trainables=toy)
    assert spec.start_from == (
        {
            "rate": 1.0,
            "width": 7,
            "optimizer": "sgd",
            "optimizer.momentum": 0.1,
            "augment.flip": True,
            "augment.flip.p": 0.5,
        },
    )
    warnings = "\n".join(spec.warnings)
    assert "old.yaml: rate: 5 is not a number from 0.001 to 1; using 1" in warnings
    assert "old.yaml: optimizer: slow is not one of sgd, adam; using sgd" in warnings
    assert "the search keeps sizes: [8, 8] (instead of [4])" in warnings
    assert "epochs" not in warnings
    assert parse_spec(spec.document, trainables=toy).start_from == spec.start_from


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("version: 1\ntrainable: toy\nrecipe: {wdth: 3}\n", r"'old.yaml':3: recipe.wdth: does not exist"),
        (
            "version: 1\ntrainable: other\nrecipe: {}\n",
            r"'old.yaml':2: trainable: 'other': is a different trainable; legal: toy",
        ),
        ("version: 1\n", "recipe: is missing"),
        ("a: [", "is not YAML"),
    ],
)
def test_a_recipe_file_with_faults(
    text: str, words: str, wide: dict[str, Any], toy: Toy, tmp_path: Path
) -> None:
    (tmp_path / "old.yaml").write_text(text)
    wide["start_from"] = ["old.yaml"]
    with pytest.raises(InvalidSpec, match=words):
        parse_spec(wide, base=tmp_path, trainables=toy)


@pytest.mark.parametrize(
    ("domain", "value", "wanted"),
    [
        (Uniform(0, 1), 7, 1.0),
        (Uniform(0, 1), None, 0.5),
        (Uniform(0.01, 1, log=True), "x", 0.1),
        (Uniform(0, 1, step=0.4), 0.95, 0.8),
        (Uniform(0, 1, step=0.6), 1, 0.6),
        (Integer(1, 9), 3.6, 4),
        (Integer(1, 9), True, 5),
        (Choice((16, 32, 64)), 40, 32),
        (Choice(("a", "b")), 3, "a"),
        (Choice((1, "b")), 3, 1),
    ],
)
def test_the_nearest_legal_value(domain: Domain, value: Any, wanted: Any) -> None:
    found = nearest(domain, value)
    assert found == pytest.approx(wanted)
    assert domain.contains(found)
