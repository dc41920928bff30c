"""``hpo account``: the whole story of a search on one page."""

from __future__ import annotations

import typer

from hpo.cli.options import SearchName
from hpo.cli.session import Session, emit


def account(context: typer.Context, search: SearchName) -> None:
    """Tell the whole story of a search: what was tried, compared, chosen, and how sure the result is."""
    from hpo.report.account import page
    from hpo.use_cases.account import account_of

    session = Session.of(context)
    told = account_of(search, home=session.home)
    if session.as_json:
        emit(told)
    else:
        typer.echo(page(told), nl=False)
