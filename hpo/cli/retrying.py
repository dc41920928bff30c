"""The command that tries failed trials again."""

from __future__ import annotations

from typing import Annotated

import typer

from hpo.cli.options import Address, Again, NoTest, Reason, SearchName, run_options
from hpo.cli.session import Session, emit, say
from hpo.core.errors import UserError


def retry(
    context: typer.Context,
    search: SearchName,
    trials: Annotated[
        list[int] | None, typer.Argument(metavar="[TRIAL]...", help="Numbers of failed trials.", min=0)
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Try all failed trials again.")] = False,
    no_test: NoTest = False,
    again: Again = False,
    reason: Reason = None,
    address: Address = None,
) -> None:
    """Try failed trials again with the code as it is now, as new trials at the same points.

    They are added to the budget, and the search then goes on to its end. The failed trials stay on record,
    and so does the change of the code. Only possible while the test part is sealed. A search that is running
    is asked to try them with the code that it runs.
    """
    from hpo.cli.live_table import show
    from hpo.use_cases.change import retry_trials
    from hpo.use_cases.resume import resume_search
    from hpo.use_cases.search.holding import is_running

    if bool(trials) == failed:
        raise UserError("name the trials to try again, or --failed for all that failed")
    session, options = Session.of(context), run_options(no_test, again, reason, address)
    if is_running(session.home, search):
        _ask(session, search, retry_trials(search, trials or (), home=session.home))
        return
    outcome = show(
        session,
        lambda watch: resume_search(
            search,
            home=session.home,
            retry=trials or (),
            options=options,
            watch=watch,
        ),
    )
    raise typer.Exit(outcome.exit_code)


def _ask(session: Session, search: str, asked: tuple[int, ...]) -> None:
    """Say which trials a running search was asked to try again."""
    if session.as_json:
        emit({"search": search, "trials": list(asked), "retry_requested": True})
        return
    named = ("trial " if len(asked) == 1 else "trials ") + ", ".join(map(str, asked))
    say(
        f"{search} is running and will try {named} again with the code that it runs; for changed code, "
        f"`hpo stop {search}` first"
    )
