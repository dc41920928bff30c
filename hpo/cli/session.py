"""What every command is handed: the home, and how to print."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import typer

from hpo.cli.formatting import jsonable
from hpo.core.home import Home

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

WIDE = 1_000
"""Columns where nobody looks at a screen, so that nothing is cut or folded."""


@dataclass(frozen=True, slots=True)
class Session:
    """The global options.

    Attributes:
        home: Where the user's searches lie.
        as_json: Whether JSON alone goes to standard output.
        typed_home: The folder as it was typed; None if no option named it.
    """

    home: Home
    as_json: bool
    typed_home: Path | None = None

    @classmethod
    def of(cls, context: typer.Context) -> Session:
        """The session of a running command."""
        session = context.obj
        assert isinstance(session, cls)
        return session

    def command(self, words: str) -> str:
        """What to type to run another command on the same home."""
        home = f" --home {shlex.quote(str(self.typed_home))}" if self.typed_home else ""
        return f"hpo{home} {words}"


def console() -> Console:
    """A console that prints text as it is: no markup, no colours in numbers, no cut columns."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else WIDE
    return Console(markup=False, emoji=False, highlight=False, width=width)


def say(shown: RenderableType = "") -> None:
    """Print text or a table; without trailing blanks where it is no screen that is printed on."""
    screen = console()
    if screen.is_terminal:
        screen.print(shown)
        return
    with screen.capture() as text:
        screen.print(shown, soft_wrap=isinstance(shown, str))
    print("\n".join(line.rstrip() for line in text.get().splitlines()), flush=True)


def dumps(value: Any) -> str:
    """One line of strict JSON."""
    return json.dumps(jsonable(value), ensure_ascii=False, allow_nan=False)


def emit(value: Any) -> None:
    """Print one line of JSON."""
    print(dumps(value), flush=True)


@contextmanager
def own_stdout() -> Iterator[TextIO]:
    """Keep standard output for one writer.

    Whatever else prints in this process or in those it starts (training code, libraries) goes to
    standard error while the context lasts.
    """
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with os.fdopen(os.dup(kept), "w", encoding="utf-8") as stream:
            yield stream
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
