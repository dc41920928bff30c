"""Fixtures of the tests of the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


Hpo = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def hpo() -> Hpo:
    """Run the command in a process of its own."""

    def run(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "hpo.cli.main", *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=cwd,
            timeout=280,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        )

    return run
