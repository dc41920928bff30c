"""``hpo report``: a search as one page for a browser, or several side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hpo.cli.session import Session, emit, line
from hpo.core.errors import UserError


def report(
    context: typer.Context,
    searches: Annotated[
        list[str], typer.Argument(metavar="SEARCH...", help="Name of the search; two or more are compared.")
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File to write; by default SEARCH-report.html.")
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Rewrite the page while the search runs; it reloads itself.")
    ] = False,
) -> None:
    """Write a search as one HTML page, which needs no network and works while the search runs."""
    from hpo.use_cases.report import follow_report, write_comparison, write_report

    session, search = Session.of(context), searches[0]
    compared = list(dict.fromkeys(searches))
    if follow and len(compared) > 1:
        raise UserError("--follow takes one search")
    pages = follow_report(search, home=session.home, out=out) if follow else None
    if pages:
        path = next(pages)
    elif len(compared) > 1:
        path = write_comparison(compared, home=session.home, out=out)
    else:
        path = write_report(search, home=session.home, out=out)
    if session.as_json:
        emit(
            {"search": search, "path": str(path)}
            if len(compared) == 1
            else {"searches": compared, "path": str(path)}
        )
    else:
        line(str(path))
    if show:
        import webbrowser

        webbrowser.open(path.absolute().as_uri())
    for _ in pages or ():
        pass
