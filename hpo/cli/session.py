"""The global options of a command, and how it prints."""

from __future__ import annotations

import codecs
import json
import os
import shlex
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import typer

from hpo.core.home import Home
from hpo.core.json_values import jsonable
from hpo.core.visible_text import visible, visible_json

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

WIDE = 1_000_000
"""Columns of anything but a terminal: lines in a pipe are not broken."""


@dataclass(frozen=True, slots=True)
class Session:
    """The global options.

    Attributes:
        home: Folder of the user's searches.
        as_json: Whether standard output takes nothing but JSON.
        typed_home: The folder as ``--home`` named it; None without that option.
        typed_profile: The profile that ``--profile`` named; None likewise.
    """

    home: Home
    as_json: bool
    typed_home: Path | None = None
    typed_profile: str | None = None

    @classmethod
    def of(cls, context: typer.Context) -> Session:
        """Return the session of a running command."""
        session = context.obj
        assert isinstance(session, cls)
        return session

    def command(self, words: str) -> str:
        """Return what to type to run another command on the same home."""
        home = f" --home {shlex.quote(str(self.typed_home))}" if self.typed_home else ""
        profile = f" --profile {self.typed_profile}" if self.typed_profile else ""
        return f"hpo{home}{profile} {words}"


def console() -> Console:
    """Return a console that prints text as it is: no markup, no highlighted numbers."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else WIDE
    return Console(markup=False, emoji=False, highlight=False, width=width)


def say(shown: RenderableType = "") -> None:
    """Print text or a table; longer words than a terminal is wide continue on its next line."""
    screen = console()
    shown = visible(shown) if isinstance(shown, str) else shown
    if screen.is_terminal:
        screen.print(shown, crop=False, soft_wrap=isinstance(shown, str))
        return
    with screen.capture() as text:
        screen.print(shown, crop=False, soft_wrap=isinstance(shown, str))
    print("\n".join(line.rstrip() for line in text.get().splitlines()), flush=True)


def line(text: str, *, error: bool = False) -> None:
    """Print text as it is, however wide, with its control characters escaped."""
    typer.echo(visible(text), err=error)


def document(text: str, stream: TextIO | None = None) -> None:
    """Print a document such as YAML or CSV: unchanged into a file or a pipe, escaped on a terminal."""
    stream = stream or sys.stdout
    print(visible(text) if stream.isatty() else text, end="", file=stream, flush=True)


def dumps(value: Any) -> str:
    """Return one line of strict JSON."""
    return visible_json(json.dumps(jsonable(value), ensure_ascii=False, allow_nan=False))


def emit(value: Any) -> None:
    """Print one line of JSON."""
    print(dumps(value), flush=True)


@contextmanager
def stderr_lines(show: Callable[[str], None]) -> Iterator[None]:
    """Pass each line written to standard error to a function while the context lasts.

    Signal handlers, libraries and child processes write there past Python, where a line would tear a
    table that is being redrawn.
    """

    def drain(reader: int) -> None:
        with os.fdopen(reader, encoding="utf-8", errors="replace") as lines:
            for text in lines:
                show(text.rstrip("\n"))

    with _stderr_read_by(drain):
        yield


@contextmanager
def _escaped_stderr() -> Iterator[None]:
    """Escape everything written to standard error while the context lasts, if it is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    terminal = os.dup(2)

    def drain(reader: int) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        with os.fdopen(reader, "rb", buffering=0) as pieces, os.fdopen(terminal, "w") as screen:
            while piece := pieces.read(65_536):  # not by lines, since a prompt does not end one
                screen.write(visible(decoder.decode(piece).replace("\r", "\n")))  # bars of progress
                screen.flush()

    with _stderr_read_by(drain):
        yield


@contextmanager
def _stderr_read_by(drain: Callable[[int], None]) -> Iterator[None]:
    """Turn standard error into a pipe; a thread passes its other end to a function that reads it."""
    reader, writer = os.pipe()
    sys.stderr.flush()
    kept = os.dup(2)
    os.dup2(writer, 2)
    os.close(writer)
    draining = threading.Thread(target=drain, args=[reader], daemon=True)
    draining.start()
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        draining.join(timeout=1.0)  # a child process may keep the pipe open


@contextmanager
def own_stdout() -> Iterator[TextIO]:
    """Reserve standard output for the stream that is yielded.

    What training code and libraries print, in this process or in those it starts, goes to standard
    error meanwhile.
    """
    with _escaped_stderr():
        sys.stdout.flush()
        stdout = os.dup(1)
        os.dup2(2, 1)
        try:
            with os.fdopen(os.dup(stdout), "w", encoding="utf-8") as stream:
                yield stream
        finally:
            sys.stdout.flush()
            os.dup2(stdout, 1)
            os.close(stdout)
