"""``hpo audit``: whether a search's record and files are as they were written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hpo.cli.session import Session, emit, say
from hpo.core.audit import Audit
from hpo.core.errors import UserError
from hpo.core.formatting import count

OK = "nothing was edited, as far as an audit can show"


def audit(
    context: typer.Context,
    search: Annotated[
        str | None, typer.Argument(metavar="[SEARCH]", help="Name of the search; see hpo list.")
    ] = None,
    account: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="An account as JSON, to compare or to check by itself."),
    ] = None,
    signers: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Accepted signers of the account (see man ssh-keygen)."),
    ] = None,
) -> None:
    """Find what was edited since it was written: events, weights, recipe, account."""
    from hpo.use_cases.audit import audit_account, audit_search

    session = Session.of(context)
    if search is not None:
        result = audit_search(search, home=session.home, account=account, signers=signers)
    elif account is not None:
        result = audit_account(account, signers=signers)
    else:
        raise UserError("name a SEARCH, an account (--account FILE), or both")
    if session.as_json:
        emit(result.to_json())
    else:
        _show(result)
    raise typer.Exit(result.exit_code)


def _show(result: Audit) -> None:
    from hpo.cli.tables import pairs

    chain = result.chain
    rows = [("search", result.search), ("events", f"{chain.events:,}"), ("head", chain.head or "no chain")]
    rows += [("compared", phrase) for phrase in result.compared]
    rows += [("signed by", result.signer)] if result.signer else []
    rows += [("note", note) for note in result.notes]
    rows += [(finding.edit, finding.text) for finding in result.findings]
    rows.append(("result", f"{count(len(result.findings), 'difference')} found" if result.findings else OK))
    say(pairs(rows))
