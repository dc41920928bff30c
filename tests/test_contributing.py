"""CONTRIBUTING.md agrees with the repository."""

import re
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent


def test_every_file_and_target_it_names_exists():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\.?\w[\w./-]*/[\w./-]*|\.?[\w-]+\.(?:md|toml|txt|yaml))`", text))
    assert len(named) > 30
    assert sorted(name for name in named if not (ROOT / name).exists()) == []
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"`make ([a-z]+)", text)) <= set(targets)


def test_pre_commit_runs_the_checks_before_the_tests():
    (local,) = YAML(typ="safe").load(ROOT / ".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local"
    commands = [hook["entry"] for hook in local["hooks"]]
    (prerequisites,) = re.findall(r"^test: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert commands == [f"make {target}" for target in prerequisites.split()]
