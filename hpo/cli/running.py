"""The command that a scheduler starts."""

from __future__ import annotations

import typer

from hpo.cli.options import Address, Again, ChangedCode, NoTest, Reason, SearchName, run_options
from hpo.cli.session import Session


def run(
    context: typer.Context,
    search: SearchName,
    no_test: NoTest = False,
    again: Again = False,
    reason: Reason = None,
    changed_code: ChangedCode = False,
    address: Address = None,
) -> None:
    """Run a submitted search, or what is left of it: for Slurm, Kubernetes and systemd.

    It can be started again any number of times. A search that is done stays as it is, with exit code 0.
    """
    from hpo.cli.live_table import show
    from hpo.use_cases.run import run_search

    session = Session.of(context)
    options = run_options(no_test, again, reason, address, changed_code=changed_code)
    outcome = show(session, lambda watch: run_search(search, home=session.home, options=options, watch=watch))
    raise typer.Exit(outcome.exit_code)
