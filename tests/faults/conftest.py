"""A fresh folder for every search that is to be disturbed."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from tiny_search import Place, left_behind


@pytest.fixture
def place(tmp_path):
    """A fresh folder; nothing that started in it may be alive afterwards."""
    yield Place(tmp_path)
    assert left_behind(tmp_path) == []
