"""The command that shows what takes space in a home and removes what nothing needs."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from hpo.cli.session import Session, emit, say
from hpo.core.formatting import size


def clean(
    context: typer.Context,
    search: Annotated[str | None, typer.Argument(help="Only files of this search.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove without asking.")] = False,
    logs: Annotated[bool, typer.Option("--logs", help="Remove logs of ended searches, too.")] = False,
) -> None:
    """Show what takes space in the home, and remove what nothing needs after asking.

    Kept are the record, recipes, the weights of models, data that a search of the home was made with, and
    everything that a running search, or one that can be resumed, would read.
    """
    from hpo.cli.tables import grid
    from hpo.use_cases.clean import holdings, remove

    session = Session.of(context)
    parts = holdings(session.home, search, logs=logs)
    unneeded = [part for part in parts if not part.needed]
    if session.as_json:
        freed = remove(session.home, unneeded, logs=logs) if yes else 0
        emit({"holdings": [part.to_json() for part in parts], "freed": freed})
        return
    if parts:
        rows = ((part.kind, part.search, size(part.size), part.needed or "nothing") for part in parts)
        say(grid(("what", "search", "size", "needed for"), rows))
    if not unneeded:
        say("everything is needed; nothing was removed")
        return
    total = size(sum(part.size for part in unneeded))
    if not yes and not sys.stdin.isatty():
        say(f"{total} is not needed; `{session.command('service clean --yes')}` removes it")
        return
    if not yes and not typer.confirm(f"remove {total} that nothing needs?"):
        say("nothing was removed")
        return
    say(f"{size(remove(session.home, unneeded, logs=logs))} removed")
