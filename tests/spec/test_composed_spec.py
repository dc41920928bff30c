"""A spec composed of Python objects equals the file with their names."""

import importlib
import sys

import pytest

import hpo
from hpo.core.errors import UserError
from hpo.spec import parse_spec
from hpo.spec.composed_spec import composed
from hpo.spec.named_objects import name_of

CODE = """
import hpo

@hpo.trainable(metrics={"mse": "min"})
def fit(run, data, *, rate=0.1): ...

@fit.evaluate
def evaluate(model, dataset): ...

def line(part): ...

def outer():
    def inner(part): ...
    return inner
"""


@pytest.fixture
def objects(tmp_path, monkeypatch):
    package = tmp_path / "composed_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "objects.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("composed_package.objects")
    for name in ("composed_package", "composed_package.objects"):
        sys.modules.pop(name, None)


def test_objects_are_named_by_module_and_attribute(objects, tmp_path):
    assert name_of(objects.fit, "trainable") == ("composed_package.objects:fit", tmp_path)
    assert name_of(objects.line, "data") == ("composed_package.objects:line", tmp_path)


def test_a_command_needs_no_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = {"command": ["true", "{lr}"], "metrics": {"loss": "min"}}
    document, base = composed(command, None, {"lr": {"uniform": [0, 1]}}, 4, 3, {})
    assert (document.get("data"), document["trainable"], base) == (None, command, tmp_path)
    with pytest.raises(TypeError, match="a composed spec needs data"):
        hpo.submit("tabular", space={}, budget=4)


def test_what_other_processes_cannot_import_is_refused(objects):
    with pytest.raises(UserError, match=r"data: outer.<locals>.inner cannot be imported by other processes"):
        name_of(objects.outer(), "data")
    with pytest.raises(UserError, match=r"trainable: .* cannot be imported"):
        name_of(lambda: None, "trainable")


def test_a_composed_spec_is_that_of_a_file(objects, tmp_path):
    document, base = composed(
        objects.fit,
        objects.line,
        {"rate": {"uniform": [0, 1]}},
        20,
        9,
        {"finalists": {"count": 1}, "scheduler": "asha"},
    )
    assert document == {
        "version": 1,
        "data": {"source": "composed_package.objects:line"},
        "trainable": "composed_package.objects:fit",
        "space": {"rate": {"uniform": [0, 1]}},
        "budget": {"trials": 20},
        "scheduler": {"name": "asha", "max_epochs": 9},
        "finalists": {"count": 1},
    }
    assert base == tmp_path
    assert parse_spec(document, base=base).horizon == 9


def test_sections_of_data_and_shipped_names_stay_as_they_are():
    document, _ = composed("tabular", {"source": "iris", "validation": 0.3}, {}, {"epochs": 9}, None, {})
    assert (document["data"], document["budget"]) == ({"source": "iris", "validation": 0.3}, {"epochs": 9})


def test_half_a_spec_is_refused(objects, tmp_path):
    with pytest.raises(TypeError, match=r"needs data .*, space and budget"):
        hpo.submit(objects.fit, data=objects.line, home=tmp_path)
    with pytest.raises(TypeError, match="needs data, space and budget"):
        hpo.submit(objects.fit, home=tmp_path)
    with pytest.raises(TypeError, match="needs data, space and budget"):
        hpo.submit("digits", max_epochs=3, home=tmp_path)
