"""Commands that run a search, or stop a running one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.options import (
    Address,
    Again,
    ChangedCode,
    Detach,
    Job,
    NewSplit,
    NoTest,
    Reason,
    SearchName,
    Seed,
    Settings,
    SpecFile,
    overrides,
    run_options,
)
from hpo.cli.session import Session, emit, say
from hpo.cli.trust import Trust, name_code
from hpo.core.errors import UserError

if TYPE_CHECKING:
    from hpo.use_cases.search.cluster_job import ClusterJob
    from hpo.use_cases.search.detached import DetachedRun

MAX_DIGITS = 9
"""Digits of a number of trials, as in a spec's budget."""


def submit(
    context: typer.Context,
    spec: SpecFile,
    settings: Settings = None,
    seed: Seed = None,
    name: Annotated[str | None, typer.Option(help="Name of the search.")] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="A label to find it by; can be repeated.")
    ] = None,
    no_test: NoTest = False,
    again: Again = False,
    new_split: NewSplit = False,
    reason: Reason = None,
    address: Address = None,
    detach: Detach = False,
    job: Job = False,
    hold: Annotated[
        bool, typer.Option("--hold", help="Record the search only; hpo service run starts it, anywhere.")
    ] = False,
    trust: Trust = False,
) -> None:
    """Run a search to its end: one recipe and one honest number."""
    from hpo import spec as specs
    from hpo.cli.live_table import show
    from hpo.spec.builtin import locate
    from hpo.use_cases.intention import intention_of
    from hpo.use_cases.submit import Submission, hold_search, submit_detached, submit_job, submit_search

    session = Session.of(context)
    if hold and (detach or job or no_test or again):
        raise UserError(
            "--hold only records the search; --detach, --job, --no-test and --again do not go with it"
        )
    _require_one_way(detach, job, address)
    options = run_options(no_test, again, reason, address, new_split=new_split)
    tags = dict(_assignment("--tag", text) for text in tag or ())
    changes = overrides(settings, seed)
    name_code(locate(spec), changes, beside=True, to_end=True, trust=trust)
    read = specs.read_spec(spec, changes)
    submission = Submission(
        read,
        home=session.home,
        name=name,
        tags=tags,
        options=options,
        new_split=(reason or "").strip() if new_split else "",
    )
    if hold:
        _show_held(session, hold_search(submission))
        return
    intention = intention_of(read, session.home, options.unseal)
    if detach:
        _show_detached(session, submit_detached(submission), intention)
        return
    if job:
        _show_job(session, submit_job(submission), intention)
        return
    outcome = show(session, lambda watch: submit_search(submission, watch), intention)
    raise typer.Exit(outcome.exit_code)


def resume(
    context: typer.Context,
    search: SearchName,
    trials: Annotated[
        str | None,
        typer.Option(metavar="+N", help="Add N trials, while the test part is still sealed."),
    ] = None,
    no_test: NoTest = False,
    again: Again = False,
    reason: Reason = None,
    changed_code: ChangedCode = False,
    address: Address = None,
    detach: Detach = False,
    job: Job = False,
) -> None:
    """Continue a search that was stopped or killed, or add trials to it."""
    from hpo.cli.live_table import show
    from hpo.use_cases.intention import intention_of_search
    from hpo.use_cases.resume import resume_search
    from hpo.use_cases.search.cluster_job import JobPlace, start_job
    from hpo.use_cases.search.detached import start_detached

    session = Session.of(context)
    more = _more(trials)
    _require_one_way(detach, job, address)
    options = run_options(no_test, again, reason, address, changed_code=changed_code)
    if detach:
        _show_detached(session, start_detached(session.home, search, options, more_trials=more))
        return
    if job:
        if more:
            raise UserError(
                f"--trials does not go with --job; once it runs, `hpo service set {search} budget.trials=N` "
                "sets their number"
            )
        place = JobPlace.of_environment(session.home)
        _show_job(session, start_job(place, session.home, search, options))
        return
    outcome = show(
        session,
        lambda watch: resume_search(
            search, home=session.home, more_trials=more, options=options, watch=watch
        ),
        intention_of_search(search, session.home, options.unseal),
    )
    raise typer.Exit(outcome.exit_code)


def _show_detached(session: Session, run: DetachedRun, intention: str = "") -> None:
    if session.as_json:
        emit({"search": run.search, "detached": True, "pid": run.pid, "log": str(run.log)})
        return
    where = f"on without this terminal, as process {run.pid}"
    _show_elsewhere(session, run.search, where, intention)


def _show_elsewhere(session: Session, search: str, where: str, intention: str) -> None:
    """Say where a search runs that this command has left to another process."""
    if intention:
        say(intention)
    say(f"{search} runs {where}")
    follow, end = (session.command(f"{verb} {search}") for verb in ("watch", "stop"))
    say(f"`{follow}` follows it, `{end}` stops it")


def _require_one_way(detach: bool, job: bool, address: str | None) -> None:
    if job and (detach or address):
        raise UserError(
            "--job runs the search on the job server's cluster; --detach and --address do not go with it"
        )


def _show_job(session: Session, run: ClusterJob, intention: str = "") -> None:
    if session.as_json:
        emit({"search": run.search, "job": run.job, "server": run.server})
        return
    if run.idle:
        say(f"{run.search} is done; job {run.job} of {run.server} left it as it is")
        return
    where = f"on the cluster, as job {run.job} of {run.server}"
    _show_elsewhere(session, run.search, where, intention)


def _show_held(session: Session, search: str) -> None:
    if session.as_json:
        emit({"search": search, "held": True})
    else:
        say(f"{search} is on record; `{session.command(f'service run {search}')}` runs it")


def stop(context: typer.Context, search: SearchName) -> None:
    """Stop a running search; it can be resumed."""
    from hpo.use_cases.stop import stop_search

    session = Session.of(context)
    stop_search(search, home=session.home)
    if session.as_json:
        emit({"search": search, "stop_requested": True})
    else:
        say(f"{search} will stop in a moment; `{session.command(f'resume {search}')}` continues it")


def _assignment(option: str, text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UserError(f"{option} {text}: write KEY=VALUE")
    return key.strip(), value


def _more(trials: str | None) -> int:
    if trials is None:
        return 0
    digits = trials.removeprefix("+")
    if not digits.isdecimal() or len(digits) > MAX_DIGITS or not int(digits):
        legal = f"a whole number from 1 to {10**MAX_DIGITS - 1:,}"
        raise UserError(f"--trials {trials[:80]}: write +N, such as +50, where N is {legal}")
    return int(digits)
