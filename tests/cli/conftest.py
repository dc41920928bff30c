"""What the tests of the command line share."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


@pytest.fixture(scope="session")
def stories() -> ModuleType:
    spec = importlib.util.spec_from_file_location("stories", HERE / "stories.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
