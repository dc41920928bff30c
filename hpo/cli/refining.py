"""``hpo refine``: from a coarse search to a finer one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hpo.cli.options import SearchName
from hpo.cli.session import Session, emit, line, say


def refine(
    context: typer.Context,
    search: SearchName,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="New file to write the spec to.")] = None,
) -> None:
    """Show a narrower spec around the best trials as a diff; it starts from where the search ended."""
    from hpo.cli.tables import pairs
    from hpo.use_cases.refine import refine_spec

    session = Session.of(context)
    refined = refine_spec(search, home=session.home, out=out)
    if session.as_json:
        emit(refined.to_json())
        return
    line(refined.diff)
    rows = [
        ("warning" if change.edge else "because", f"{change.name}: {change.why}")
        for change in refined.changes
    ]
    rows += [("note", note) for note in refined.notes]
    if refined.path:
        rows.append(("written to", refined.path))
    say(pairs(rows))
