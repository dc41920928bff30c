"""Say what of a service runs, and what is unreachable, full, outdated or open to the network."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from hpo.core.addresses import without_secrets
from hpo.core.errors import HpoError
from hpo.core.formatting import count, size
from hpo.core.home import Home
from hpo.core.package_versions import changes, versions
from hpo.core.profile import JOBS, STORE
from hpo.core.service_state import ServiceState
from hpo.ledger.store import LedgerStore
from hpo.running.cluster_reading import cluster_nodes
from hpo.running.job_server import JobServer
from hpo.running.process_state import environment
from hpo.tracking.target import Target
from hpo.use_cases.search.stored_files import require_store
from hpo.use_cases.service import is_alive, is_up, service_folder, service_state

LEAST_FREE = 2**30
"""Bytes of free disk space below which a disk counts as full."""

RESTART = "`hpo service down` and `hpo service up` start it again"


@dataclass(frozen=True, slots=True)
class ServiceFinding:
    """One thing that was looked at.

    Attributes:
        subject: What was looked at.
        state: ``ok``, ``off`` or ``wrong``.
        detail: What was found, and what helps if something is wrong.
    """

    subject: str
    state: str
    detail: str


def findings(home: Home) -> Iterator[ServiceFinding]:
    """Yield what there is to say about a home, its service and the addresses that a profile may name."""
    state = service_state(home)
    if state is None:
        yield ServiceFinding("service", "off", "`hpo service up` starts it")
    else:
        yield from _service(home, state)
    yield _tried("ledger", lambda: _ledger(home))
    if os.environ.get(STORE):
        yield _tried("store", _store)
    target = Target.of(home)
    if target.is_server:
        silence = target.silence()
        detail = silence or f"{target.shown} accepts connections"
        yield ServiceFinding("tracking", "wrong" if silence else "ok", detail)
    variables = {} if os.environ.get("RAY_ADDRESS") or state is None else state.variables
    with environment(variables):
        if address := os.environ.get("RAY_ADDRESS"):
            yield _tried("cluster", lambda: _cluster(address))
    if jobs := os.environ.get(JOBS):
        yield _tried("job server", lambda: f"{without_secrets(jobs)} answers: {JobServer(jobs).session()}")
    for subject, folder in (("disk of the home", home.root), ("temporary files", tempfile.gettempdir())):
        yield from _disk(subject, Path(folder))


def _service(home: Home, state: ServiceState) -> Iterator[ServiceFinding]:
    if is_alive(state.pid, state.created):
        yield ServiceFinding("service", "ok", f"supervised by process {state.pid}")
    else:
        yield ServiceFinding(
            "service", "wrong", f"its supervisor has ended, so nothing is restarted; {RESTART}"
        )
    for part in state.parts:
        where = f", answers on {part.address[0]}:{part.address[1]}" if part.address else ""
        log = service_folder(home) / f"{part.name.lower()}.log"
        again = f"; it has been restarted {count(part.ends, 'time')}, see {log}" if part.ends else ""
        if is_up(part):
            yield ServiceFinding(part.name, "ok", f"process {part.pid}{where}{again}")
        else:
            yield ServiceFinding(
                part.name, "wrong", f"does not run or does not answer{again or f'; see {log}'}"
            )
    installed = versions()
    outdated = changes(state.versions, {name: installed.get(name, "") for name in state.versions})
    if outdated:
        yield ServiceFinding("versions", "wrong", f"it runs with others: {', '.join(outdated)}; {RESTART}")
    ports = sorted(open_ports(state))
    if ports:
        shown = ", ".join(f"{name} on {address}:{port}" for name, address, port in ports)
        advice = "anybody who reaches this machine can try them, and nothing is encrypted"
        yield ServiceFinding("network", "wrong", f"open to other machines: {shown}; {advice}")
    else:
        yield ServiceFinding("network", "ok", "only this machine reaches it")


def open_ports(state: ServiceState) -> set[tuple[str, str, int]]:
    """Return (part, address, port) of what listens on more than the loopback device."""
    found = set()
    for part in state.parts:
        with suppress(psutil.Error):
            process = psutil.Process(part.pid)
            for each in (process, *process.children(recursive=True)):
                with suppress(psutil.Error):
                    found |= {
                        (part.name, connection.laddr.ip, connection.laddr.port)
                        for connection in each.net_connections("inet")
                        if connection.status == psutil.CONN_LISTEN and not _is_loopback(connection.laddr.ip)
                    }
    return found


def _is_loopback(address: str) -> bool:
    return address.removeprefix("::ffff:").startswith("127.") or address == "::1"


def _tried(subject: str, look: Callable[[], str]) -> ServiceFinding:
    """Return what a look found, or the error that it met."""
    try:
        return ServiceFinding(subject, "ok", look())
    except HpoError as error:
        return ServiceFinding(subject, "wrong", str(error))


def _ledger(home: Home) -> str:
    if not home.is_used and not home.database:
        return "no search yet"
    store = LedgerStore.of(home)
    try:
        where = "the team's database" if home.database else "a file of this home"
        return f"searches on record in {where}: {len(store.names()):,}"
    finally:
        store.close()


def _store() -> str:
    require_store()
    return "can be written and read"


def _cluster(address: str) -> str:
    nodes = cluster_nodes(address)
    cpus, gpus = sum(node.cpus for node in nodes), sum(node.gpus for node in nodes)
    return f"{address.rpartition('@')[2]}: {count(len(nodes), 'node')}, {cpus:g} CPUs, {gpus:g} GPUs"


def _disk(subject: str, folder: Path) -> Iterator[ServiceFinding]:
    if folder.exists():
        free = shutil.disk_usage(folder).free
        detail = f"{size(free)} free in {folder}"
        full = f"{detail}; `hpo service clean` shows what can go" if free < LEAST_FREE else ""
        yield ServiceFinding(subject, "wrong" if full else "ok", full or detail)
