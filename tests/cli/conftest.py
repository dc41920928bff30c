"""Fixtures of the tests of the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hpo.cli import main as command

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


@dataclass(frozen=True)
class Typed:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one line of JSON that it printed."""
        (line,) = self.out.splitlines()
        return json.loads(line)


@pytest.fixture
def typed(capfd: pytest.CaptureFixture[str]) -> Callable[..., Typed]:
    """Run the command in this process."""

    def run(*arguments: str) -> Typed:
        capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            command.main(arguments)
        out, err = capfd.readouterr()
        return Typed(int(left.value.code or 0), out, err)

    return run
