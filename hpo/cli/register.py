"""What is on record: every look of this user or team at a test part; what is whole of a damaged ledger."""

from __future__ import annotations

import dataclasses

import typer

from hpo.cli.session import Session, emit, say


def ledger(context: typer.Context) -> None:
    """List every opening of a test part: who, when, which recipe, which score."""
    from hpo.cli.tables import grid
    from hpo.use_cases.model.register_policy import (
        all_openings,
        existing_register,
        moment,
        register_location,
        scores_text,
    )

    found = all_openings()
    if Session.of(context).as_json:
        emit([{**dataclasses.asdict(each), "when": moment(each.time)} for each in found])
        return
    if not found:
        register = existing_register()
        say(f"no test part was opened so far, says {register.location if register else register_location()}")
        return
    rows = (
        (
            moment(each.time),
            each.by,
            each.search,
            each.fingerprint[:12],
            str(each.look),
            each.recipe[:12],
            scores_text(each) if each.state != "withdrawn" else "withdrawn, nothing was seen",
            each.reason,
        )
        for each in found
    )
    say(grid(("when", "by", "search", "test data", "look", "recipe", "score", "reason"), rows))


def rescue(context: typer.Context) -> None:
    """Save what is whole of a damaged ledger; its searches can be resumed from there."""
    from hpo.use_cases.rescue import rescue_ledger

    session = Session.of(context)
    done = rescue_ledger(session.home)
    saved, aside = done if done else ([], None)
    if session.as_json:
        searches = [dataclasses.asdict(each) for each in saved]
        emit({"saved": searches, "damaged": str(aside) if aside else None})
        return
    if aside is None:
        say(f"the ledger at {session.home.ledger} is whole; nothing was changed")
    for each in saved:
        lost = f", {each.lost} after the damage are lost" if each.lost else ""
        say(f"{each.search}: {each.kept:,} events saved{lost}; `{session.command(f'resume {each.search}')}`")
    if aside is not None:
        say(f"the damaged ledger is now {aside}")
