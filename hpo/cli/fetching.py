"""The command that copies a search's files from a team's store."""

from __future__ import annotations

import typer

from hpo.cli.options import SearchName
from hpo.cli.session import Session, emit, say


def fetch(context: typer.Context, search: SearchName) -> None:
    """Copy the model, recipe, account and logs of a search that ran elsewhere into this home."""
    from hpo.core.formatting import count, size
    from hpo.use_cases.fetch import fetch_files

    session = Session.of(context)
    files = fetch_files(search, home=session.home)
    if session.as_json:
        emit({"search": search, "files": [str(path) for path in files]})
        return
    total = sum(path.stat().st_size for path in files)
    say(f"{count(len(files), 'file')} of {search}, {size(total)}, are in {session.home.search(search).root}")
