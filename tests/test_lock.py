"""The locked installation has the versions that are tested, each with the hashes of its files."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
CUDA = re.compile(r"(nvidia|cuda)-.*|triton")
"""Libraries of torch as it comes from PyPI, which builds for the CPU lack."""


def pins(text):
    """Versions by name."""
    found = re.findall(r"^([\w.-]+)(?:\[[^\]]*\])?==([^\s;]+)", text, re.M)
    return {canonicalize_name(name): version for name, version in found}


LOCK = (ROOT / "requirements.lock").read_text()
LOCKED = pins(LOCK)
PINNED = pins((ROOT / "constraints.txt").read_text())


def test_the_lock_and_the_constraints_have_the_same_versions():
    common = LOCKED.keys() & PINNED.keys()
    assert {name: LOCKED[name] for name in common} == {name: PINNED[name] for name in common}
    assert [name for name in LOCKED.keys() - PINNED.keys() if not CUDA.fullmatch(name)] == []
    assert PINNED.keys() - LOCKED.keys() <= {"pip"}


def test_every_locked_version_has_hashes_and_nothing_else_is_installed_from():
    entries = re.split(r"^(?=[\w])", re.sub(r"^#.*\n", "", LOCK, flags=re.M), flags=re.M)[1:]
    assert len(entries) == len(LOCKED)
    for entry in entries:
        assert re.fullmatch(r"\S+==\S+( ; [^\\\n]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+\n", entry), entry


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cmaes", "filelock", "safetensors", "typer"])
def test_the_hashes_are_those_of_the_files_on_the_index(name, tmp_path):
    (entry,) = re.findall(rf"^{name}==.*(?:\n    --hash.*)+", LOCK, re.M)
    (tmp_path / "one.txt").write_text(entry + "\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"]
    options = ["--require-hashes", "-r", str(tmp_path / "one.txt"), "-d", str(tmp_path)]
    ran = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    if "Temporary failure in name resolution" in ran.stderr or "Max retries exceeded" in ran.stderr:
        pytest.skip("the package index cannot be reached")
    assert ran.returncode == 0, ran.stderr
    assert list(tmp_path.glob("*.whl"))
    (tmp_path / "one.txt").write_text(f"{name}=={LOCKED[name]} --hash=sha256:{'0' * 64}\n")
    assert subprocess.run([*command, *options], capture_output=True, check=False).returncode != 0
