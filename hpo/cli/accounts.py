"""``hpo account``: how a search came to its result, on one page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.session import Session, document, dumps, emit
from hpo.core.errors import UserError
from hpo.core.json_values import fields_of
from hpo.core.visible_text import visible

if TYPE_CHECKING:
    from hpo.core.account import Account


def account(
    context: typer.Context,
    search: Annotated[
        str | None,
        typer.Argument(metavar="SEARCH", help="Name of the search, see hpo list; not needed for --schema."),
    ] = None,
    sign: Annotated[
        Path | None,
        typer.Option(metavar="KEY", help="SSH key to sign the account with; writes it and its signature."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File of the signed account; by default SEARCH-account.json."),
    ] = None,
    methods: Annotated[
        bool, typer.Option("--methods", help="Print a paragraph for a paper, with its references.")
    ] = False,
    latex: Annotated[
        bool, typer.Option("--latex", help="With --methods: as LaTeX, with a BibTeX list.")
    ] = False,
    checklist: Annotated[
        bool,
        typer.Option(
            "--checklist", help="Answer REFORMS, NeurIPS, TRIPOD+AI and Show Your Work, item by item."
        ),
    ] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of `hpo account --json`.")
    ] = False,
) -> None:
    """Report what a search tried, compared and chose, and how sure its result is."""
    from hpo.reports.account import page
    from hpo.reports.checklist import checklist_of, checklist_text
    from hpo.reports.methods import methods_text
    from hpo.use_cases.account import account_of

    session = Session.of(context)
    _check(sign, methods=methods, latex=latex, checklist=checklist, schema=schema)
    if schema:
        from hpo.reports.account_schema import account_schema

        document(dumps(account_schema()) + "\n")
        return
    if search is None:
        raise UserError("hpo account needs the name of a search; `hpo list` shows them")
    if out is not None and sign is None:
        raise UserError(
            "--out needs --sign KEY; `hpo account SEARCH --json` prints an account without signing"
        )
    gathered = account_of(search, home=session.home)
    if sign is not None:
        _show_signed(session, gathered, key=sign, out=out or Path(f"{search}-account.json"))
    elif methods:
        text = methods_text(gathered, latex=latex)
        emit({"methods": text}) if session.as_json else document(visible(text))
    elif checklist:
        items = [fields_of(item) for item in checklist_of(gathered)]
        emit(items) if session.as_json else document(visible(checklist_text(gathered)))
    elif session.as_json:
        emit(gathered.to_json())
    else:
        document(page(gathered))
    if gathered.audit and gathered.audit.findings:
        raise typer.Exit(1)


def _show_signed(session: Session, gathered: Account, *, key: Path, out: Path) -> None:
    from hpo.use_cases.account import sign_account

    signature = sign_account(gathered, key=key, out=out)
    written = {"account": str(out), "signature": str(signature)}
    emit(written) if session.as_json else document(f"{out}\n{signature}\n")


def _check(sign: Path | None, *, methods: bool, latex: bool, checklist: bool, schema: bool) -> None:
    """Refuse options that ask for several documents at once."""
    options = {"--sign": sign is not None, "--methods": methods, "--checklist": checklist, "--schema": schema}
    several = [name for name, value in options.items() if value]
    if len(several) > 1:
        raise UserError(f"{' and '.join(several)} ask for different documents; name one of them")
    if latex and not methods:
        raise UserError("--latex needs --methods")
