"""Every example runs from its folder to a scored winner and back; a port is as short as it claims."""

import difflib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = sorted(path.parent.name for path in (ROOT / "examples").glob("*/spec.yaml"))
MOST_LINES = 12
WITHOUT_TEST_PART = {"another_language"}


def test_the_page_lists_every_example():
    text = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    assert all(f"[{name}]({name})" in text for name in EXAMPLES)


def test_a_script_becomes_searchable_by_a_dozen_lines():
    plain, ported = (
        (ROOT / "examples" / "mnist" / name).read_text(encoding="utf-8").splitlines()
        for name in ("plain.py", "searchable.py")
    )
    changed = [
        line[2:] for line in difflib.ndiff(plain, ported) if line.startswith("+ ") and line[2:].strip()
    ]
    assert 0 < len(changed) <= MOST_LINES, "\n".join(changed)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs_to_a_scored_winner_whose_recipe_is_verified(name, tmp_path):
    folder = tmp_path / name
    shutil.copytree(ROOT / "examples" / name, folder, ignore=shutil.ignore_patterns("__pycache__"))
    variables = {**os.environ, "HPO_REGISTER": str(tmp_path / "register.db"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "hpo.cli.main", "--home", str(tmp_path / "home"), "--json"]
    subprocess.run(
        [*command, "submit", "spec.yaml", "--name", name], cwd=folder, env=variables, check=True, timeout=560
    )
    status = subprocess.run(
        [*command, "status", name], cwd=folder, env=variables, check=True, capture_output=True, text=True
    )
    outcome = json.loads(status.stdout)
    assert outcome["status"] == "done"
    assert outcome["test"] or name in WITHOUT_TEST_PART
    for words in (["export", name, "--out", "recipe.yaml"], ["verify", "recipe.yaml"]):
        verdict = subprocess.run(
            [*command, *words], cwd=folder, env=variables, check=True, capture_output=True, text=True
        )
    assert json.loads(verdict.stdout)["result"] == "identical"


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_passes_the_checks_for_trainables(name, tmp_path):
    folder = tmp_path / name
    shutil.copytree(ROOT / "examples" / name, folder, ignore=shutil.ignore_patterns("__pycache__"))
    variables = {**os.environ, "HPO_REGISTER": str(tmp_path / "register.db"), "PYTHONPATH": str(ROOT)}
    code = "from hpo.testing import check_trainable; check_trainable('spec.yaml')"
    subprocess.run([sys.executable, "-c", code], cwd=folder, env=variables, check=True, timeout=560)
