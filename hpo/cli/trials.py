"""``hpo trials`` and ``hpo trial``: what a search tried."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hpo.cli.options import SearchName
from hpo.cli.session import Session, console, document, emit, say
from hpo.core.formatting import NOTHING, choices, count, duration, plain, score

if TYPE_CHECKING:
    from rich.text import Text

    from hpo.cli.tables import Grid
    from hpo.use_cases.trial import TrialStory
    from hpo.use_cases.trials import TrialRow, TrialTable


def trials(
    context: typer.Context,
    search: SearchName,
    sort: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Sort by a column; by default best first.")
    ] = None,
    reverse: Annotated[bool, typer.Option("--reverse", help="Reverse the order of --sort.")] = False,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="CONDITION", help="Such as state=failed or depth>=3; can be repeated."),
    ] = None,
    columns: Annotated[
        str | None, typer.Option(metavar="NAME,NAME", help="Columns to show; 'all' shows all of them.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Number of rows to show.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, with full precision.")] = False,
) -> None:
    """List the trials of a search, best first."""
    from hpo.use_cases.trials import trial_table

    session = Session.of(context)
    table = trial_table(search, home=session.home).where(where or ())
    if sort is not None or reverse:
        table = table.sorted_by(sort or table.objective.metric, reverse=reverse)
    named = [name.strip() for name in (columns or "").split(",") if name.strip()]
    named = list(table.columns) if named == ["all"] else named
    table.require(named, "--columns")
    met = len(table.rows)
    table = table.limited_to(limit)
    if session.as_json:
        emit(table.to_json())
        return
    if as_csv:
        document(table.to_csv(named))
        return
    head = named or _fitting(table)
    say(_grid(table, head))
    _footer(table, met, [] if named else [name for name in table.names if name not in head])


def _fitting(table: TrialTable) -> list[str]:
    """Return the usual columns, and as many parameters as fit on the terminal; all of them in a pipe."""
    usual = ["trial", "state", table.objective.metric, "epochs", "seconds"]
    names = [name for name in table.names if name not in usual]
    screen = console()
    if screen.is_terminal:
        while names and _grid(table, [*usual, *names]).width > screen.width:
            names.pop()
    return [*usual, *names]


def _grid(table: TrialTable, head: Sequence[str]) -> Grid:
    from hpo.cli.tables import grid

    return grid(head, ([_cell(table, row, column) for column in head] for row in table.rows))


def _cell(table: TrialTable, row: TrialRow, column: str) -> str | Text:
    from hpo.cli.tables import trial_state_text

    value: Any = table.value(row, column)
    if column == "state":
        return trial_state_text(row.state)
    if column in (table.objective.metric, "fresh"):
        return score(value)
    if column == "seconds":
        return duration(value)
    return NOTHING if value is None or value == "" else plain(value)


def _footer(table: TrialTable, met: int, hidden: Sequence[str]) -> None:
    """Say what is not shown, and how to see it."""
    notes = []
    if len(table.rows) < met:
        notes.append(f"{len(table.rows):,} of {count(met, 'trial')} shown")
    if hidden:
        notes.append(f"{count(len(hidden), 'parameter')} not shown; see --columns and --csv")
    if notes:
        say("\n" + "; ".join(notes))


def trial(
    context: typer.Context,
    search: SearchName,
    number: Annotated[int, typer.Argument(metavar="N", min=0, help="Number of the trial.")],
) -> None:
    """Show one trial: its choices, its curve, why it was proposed and why it ended."""
    from hpo.cli.plots import curve_lines
    from hpo.cli.tables import pairs, recipe_lines
    from hpo.use_cases.trial import trial_story

    session = Session.of(context)
    story = trial_story(search, number, home=session.home)
    if session.as_json:
        emit(story.to_json())
        return
    say(pairs(_facts(story)))
    lines = list(curve_lines(story.curve, story.horizon))
    if lines:
        say(f"\nvalidation {story.metric} after each {story.unit}")
        say("\n".join(lines))
    say("\nrecipe")
    say(pairs((f"  {name}", value) for name, value in recipe_lines(story.recipe)))
    if story.log:
        say(f"\nlast lines of its output; `{session.command(f'logs {search} {number}')}` prints all")
        say("\n".join(story.log))


def _facts(story: TrialStory) -> Iterator[tuple[str, str]]:
    from hpo.use_cases.trial import ended

    row = story.row
    yield "trial", f"{row.trial} of {story.search}"
    yield "proposed", story.proposed
    yield "chosen", choices(row.point)
    yield "ended" if row.state not in ("running", "paused") else "state", ended(story)
    if story.message:
        yield "message", story.message
    if row.losses:
        yield "interrupted", f"{row.losses}; it continued on another worker"
    yield story.metric, score(row.value)
    yield "time", f"{count(row.epochs, story.unit)} in {duration(row.seconds)}"
    for rung in story.rungs:
        rank = f"{story.metric} {score(rung.value)}, rank {rung.rank} of {rung.arrivals} so far"
        paused = "; paused" if rung.paused else ""
        continued = f", later taken up: {rung.continued}" if rung.continued else ""
        passed = "; goes on whatever its rank" if rung.unjudged else ""
        yield f"rung {rung.epoch}", f"{rank}{passed}{paused}{continued}"
    if story.fresh:
        values = ", ".join(map(score, story.fresh))
        yield "fresh seeds", f"{values} (mean {score(row.fresh)})" if row.seeds > 1 else values
    yield "seed", str(story.seed)
