"""The sdist builds the wheel, and the wheel is complete: it runs with nothing but its dependencies."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("hpo", "search_spaces", "trainables")
BESIDE = {"CHANGELOG.md", "MANIFEST.in", "README.md", "pyproject.toml"}
GENERATED = {"PKG-INFO", "setup.cfg"}
"""What setuptools adds to an sdist by itself, beside a folder NAME.egg-info."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def run(*command, cwd, **environment):
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HPO_", "PYTHONPATH"))}
    done = subprocess.run(
        command, cwd=cwd, env=kept | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def build(kind, source, into):
    """The path of a wheel or an sdist, built by the build backend itself: no network, nothing isolated."""
    code = f"import sys; from setuptools import build_meta; build_meta.build_{kind}(sys.argv[1])"
    into.mkdir()
    run(sys.executable, "-c", code, str(into), cwd=source)
    (built,) = into.iterdir()
    return built


@pytest.fixture(scope="module")
def tracked():
    """Files of the repository, relative to its root."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    if not (ROOT / ".git").exists():
        pytest.skip("not a git repository: which files belong to it is not known")
    return {name for name in run(*listed, cwd=ROOT).splitlines() if (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def sdist(tracked, tmp_path_factory):
    source = tmp_path_factory.mktemp("source")
    for name in tracked:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    return build("sdist", source, source / "dist")


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory):
    """Built from the sdist, as an installer does where no wheel fits."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (source,) = folder.iterdir()
    return build("wheel", source, folder / "dist")


def of_packages(names):
    return {name for name in names if name.startswith(tuple(f"{package}/" for package in PACKAGES))}


def test_the_sdist_holds_the_packages_and_what_builds_them(tracked, sdist):
    with tarfile.open(sdist) as archive:
        members = [Path(member.name) for member in archive.getmembers() if member.isfile()]
    names = {str(Path(*member.parts[1:])) for member in members}
    generated = {name for name in names if name in GENERATED or ".egg-info/" in name}
    assert names - generated == of_packages(tracked) | BESIDE


def test_the_wheel_holds_every_file_of_the_packages(tracked, wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {name for name in names if ".dist-info/" not in name} == of_packages(tracked)
    data = {Path(name).suffix or Path(name).name for name in names if not name.endswith(".py")}
    assert data >= {".yaml", ".json", ".sql", ".txt", ".typed"}


def test_the_wheel_runs_with_only_its_dependencies(wheel, tmp_path):
    venv, empty = tmp_path / "venv", tmp_path / "empty"
    empty.mkdir()
    run(sys.executable, "-m", "venv", "--without-pip", str(venv), cwd=tmp_path)
    python = venv / "bin" / "python"
    install = ["install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    run(sys.executable, "-m", "pip", "--python", str(python), *install, cwd=tmp_path)
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(run(python, "-c", ask, cwd=empty).strip())
    # The folder goes on the path as it is: the .pth file that makes this checkout importable is not read.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    imported = run(python, "-c", f"import {', '.join(PACKAGES)}; print(hpo.__file__)", cwd=empty)
    assert Path(imported.strip()).parent.parent == site
    assert "digits" in run(venv / "bin" / "hpo", "check", "digits", cwd=empty)
    assert list(empty.iterdir()) == []
