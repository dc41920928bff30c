"""Every file that a guide for contributors names exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GUIDES = [guide for guide in ("ARCHITECTURE.md", "CONTRIBUTING.md") if (ROOT / guide).exists()]
PATH = re.compile(r"`([\w.-]+(?:/[\w.*-]*)+)`")


def paths_in(guide: str) -> list[str]:
    return sorted(set(PATH.findall((ROOT / guide).read_text(encoding="utf-8"))))


def test_the_architecture_names_files() -> None:
    assert len(paths_in("ARCHITECTURE.md")) > 30


@pytest.mark.parametrize("guide", GUIDES)
def test_every_file_that_a_guide_names_exists(guide: str) -> None:
    assert [path for path in paths_in(guide) if not (ROOT / path).exists()] == []
