"""Commands that read what searches left behind; they change nothing and work while one runs."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.formatting import choices, number
from hpo.cli.options import SearchName
from hpo.cli.session import Session, emit, say

if TYPE_CHECKING:
    from hpo.core.outcome import Outcome, Watcher


def list_searches(context: typer.Context) -> None:
    """List the searches of this home."""
    from hpo.cli.tables import grid
    from hpo.use_cases.inspect import list_searches

    session = Session.of(context)
    found = list_searches(session.home)
    if session.as_json:
        emit([dataclasses.asdict(each) for each in found])
        return
    if not found:
        say(f"no searches in {session.home.root}")
        return
    lines = (
        (each.name, each.status, str(each.trials), number(each.best), _moment(each.opened)) for each in found
    )
    say(grid(("search", "status", "trials", "best", "opened"), lines))


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")


def status(context: typer.Context, search: SearchName) -> None:
    """Say how far a search is, and what it has found."""
    from hpo.cli.live_table import rows
    from hpo.cli.tables import pairs, standing, summary
    from hpo.core.outcome import outcome_of
    from hpo.core.progress import progress_of
    from hpo.use_cases.inspect import load_search

    session = Session.of(context)
    found = load_search(search, session.home)
    progress = progress_of(found.history, alive=found.status == "running")
    outcome = outcome_of(search, found.history, found.recipe_path, found.numbers)
    if session.as_json:
        behind = {"status": found.status, "tracking_behind": found.tracking_behind}
        spent = {each.unit: {"spent": each.spent, "limit": each.limit} for each in outcome.spent}
        emit({**outcome.to_json(), **behind, "spent": spent, "progress": standing(progress)})
        return
    best = found.history.best
    phase = found.status if found.status != "running" else f"running, {progress.phase}"
    shown = rows(progress, choices(best.point) if best else "")
    _, _, *won = summary(outcome, session.command("ui"))
    say(pairs([("search", f"{search}: {phase.replace('_', ' ')}"), *shown, *won]))
    if found.tracking_behind:
        say(f"tracking behind by {found.tracking_behind:,} events")
    if found.status in ("interrupted", "stopped", "failed"):
        say(f"`{session.command(f'resume {search}')}` goes on with it")


def best(context: typer.Context, search: SearchName) -> None:
    """Show the winner, or the best trial so far, with its recipe."""
    from hpo.cli.tables import pairs, recipe_lines, summary, with_best_so_far
    from hpo.core.outcome import outcome_of
    from hpo.use_cases.inspect import load_search

    session = Session.of(context)
    found = load_search(search, session.home)
    outcome = with_best_so_far(
        outcome_of(search, found.history, found.recipe_path, found.numbers), found.history
    )
    outcome = dataclasses.replace(outcome, status=found.status)
    if session.as_json:
        emit(outcome.to_json())
        return
    say(pairs(summary(outcome, session.command("ui"))))
    if outcome.best:
        say()
        say(pairs(recipe_lines(outcome.best.recipe)))


def watch(context: typer.Context, search: SearchName) -> None:
    """Follow a search until it ends; Ctrl-C leaves it running."""
    from hpo.cli.live_table import show
    from hpo.core.outcome import outcome_of
    from hpo.use_cases.inspect import follow_search, load_search

    session = Session.of(context)
    load_search(search, session.home)  # whether it is there, before its name is shown

    def look_on(eye: Watcher) -> Outcome:
        eye.begin(search)
        for recorded, history in follow_search(search, session.home):
            eye.event(recorded, history)
        found = load_search(search, session.home)
        return outcome_of(search, found.history, found.recipe_path, found.numbers)

    raise typer.Exit(show(session, look_on).exit_code)


def logs(
    context: typer.Context,
    search: SearchName,
    trial: Annotated[int | None, typer.Argument(metavar="[TRIAL]", help="Number of one trial.")] = None,
) -> None:
    """Print what trials printed and why they failed."""
    from hpo.use_cases.inspect import trial_output

    session = Session.of(context)
    texts = trial_output(search, session.home, trial)
    if session.as_json:
        emit(list(texts))
        return
    for text in texts:
        typer.echo(text)
