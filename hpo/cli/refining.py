"""``hpo refine``: from coarse to fine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hpo.cli.options import SearchName
from hpo.cli.session import Session, emit, say


def refine(
    context: typer.Context,
    search: SearchName,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to write the new spec; a new file.")
    ] = None,
) -> None:
    """Show the next, narrower spec around what worked, as a diff; it begins where the search ended."""
    from hpo.cli.tables import pairs
    from hpo.use_cases.refine import refine_spec

    session = Session.of(context)
    found = refine_spec(search, home=session.home, out=out)
    if session.as_json:
        emit(found.to_json())
        return
    typer.echo(found.diff)
    rows = [
        ("warning" if change.edge else "because", f"{change.name}: {change.why}") for change in found.changes
    ]
    rows += [("note", note) for note in found.notes]
    if found.path:
        rows.append(("written to", found.path))
    say(pairs(rows))
