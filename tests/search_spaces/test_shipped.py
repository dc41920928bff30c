"""Every shipped search space is valid, and each of its points is a recipe."""

import json
import re
import subprocess
import sys
from random import Random

import pytest

from hpo.core.space import Choice
from hpo.spec import parse_spec, read_spec
from hpo.spec.builtin import specs
from hpo.spec.overview import space_overview

NAMES = tuple(specs())
POINTS = 300

NO_REASON = re.compile(r"|on or off|either|any|all( there (is|are))?|every kind( there is)?|\w+")
"""A comment that only repeats the bound, or a single word."""


def test_the_list_of_shipped_specs() -> None:
    assert NAMES == (
        "cifar10",
        "cifar10_vit",
        "digits",
        "everything",
        "fashion_mnist",
        "image_folder",
        "tabular_classification",
        "tabular_regression",
        "transfer",
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_point_is_a_recipe(name: str) -> None:
    spec = read_spec(name)
    random = Random(7)
    for _ in range(POINTS):
        point = spec.space.sample(random)
        assert not spec.space.complaints(point)
        recipe = spec.recipe_of(point)
        assert not spec.grammar.faults(recipe)
        assert spec.grammar.resolve(recipe) == recipe
        assert recipe["epochs"] == spec.horizon
        values = spec.values_of(recipe)
        assert {key: values[key] for key in point} == point


@pytest.mark.parametrize("name", NAMES)
def test_a_spec_explains_its_purpose_and_its_bounds(name: str) -> None:
    text = specs()[name].read_text(encoding="utf-8")
    schema, about = text.splitlines()[:2]
    assert schema.startswith("# yaml-language-server")
    assert about.startswith("# ")
    assert len(about) < 120
    inside = text.partition("\nspace:\n")[2].partition("\nforbid:")[0].partition("\nstart_from:")[0]
    bounds = [line for line in inside.splitlines() if line.strip()]
    assert bounds
    reasons = [line.partition("#")[2].strip() for line in bounds]
    assert [line for line, reason in zip(bounds, reasons, strict=True) if NO_REASON.fullmatch(reason)] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_budget_of_a_spec_suffices(name: str) -> None:
    spec = read_spec(name)
    bought = space_overview(spec).forecast
    assert bought is not None
    assert bought.trials >= 30
    assert spec.scheduler.rungs
    assert parse_spec(json.loads(json.dumps(spec.document))) == spec


def test_digits_is_the_demo() -> None:
    spec = read_spec("digits")
    assert (spec.data.source, spec.horizon) == ("digits", 27)
    names = {parameter.name for parameter in spec.space.parameters}
    assert names >= {
        "learning_rate", "batch_size", "optimizer", "optimizer.momentum", "init", "activation",
        "regularize.dropout.p", "augment.strength",
    }  # fmt: skip
    assert spec.space.by_name["optimizer.momentum"].when


LEFT_OUT = {"epochs", "compile", "test_size"}


def test_everything_varies_every_hyperparameter() -> None:
    spec = read_spec("everything")
    slots = {name for name in spec.grammar.slots if not name.startswith("transfer")}
    assert {parameter.name for parameter in spec.space.parameters} == slots - LEFT_OUT
    for group in spec.grammar.groups:
        varied = spec.space.by_name.get(group.name)
        if varied is not None:
            assert isinstance(varied.domain, Choice)
            assert set(varied.domain.values) == set(group.names)


HEAVY = (
    "torch",
    "torchvision",
    "ray",
    "mlflow",
    "optuna",
    "numpy",
    "pandas",
    "sqlalchemy",
    "sklearn",
    "scipy",
)
CHILD = """
import sys
from hpo.spec import read_spec
from hpo.spec.overview import space_overview
for name in sys.argv[1:]:
    space_overview(read_spec(name))
print([name for name in %r if name in sys.modules])
"""


def test_checking_shipped_specs_imports_nothing_heavy() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", CHILD % (HEAVY,), *NAMES],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert ran.stdout.strip() == "[]"
