"""Commands that read the record of searches; they change nothing and work while a search runs."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.options import SearchName
from hpo.cli.session import Session, emit, line, say
from hpo.core.formatting import choices, count, duration, score, size

if TYPE_CHECKING:
    from rich.text import Text

    from hpo.core.outcome import Outcome, Watcher
    from hpo.use_cases.inspect import Search
    from hpo.use_cases.listing import Summary


def list_searches(
    context: typer.Context,
    tag: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY[=VALUE]", help="Only searches with this tag; can be repeated."),
    ] = None,
) -> None:
    """List the searches of this home, newest first."""
    from hpo.cli.tables import grid, search_state_text
    from hpo.core.addresses import without_secrets
    from hpo.core.gpu_price import gpu_price
    from hpo.use_cases.listing import list_searches

    session = Session.of(context)
    price = gpu_price()
    summaries = list_searches(session.home, tag or (), price)
    if session.as_json:
        emit([summary.to_json() for summary in summaries])
        return
    if not summaries:
        place = without_secrets(session.home.database or str(session.home.root))
        say(f"no searches in {place}" + (f" with {' and '.join(tag)}" if tag else ""))
        return
    shared = len({summary.user for summary in summaries}) > 1  # 80 columns hold it only where it is needed
    costs = [f"{summary.cost:,.2f}" for summary in summaries] if math.isfinite(price) else []
    rows: list[tuple[str | Text, ...]] = [
        (
            summary.name,
            *([summary.user] if shared else []),
            search_state_text(summary.status),
            f"{summary.trials:,}",
            f"{summary.objective.metric} ({summary.objective.mode})",
            score(summary.test),
            _used(summary),
            *costs[number : number + 1],
            _moment(summary.opened),
        )
        for number, summary in enumerate(summaries)
    ]
    head = ("search", *(["user"] if shared else []), "status", "trials", "objective", "test", "used")
    say(grid((*head, *(["cost"] if costs else []), "opened"), reversed(rows)))


def _used(summary: Summary) -> str:
    """Return the time of what the search used in one unit: of GPUs if it held any, of CPUs otherwise."""
    hours, kind = (summary.gpu_hours, "GPU") if summary.gpu_hours else (summary.cpu_hours, "CPU")
    seconds = round(hours * 3600)
    if seconds < 60:
        return f"{seconds} s {kind}"
    return f"{seconds // 60} min {kind}" if seconds < 3600 else f"{hours:.1f} h {kind}"


def _moment(seconds: float) -> str:
    """Return the time of the day with its date; without the year in the present one."""
    moment = datetime.fromtimestamp(seconds).astimezone()
    year = "" if moment.year == datetime.now().astimezone().year else "%Y-"
    return moment.strftime(f"{year}%m-%d %H:%M")


def status(context: typer.Context, search: SearchName) -> None:
    """Show how far a search is, and its result so far."""
    from hpo.cli.progress_rows import MOST_CHOICES, progress_rows, time_text
    from hpo.cli.summaries import progress_json, result
    from hpo.cli.tables import pairs
    from hpo.core.progress import progress_of
    from hpo.core.time_left import TimeLeft
    from hpo.use_cases.forecast import time_left_of
    from hpo.use_cases.inspect import load_search

    session = Session.of(context)
    loaded = load_search(search, session.home)
    progress = progress_of(loaded.history, alive=loaded.status == "running")
    outcome = loaded.outcome()
    if session.as_json:
        behind = {"status": loaded.status, "tracking_behind": loaded.tracking_behind}
        budget = {use.unit: {"spent": use.spent, "limit": use.limit} for use in outcome.spent}
        paused = {"paused_bytes": loaded.paused_bytes} if loaded.history.paused else {}
        emit({**outcome.to_json(), **behind, "spent": budget, **paused, "progress": progress_json(progress)})
        return
    best, running = loaded.history.best, loaded.status == "running"
    phase = f"running, {progress.phase}" if running else loaded.status.replace("_", " ")
    waited = max(0.0, time.time() - loaded.history.last_at) if running else 0.0
    elapsed = loaded.history.active + waited
    left = time_left_of(loaded.history, session.home, search).after(waited) if running else TimeLeft()
    point = choices(best.point, MOST_CHOICES) if best else ""
    shown = [
        ("search", f"{search}: {phase}"),
        ("time", time_text(elapsed, left) if running else duration(elapsed)),
        *progress_rows(progress, point, winner=outcome.best is not None),
        *_paused(loaded),
        *result(outcome),
    ]
    say(pairs(shown))
    _say_where(session, loaded)
    if loaded.tracking_behind:
        say(f"MLflow is behind by {count(loaded.tracking_behind, 'event')}")
    if loaded.status in ("interrupted", "stopped", "failed"):
        say(f"`{session.command(f'resume {search}')}` continues it")
    elif loaded.status == "submitted":
        say(f"`{session.command(f'service run {search}')}` runs it")


def _say_where(session: Session, search: Search) -> None:
    """Say what copies the files of a search that ran elsewhere."""
    if search.is_elsewhere:
        fetch = session.command(f"service fetch {search.name}")
        say(f"its files are not in this home; `{fetch}` copies them from the team's store")


def _paused(search: Search) -> Iterator[tuple[str, str]]:
    """Yield what the paused trials take of the disk, if any trial is paused."""
    if waiting := len(search.history.paused):
        checkpoints = size(search.paused_bytes)
        yield "paused", f"{count(waiting, 'trial')} can be taken up, from checkpoints of {checkpoints}"


def best(context: typer.Context, search: SearchName) -> None:
    """Show the winner, or the best trial so far, with its recipe."""
    from hpo.cli.summaries import summary, where_to_look, with_best_so_far
    from hpo.cli.tables import pairs, recipe_lines
    from hpo.use_cases.inspect import load_search

    session = Session.of(context)
    loaded = load_search(search, session.home)
    outcome = with_best_so_far(loaded.outcome(), loaded.history)
    outcome = dataclasses.replace(outcome, status=loaded.status)
    if session.as_json:
        emit(outcome.to_json())
        return
    say(pairs(summary(outcome, where_to_look(session, search))))
    _say_where(session, loaded)
    if outcome.best:
        say()
        say(pairs(recipe_lines(outcome.best.recipe)))


def watch(context: typer.Context, search: SearchName) -> None:
    """Follow a search until it ends; Ctrl-C leaves it running."""
    from hpo.cli.live_table import LiveTable, show
    from hpo.use_cases.follow import follow_search
    from hpo.use_cases.inspect import load_search

    session = Session.of(context)
    load_search(search, session.home)  # fails before anything is shown if there is no such search

    def follow(watcher: Watcher) -> Outcome:
        watcher.begin(search)
        idle = watcher.read if isinstance(watcher, LiveTable) else lambda: None
        for recorded, history in follow_search(search, session.home, idle):
            watcher.event(recorded, history)
        return load_search(search, session.home).outcome()

    raise typer.Exit(show(session, follow).exit_code)


def logs(
    context: typer.Context,
    search: SearchName,
    trial: Annotated[int | None, typer.Argument(metavar="[TRIAL]", help="Number of one trial.")] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Print new lines as they come, until the search ends.")
    ] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="Do not escape control characters, such as those of colours.")
    ] = False,
) -> None:
    """Print the output of trials and why they failed."""
    from hpo.use_cases.logs import follow_output, trial_output

    session = Session.of(context)
    show = print if raw else line
    if follow:
        for new in follow_output(search, session.home, trial):
            emit(new) if session.as_json else show(new)
        return
    texts = list(trial_output(search, session.home, trial))
    if session.as_json:
        emit(texts)
        return
    for text in texts:
        show(text)
    if not texts:
        line(f"no trial of {search} has printed anything or failed", error=True)
