"""The commands that start a service, end it, and say how it is."""

from __future__ import annotations

import dataclasses
import shlex
from typing import Annotated

import typer

from hpo.cli.session import Session, emit, line, say
from hpo.core.errors import HpoError
from hpo.core.listening import LOOPBACK
from hpo.core.service_state import KEEPER, ServiceState


def up(
    context: typer.Context,
    listen: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address of this machine to listen on.")
    ] = LOOPBACK,
    cpus: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="CPUs that the Ray head offers; all by default.")
    ] = None,
) -> None:
    """Start a Ray head, MLflow's server and a keeper as one group, which outlives the terminal.

    By default only this machine reaches them. What ends by itself is started again.
    """
    from hpo.use_cases.service import bring_up

    session = Session.of(context)
    state, begun = bring_up(session.home, listen=listen, cpus=cpus)
    if session.as_json:
        parts = {part.name: part.address for part in state.parts}
        emit({"started": begun, "parts": parts, "url": state.url, "variables": dict(state.variables)})
        return
    say("the service is up" if begun else "the service is up already")
    for text in how_to_reach(state):
        line(text)


def down(context: typer.Context) -> None:
    """End what `hpo service up` started, and nothing else."""
    from hpo.use_cases.service import bring_down

    session = Session.of(context)
    ended = bring_down(session.home)
    if session.as_json:
        emit({"ended": ended})
    else:
        say("the service is down" if ended else "no service was running")


def doctor(context: typer.Context) -> None:
    """Say what runs, and what is unreachable, full, outdated or open to the network.

    The exit code is 1 if anything is wrong.
    """
    from hpo.use_cases.doctor import findings

    session = Session.of(context)
    found = list(findings(session.home))
    if session.as_json:
        emit([dataclasses.asdict(finding) for finding in found])
    else:
        width = max(len(finding.subject) for finding in found)
        for finding in found:
            line(f"{finding.subject:{width}}  {finding.state:5}  {finding.detail}")
    if any(finding.state == "wrong" for finding in found):
        raise typer.Exit(HpoError.exit_code)


def how_to_reach(state: ServiceState) -> list[str]:
    """Return the lines that say how a service is reached, from here and from another machine."""
    ray = state.variables["RAY_ADDRESS"]
    exports = " ".join(f"{name}={shlex.quote(value)}" for name, value in state.variables.items())
    lines = [f"Ray: {ray}; searches use it after: export {exports}"]
    jobs = state.variables.get("RAY_API_SERVER_ADDRESS", "")
    if jobs:
        lines.append(f"Ray's dashboard and job server: {jobs}")
    else:
        lines.append("Ray's dashboard and job server need `pip install 'ray[default]'`")
    if state.url:
        lines.append(f"MLflow: {state.url}")
    if state.part(KEEPER):
        lines.append("keeper: continues searches of this home whose process was killed")
    addresses = [address for part in state.parts if (address := part.address)]
    addresses += (
        [(jobs.removeprefix("http://").rpartition(":")[0], int(jobs.rpartition(":")[2]))] if jobs else []
    )
    local = [port for host, port in addresses if host == LOOPBACK and f"{host}:{port}" != ray]
    if local:
        tunnels = " ".join(f"-L {port}:{LOOPBACK}:{port}" for port in local)
        lines.append(f"from another machine: ssh -N {tunnels} THIS_MACHINE, then the same addresses there")
    return lines
