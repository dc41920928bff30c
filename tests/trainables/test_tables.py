from __future__ import annotations

import subprocess
import sys

import pytest

from hpo.core.parts import Group, Part
from trainables import tables
from trainables.image_classifier import ImageClassifier
from trainables.tabular import Tabular

GROUPS = [
    pytest.param(group, id=f"{shipped.name}-{group.name}")
    for shipped in tables.SHIPPED.values()
    for group in shipped.grammar.groups
]
PARTS = [
    pytest.param(part, id=f"{shipped.name}-{group.name}-{part.name}")
    for shipped in tables.SHIPPED.values()
    for group in shipped.grammar.groups
    for part in group.parts
]


def test_shipped_names_lead_to_the_trainables() -> None:
    assert isinstance(tables.SHIPPED["image_classifier"].load(), ImageClassifier)
    assert isinstance(tables.SHIPPED["tabular"].load(), Tabular)
    assert {name for name, shipped in tables.SHIPPED.items() if shipped.name == name} == set(tables.SHIPPED)


@pytest.mark.parametrize("part", PARTS)
def test_every_builder_exists(part: Part) -> None:
    assert callable(part.load())


@pytest.mark.parametrize("group", GROUPS)
def test_defaults_are_legal_and_names_unique(group: Group) -> None:
    assert len(set(group.names)) == len(group.parts)
    assert group.many or group.default in group.names
    for own in group.hyperparameters + tuple(h for part in group.parts for h in part.hyperparameters):
        assert own.complaint(own.default) is None, own
        assert own.doc, own
    for part in group.parts:
        taken = {own.name for own in group.hyperparameters}
        assert not taken & {own.name for own in part.hyperparameters}


@pytest.mark.parametrize("shipped", tables.SHIPPED.values(), ids=lambda shipped: shipped.name)
def test_a_recipe_may_say_nothing_at_all(shipped: tables.Shipped) -> None:
    assert shipped.grammar.faults({}) == []
    resolved = shipped.grammar.resolve({})
    assert shipped.grammar.resolve(resolved) == resolved


@pytest.mark.parametrize(
    ("group", "part"),
    [("activation", "binary_step"), ("init", "zero"), ("init", "large_gaussian")],
)
def test_what_is_for_demonstration_says_why(group: str, part: str) -> None:
    found = tables.IMAGE_CLASSIFIER.grammar.group(group).part(part)
    assert found.demonstration


def test_tables_are_read_without_torch_and_numpy() -> None:
    code = "import sys, trainables.tables; print(sorted({'torch', 'numpy', 'timm'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
