"""``hpo report``: a search as one page for a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hpo.cli.options import SearchName
from hpo.cli.session import Session, emit, line


def report(
    context: typer.Context,
    search: SearchName,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File to write; by default SEARCH-report.html.")
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Rewrite the page while the search runs; it reloads itself.")
    ] = False,
) -> None:
    """Write a search as one HTML page, which needs no network and works while the search runs."""
    from hpo.use_cases.report import follow_report, write_report

    session = Session.of(context)
    pages = follow_report(search, home=session.home, out=out) if follow else None
    path = next(pages) if pages else write_report(search, home=session.home, out=out)
    if session.as_json:
        emit({"search": search, "path": str(path)})
    else:
        line(str(path))
    if show:
        import webbrowser

        webbrowser.open(path.absolute().as_uri())
    for _ in pages or ():
        pass
