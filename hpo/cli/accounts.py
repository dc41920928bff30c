"""``hpo account``: how a search came to its result, on one page."""

from __future__ import annotations

import typer

from hpo.cli.options import SearchName
from hpo.cli.session import Session, document, emit


def account(context: typer.Context, search: SearchName) -> None:
    """Report what a search tried, compared and chose, and how sure its result is."""
    from hpo.report.account import page
    from hpo.use_cases.account import account_of

    session = Session.of(context)
    gathered = account_of(search, home=session.home)
    if session.as_json:
        emit(gathered.to_json())
    else:
        document(page(gathered))
    if gathered.audit and gathered.audit.findings:
        raise typer.Exit(1)
