"""The command that looks after the searches of a home or a team."""

from __future__ import annotations

import signal
import threading
from typing import Annotated

import typer

from hpo.cli.session import Session, emit, line


def keep(
    context: typer.Context,
    every: Annotated[
        float,
        typer.Option(min=0.1, max=3600, metavar="SECONDS", help="Time between two polls of the ledger."),
    ] = 2.0,
) -> None:
    """Continue searches whose process was killed, until Ctrl-C; see run.log in the folder of each."""
    from hpo.use_cases.keep import keep as keep_searches

    session, over = Session.of(context), threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    show = emit if session.as_json else line
    keep_searches(session.home, show, every, over.wait)
