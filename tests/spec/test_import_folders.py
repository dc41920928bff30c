"""A project's code is found beside the spec, in src, and in PYTHONPATH."""

import pytest

from hpo.core.import_folders import import_folders
from hpo.spec import read_spec
from hpo.spec.trusted_code import module_file
from hpo.use_cases.dataset.staging import load_trainable
from trainables.data.content import SourcePaths
from trainables.data.user_sources import UserSource

CODE = """
import hpo

@hpo.trainable(metrics={"mse": "min"})
def fit(run, data, *, rate=0.1): ...

@fit.evaluate
def evaluate(model, dataset): ...

def line(part):
    return [[0.0]], [1.0]
"""
SPEC = """
version: 1
data: {source: "NAME.code:line"}
trainable: NAME.code:fit
space: {rate: {uniform: [0, 1]}}
scheduler: {max_epochs: 3}
budget: {trials: 4}
"""


def package(folder, name):
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").touch()
    (folder / name / "code.py").write_text(CODE)


@pytest.fixture
def project(tmp_path):
    package(tmp_path / "project" / "src", "laid_out")
    package(tmp_path / "elsewhere", "on_the_path")
    return tmp_path / "project"


def test_the_src_layout(project):
    (project / "spec.yaml").write_text(SPEC.replace("NAME", "laid_out"))
    spec = read_spec(project / "spec.yaml")
    assert spec.user_code == project / "src/laid_out/code.py"
    assert module_file("laid_out.code:fit", project) == spec.user_code
    assert [metric.name for metric in load_trainable(spec.trainable, project).metrics] == ["mse"]
    source = UserSource.of("laid_out.code:line", {}, SourcePaths(project, project))
    assert len(source.development()) == 1


def test_pythonpath(project, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(project.parent / "elsewhere"), prepend=":")
    (project / "spec.yaml").write_text(SPEC.replace("NAME", "on_the_path"))
    assert read_spec(project / "spec.yaml").user_code == project.parent / "elsewhere/on_the_path/code.py"


def test_a_package_named_src_is_not_a_layout(tmp_path):
    package(tmp_path, "src")
    assert import_folders(tmp_path) == (tmp_path,)
