"""Implement ``openings``, which lists the test-use register, and ``rescue`` for damaged ledgers."""

from __future__ import annotations

import dataclasses

import typer

from hpo.cli.session import Session, emit, say


def ledger(context: typer.Context) -> None:
    """List every opening of a test part: who, when, which recipe and which score."""
    from hpo.cli.tables import grid
    from hpo.use_cases.dataset.register_access import existing_register, register_location
    from hpo.use_cases.model.register_policy import all_openings, moment, scores_text

    records = all_openings()
    if Session.of(context).as_json:
        emit([{**opening.to_json(), "when": moment(opening.time)} for opening in records])
        return
    if not records:
        register = existing_register()
        location = register.location if register else register_location()
        say(f"no test part has been opened yet, according to {location}")
        return
    rows = (
        (
            moment(opening.time),
            opening.by,
            opening.search,
            opening.fingerprint[:12],
            str(opening.look),
            opening.recipe[:12],
            scores_text(opening) if opening.state != "withdrawn" else "withdrawn, nothing was seen",
            opening.reason,
        )
        for opening in records
    )
    say(grid(("when", "by", "search", "test data", "look", "recipe", "score", "reason"), rows))


def rescue(context: typer.Context) -> None:
    """Recover the intact events of a damaged ledger; its searches can then be resumed."""
    from hpo.use_cases.rescue import rescue_ledger

    session = Session.of(context)
    result = rescue_ledger(session.home)
    saved, aside = result if result else ([], None)
    if session.as_json:
        searches = [dataclasses.asdict(search) for search in saved]
        emit({"saved": searches, "damaged": str(aside) if aside else None})
        return
    if aside is None:
        say(f"the ledger at {session.home.ledger} is intact; nothing was changed")
    for search in saved:
        lost = f", {search.lost} after the damage are lost" if search.lost else ""
        again = session.command(f"resume {search.search}")
        say(f"{search.search}: {search.kept:,} events recovered{lost}; continue with `{again}`")
    if aside is not None:
        say(f"the damaged ledger is now {aside}")
