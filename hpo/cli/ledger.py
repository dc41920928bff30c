"""``hpo ledger``: every look at a test part that this user or team ever took."""

from __future__ import annotations

import dataclasses

import typer

from hpo.cli.session import Session, emit, say


def ledger(context: typer.Context) -> None:
    """List every opening of a test part: who, when, which recipe, which score."""
    from hpo.cli.tables import grid
    from hpo.use_cases.register import known_register, moment, openings, register_place, scores_said

    found = openings()
    if Session.of(context).as_json:
        emit([{**dataclasses.asdict(each), "when": moment(each.time)} for each in found])
        return
    if not found:
        register = known_register()
        say(f"no test part was opened so far, says {register.place if register else register_place()}")
        return
    rows = (
        (
            moment(each.time),
            each.by,
            each.search,
            each.fingerprint[:12],
            str(each.look),
            each.recipe[:12],
            scores_said(each) if each.state != "withdrawn" else "withdrawn, nothing was seen",
            each.reason,
        )
        for each in found
    )
    say(grid(("when", "by", "search", "test data", "look", "recipe", "score", "reason"), rows))
