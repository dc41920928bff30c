"""Commands that change a search while it runs."""

from __future__ import annotations

from typing import Annotated

import typer

from hpo.cli.options import SearchName
from hpo.cli.session import Session, emit, say
from hpo.core.errors import UserError


def set_(
    context: typer.Context,
    search: SearchName,
    limits: Annotated[
        list[str],
        typer.Argument(
            metavar="SETTING=N",
            help="trials_at_once=N, a limit of the spec such as budget.trials=N (all of them) or "
            "budget.hours=N, priority=N or weight=N.",
        ),
    ],
) -> None:
    """Change a limit of a running search, or its share of the workers, within a second or two.

    Of searches that use the same workers, those of the highest priority are served first (0 unless it is
    set), and those of one priority by weight (1 unless it is set). Each keeps at least one worker.
    """
    from hpo.use_cases.change import set_limits

    session = Session.of(context)
    changes = dict(_limit(text) for text in limits)
    set_limits(search, changes, home=session.home)
    if session.as_json:
        emit({"search": search, "requested": changes})
    else:
        say(f"{search} was asked to set {', '.join(limits)}")


def kill(
    context: typer.Context,
    search: SearchName,
    trial: Annotated[int, typer.Argument(min=0, help="Number of the trial; see hpo trials.")],
) -> None:
    """Stop one trial of a running search for good; the others go on."""
    from hpo.use_cases.change import stop_trial

    session = Session.of(context)
    stop_trial(search, trial, home=session.home)
    if session.as_json:
        emit({"search": search, "trial": trial, "stop_requested": True})
    else:
        say(f"trial {trial} of {search} will stop in a moment")


def _limit(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UserError(f"{text}: write SETTING=N, such as trials_at_once=2")
    return name.strip(), value.strip()
