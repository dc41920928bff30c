"""A user's package with the name of one of hpo's packages is refused by name."""

import subprocess
import sys
from pathlib import Path

import pytest

from hpo.core.namesakes import INSTALLED, find_namesake
from hpo.spec import read_spec

SPEC = """\
version: 1
data: {{source: {source}}}
trainable: {trainable}
space: {{learning_rate: {{loguniform: [0.001, 0.1]}}}}
scheduler: {{max_epochs: 3}}
budget: {{trials: 3}}
"""
OWN = {
    "trainable": ({"source": "digits", "trainable": "{}.mine:Thing"}, (3,)),
    "data source": ({"source": "{}.mine:rows", "trainable": "image_classifier"}, (2,)),
    "both": ({"source": "{}.mine:rows", "trainable": "{}.mine:Thing"}, (2, 3)),
    "another module": ({"source": "my_data:rows", "trainable": "image_classifier"}, (2,)),
}


def project(folder: Path, name: str, **fields: str) -> Path:
    """A folder with a package and a spec in it; return the spec."""
    package = folder / name
    package.mkdir(parents=True)
    for file in ("__init__.py", "mine.py"):
        (package / file).write_text("raise SystemExit('it was imported')")
    spec = folder / "spec.yaml"
    spec.write_text(SPEC.format(**{key: value.format(name) for key, value in fields.items()}))
    return spec


def faults(spec: Path, cwd: Path, *start: str) -> list[str]:
    """Return the lines that a fresh process prints about a spec."""
    command = start or ("-P", "-m", "hpo.cli.main", "check", str(spec))
    ran = subprocess.run([sys.executable, *command], cwd=cwd, capture_output=True, text=True, check=False)
    assert ran.returncode == (1 if start else 2), ran.stdout + ran.stderr
    return [line.strip() for line in ran.stderr.splitlines() if "has the name of" in line]


@pytest.mark.parametrize("name", ["trainables", "hpo"])
@pytest.mark.parametrize("own", OWN)
def test_a_module_beside_the_spec_is_refused(name, own, tmp_path, monkeypatch):
    fields, lines = OWN[own]
    spec = project(tmp_path / "project", name, **fields)
    monkeypatch.setenv("PYTHONPATH", str(INSTALLED))
    found = faults(spec, tmp_path)
    assert [line.split(":")[1] for line in found] == [str(line) for line in lines]
    assert all(f"{tmp_path}/project/{name} has the name of hpo's package '{name}'" in line for line in found)
    assert all(line.endswith("rename it") for line in found)


@pytest.mark.parametrize("name", ["trainables", "hpo"])
def test_a_module_in_the_working_folder_is_refused(name, tmp_path, monkeypatch):
    spec = project(tmp_path / name, name, source="digits", trainable="image_classifier")
    monkeypatch.setenv("PYTHONPATH", str(INSTALLED))
    (line,) = faults(spec, tmp_path / name)
    assert line.startswith("spec.yaml:3: trainable: ") or ":3: trainable: " in line
    assert line.endswith("rename it, or run hpo from another folder")


def test_a_module_that_hides_a_package_of_hpo_is_refused(tmp_path, monkeypatch):
    spec = project(tmp_path, "trainables", source="digits", trainable="image_classifier")
    (tmp_path / "trainables" / "__init__.py").write_text("")
    monkeypatch.setenv("PYTHONPATH", str(INSTALLED))
    code = f"import hpo; hpo.submit({str(spec)!r}, home={str(tmp_path / 'home')!r})"
    (line,) = faults(spec, tmp_path, "-c", code)
    assert str(tmp_path / "trainables") in line


def test_other_files_and_packages_of_hpo_are_accepted(tmp_path, monkeypatch):
    for name in ("trainables", "hpo", "search_spaces"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "notes.txt").touch()
    (tmp_path / "search_spaces" / "__init__.py").touch()
    spec = tmp_path / "spec.yaml"
    spec.write_text(SPEC.format(source="digits", trainable="image_classifier"))
    monkeypatch.chdir(tmp_path)
    assert read_spec(spec).trainable == "image_classifier"
    assert read_spec("digits").base == INSTALLED / "search_spaces"
    assert find_namesake(tmp_path, "my_trainables.mine") is None
    assert find_namesake(INSTALLED, "trainables.tabular") is None


def test_a_module_is_found_with_and_without_a_package(tmp_path):
    folder = tmp_path / "trainables"
    folder.mkdir()
    (folder / "mine.py").touch()
    assert find_namesake(tmp_path) is None
    assert find_namesake(tmp_path, "trainables.others") is None
    assert find_namesake(tmp_path, "trainables.mine") == folder
    (tmp_path / "hpo.py").touch()
    assert find_namesake(tmp_path) == tmp_path / "hpo.py"
