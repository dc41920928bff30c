"""Every benchmark can be run as a script from any folder."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = (each for each in (ROOT / "benchmarks").glob("*.py") if "ArgumentParser" in each.read_text())
NAMES = sorted(each.stem for each in SCRIPTS)


@pytest.mark.parametrize("name", NAMES)
def test_help_as_a_script(name, tmp_path):
    command = [sys.executable, ROOT / "benchmarks" / f"{name}.py", "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout
