"""``import hpo``: fast, with the vocabulary of the command line; the notebook's test runs a whole search."""

import subprocess
import sys

import pytest

import hpo
from hpo.core.errors import InvalidSpec, UserError


def test_import_loads_no_framework():
    code = (
        "import sys, hpo\n"
        "heavy = {'torch', 'ray', 'mlflow', 'optuna', 'sqlalchemy', 'pandas', 'numpy', 'pydantic', 'typer'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_the_module_exports_only_its_public_names():
    assert set(hpo.__all__) == {
        "Range",
        "Stream",
        "load",
        "report",
        "resume",
        "searches",
        "submit",
        "trainable",
    }
    assert all(callable(getattr(hpo, name)) for name in hpo.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        _ = hpo.nothing


def test_a_home_without_searches(tmp_path):
    assert hpo.searches(home=tmp_path) == []
    with pytest.raises(UserError, match="nowhere"):
        hpo.load("nowhere", home=tmp_path)
    with pytest.raises(UserError, match="nowhere"):
        hpo.resume("nowhere", home=tmp_path)


def test_a_spec_can_be_a_mapping_and_has_all_its_faults_reported(tmp_path):
    with pytest.raises(InvalidSpec) as caught:
        hpo.submit({"version": 1, "trainable": "nonsense"}, home=tmp_path)
    assert len(caught.value.faults) > 1
    assert list(tmp_path.iterdir()) == []


def test_overrides_are_for_files(tmp_path):
    with pytest.raises(InvalidSpec, match="trials"):
        hpo.submit("digits", overrides=["budget.trials=none"], home=tmp_path)
    with pytest.raises(TypeError, match="file"):
        hpo.submit({"version": 1}, overrides=["seed=1"], home=tmp_path)
