"""``hpo account``: how a search came to its result, on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hpo.cli.options import SearchName
from hpo.cli.session import Session, document, emit
from hpo.core.errors import UserError


def account(
    context: typer.Context,
    search: SearchName,
    sign: Annotated[
        Path | None,
        typer.Option(metavar="KEY", help="SSH key to sign the account with; writes it and its signature."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File of the signed account; by default SEARCH-account.json."),
    ] = None,
) -> None:
    """Report what a search tried, compared and chose, and how sure its result is."""
    from hpo.report.account import page
    from hpo.use_cases.account import account_of, sign_account

    session = Session.of(context)
    if out is not None and sign is None:
        raise UserError(
            "--out needs --sign KEY; `hpo account SEARCH --json` prints an account without signing"
        )
    gathered = account_of(search, home=session.home)
    if sign is not None:
        file = out or Path(f"{search}-account.json")
        signature = sign_account(gathered, key=sign, out=file)
        written = {"account": str(file), "signature": str(signature)}
        emit(written) if session.as_json else document(f"{file}\n{signature}\n")
    elif session.as_json:
        emit(gathered.to_json())
    else:
        document(page(gathered))
    if gathered.audit and gathered.audit.findings:
        raise typer.Exit(1)
