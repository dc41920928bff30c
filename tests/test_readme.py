"""The README does what it says: its files are written and its commands run, in its own order.

A fence's second word is the file that the block is saved as; ``make`` marks the targets that set the
project up, which are held against the Makefile.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BLOCKS = [match.groups() for match in FENCE.finditer(TEXT)]
LANGUAGES = {"shell", "yaml", "python"}


def test_every_block_is_one_that_can_be_run():
    assert BLOCKS
    assert len(BLOCKS) == TEXT.count("```") / 2
    assert {language for language, _, _ in BLOCKS} <= LANGUAGES


def test_it_opens_with_the_two_commands_that_need_nothing():
    language, mark, content = BLOCKS[0]
    targets = [line.split("#")[0].split()[1] for line in content.splitlines()]
    assert (language, mark, targets) == ("shell", "make", ["demo", "test"])
    planned = subprocess.run(
        ["make", "--dry-run", *targets], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert "hpo submit search_spaces/digits.yaml" in planned


def test_every_command_and_option_it_names_exists():
    for command in set(re.findall(r"`hpo ([a-z]+)", TEXT)):
        helped = subprocess.run([*HPO, command, "--help"], capture_output=True, text=True, check=False)
        assert helped.returncode == 0, command
    helped = subprocess.run([*HPO, "submit", "--help"], capture_output=True, text=True, check=True)
    for option in ("--address", "--no-test", "--set", "--tag", "--seed", "--name"):
        assert option in helped.stdout


HPO = [sys.executable, "-m", "hpo.cli.main"]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_what_it_says_runs_from_top_to_bottom(tmp_path):
    command = tmp_path / "bin" / "hpo"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m hpo.cli.main "$@"\n')
    command.chmod(0o755)
    folder = tmp_path / "work"
    folder.mkdir()
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("HPO_", "MLFLOW_"))}
    environment["HPO_REGISTER"] = str(tmp_path / "register.db")
    environment |= {"PATH": f"{command.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    for language, mark, content in BLOCKS[1:]:
        if mark:
            (folder / mark).write_text(content)
            continue
        shell = ["bash", "-euo", "pipefail", "-c", content]
        argv = shell if language == "shell" else [sys.executable, "-c", content]
        ran = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, f"{content}\n{ran.stdout}\n{ran.stderr}"
    assert (folder / "recipe.yaml").exists()
