"""Commands that run a search, or ask a running one to stop."""

from __future__ import annotations

from typing import Annotated

import typer

from hpo.cli.options import Again, Reason, SearchName, Seed, Settings, SpecFile, overrides, reason_of
from hpo.cli.session import Session, emit, say
from hpo.core.errors import UserError

NoTest = Annotated[bool, typer.Option("--no-test", help="End with the test part still sealed.")]
Address = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="Ray cluster to run on; RAY_ADDRESS, otherwise local.")
]


MOST_DIGITS = 9
"""Of a number of trials, as in a spec's budget."""


def submit(
    context: typer.Context,
    spec: SpecFile,
    settings: Settings = None,
    seed: Seed = None,
    name: Annotated[str | None, typer.Option(help="What to call the search.")] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="A label to find it by; can be repeated.")
    ] = None,
    no_test: NoTest = False,
    again: Again = False,
    reason: Reason = None,
    address: Address = None,
) -> None:
    """Run a search to its end: one recipe and one honest number."""
    from hpo import spec as specs
    from hpo.cli.live_table import show
    from hpo.use_cases.submit import submit_search

    session = Session.of(context)
    why = reason_of(again, reason)
    tags = dict(_assignment("--tag", each) for each in tag or ())
    wanted = specs.read_spec(spec, overrides(settings, seed))
    outcome = show(
        session,
        lambda watch: submit_search(
            wanted,
            home=session.home,
            name=name,
            tags=tags,
            unseal=not no_test,
            again=why,
            address=address,
            watch=watch,
        ),
    )
    raise typer.Exit(outcome.exit_code)


def resume(
    context: typer.Context,
    search: SearchName,
    trials: Annotated[
        str | None, typer.Option(metavar="+N", help="Extend a search whose test part is sealed by N trials.")
    ] = None,
    no_test: NoTest = False,
    again: Again = False,
    reason: Reason = None,
    address: Address = None,
) -> None:
    """Go on with a search that was stopped, killed or is to have more trials."""
    from hpo.cli.live_table import show
    from hpo.use_cases.resume import resume_search

    session = Session.of(context)
    more, why = _more(trials), reason_of(again, reason)
    outcome = show(
        session,
        lambda watch: resume_search(
            search,
            home=session.home,
            more_trials=more,
            unseal=not no_test,
            again=why,
            address=address,
            watch=watch,
        ),
    )
    raise typer.Exit(outcome.exit_code)


def stop(context: typer.Context, search: SearchName) -> None:
    """Ask a running search to stop; it can be resumed."""
    from hpo.use_cases.stop import stop_search

    session = Session.of(context)
    stop_search(search, home=session.home)
    if session.as_json:
        emit({"search": search, "stop_requested": True})
    else:
        say(f"{search} was asked to stop; `{session.command(f'resume {search}')}` goes on later")


def _assignment(option: str, text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UserError(f"{option} {text}: write KEY=VALUE")
    return key.strip(), value


def _more(trials: str | None) -> int:
    if trials is None:
        return 0
    digits = trials.removeprefix("+")
    if not digits.isdecimal() or len(digits) > MOST_DIGITS or not int(digits):
        legal = f"a whole number of at least 1 and at most {10**MOST_DIGITS - 1:,}"
        raise UserError(f"--trials {trials[:80]}: write +N with {legal}, such as +50")
    return int(digits)
