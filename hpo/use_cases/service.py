"""Bring a service up and down: a Ray head, an MLflow server and a keeper, supervised as one group.

It belongs to a home, and outlives the terminal. A process of its own supervises the programs
(`hpo.running.supervisor`); this module says what they are, waits until they answer, and ends them.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

from hpo.core.errors import HpoError, UserError
from hpo.core.home import Home
from hpo.core.listening import LOOPBACK, answers, free_port
from hpo.core.package_versions import versions
from hpo.core.private_files import open_log, replace_file
from hpo.core.service_state import KEEPER, MLFLOW, RAY, RunningPart, ServicePart, ServiceState
from hpo.running.cluster_reading import cluster_nodes
from hpo.running.loopback import ALONE
from hpo.running.process_state import environment
from hpo.running.supervisor import STATE, TEMPORARY, end_parts
from hpo.tracking.target import Target
from hpo.tracking.ui_server import prepare_ui_server

START_SECONDS = 300.0
"""Seconds in which all parts have to answer; Ray alone takes a minute on a busy machine."""

END_SECONDS = 60.0
"""Seconds in which a supervisor ends its parts."""

POLL = 0.2

RAY_PORTS = (6379, 8265)
"""Usual ports of a Ray head and of its dashboard and job server."""

DASHBOARD = ("aiohttp", "aiohttp_cors", "opencensus", "prometheus_client", "virtualenv")
"""Modules without which Ray runs neither its dashboard nor its job server."""

PATIENT = {"RAY_raylet_start_wait_time_s": "240"}
"""Environment in which Ray's node has time to start on a busy machine."""

SERVED = ("python", "hpo-service", "ray", "mlflow")
"""Packages whose versions a service is made of."""


def service_folder(home: Home) -> Path:
    """Return the folder of a home's service: its state, logs and Ray's token."""
    return home.root / "service"


def service_state(home: Home) -> ServiceState | None:
    """Return what the home's service wrote about itself; None if there is none."""
    try:
        return ServiceState.of_json((service_folder(home) / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def is_alive(pid: int, created: float) -> bool:
    """Return whether a process still runs, and is not a later one with the same number."""
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - created) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def bring_up(home: Home, *, listen: str = LOOPBACK, cpus: int | None = None) -> tuple[ServiceState, bool]:
    """Start the service of a home, unless it runs.

    Args:
        home: The home.
        listen: Address of this machine on which it is reached.
        cpus: CPUs that the Ray head offers to trials; None for all.

    Returns:
        Its state once all parts answer, and whether this call started it.

    Raises:
        UserError: If this machine does not have that address.
        HpoError: If a part does not come up; nothing is left running then.
    """
    state = service_state(home)
    if state and is_alive(state.pid, state.created):
        return state, False
    _require_address(listen)
    home.create()
    folder = service_folder(home)
    folder.mkdir(0o700, exist_ok=True)
    bring_down(home)  # what a supervisor that was killed has left
    process = _supervisor(folder, _plan(home, listen, cpus))
    try:
        return _awaited(home, process), True
    except BaseException:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)
        bring_down(home)
        raise


def bring_down(home: Home) -> bool:
    """End the service of a home and nothing else; return whether it was running.

    Searches that run on its Ray head stop as they do when a cluster is lost, and can be resumed.
    """
    state = service_state(home)
    if state is None:
        return False
    supervisor = is_alive(state.pid, state.created)
    if supervisor:
        process = psutil.Process(state.pid)
        process.terminate()
        psutil.wait_procs([process], timeout=END_SECONDS)
    left = [part.pid for part in state.parts if is_alive(part.pid, part.created)]
    end_parts(left, state.marker)
    (service_folder(home) / STATE).unlink(missing_ok=True)
    return supervisor or bool(left)


def _plan(home: Home, listen: str, cpus: int | None) -> tuple[ServiceState, list[ServicePart]]:
    """Return the service without its processes, and the programs that it consists of."""
    token = service_folder(home) / "ray_token"
    if not token.is_file():
        replace_file(token, secrets.token_hex(32))
    gcs, dashboard = (free_port(port, listen) for port in RAY_PORTS)
    variables = {
        "RAY_ADDRESS": f"{listen}:{gcs}",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
    }
    if has_dashboard():
        variables["RAY_API_SERVER_ADDRESS"] = f"http://{listen}:{dashboard}"
    parts = [_ray(listen, gcs, dashboard, cpus, variables)]
    url = ""
    if not Target.of(home).is_server:
        server = prepare_ui_server(Target.of(home), host=listen)
        port = int(server.argv[server.argv.index("--port") + 1])
        changed = {name: text for name, text in server.environ.items() if os.environ.get(name) != text}
        parts.append(ServicePart(MLFLOW, server.argv, changed, (listen, port), ("MLFLOW_TRACKING_URI",)))
        url = server.url
    keep = (sys.executable, "-P", "-m", "hpo.cli.main", "--home", str(home.root), "service", "keep")
    parts.append(ServicePart(KEEPER, keep, variables))
    packages = {name: version for name, version in versions().items() if name in SERVED}
    state = ServiceState(0, 0.0, secrets.token_hex(16), "", packages, (), url, variables)
    return state, parts


def has_dashboard() -> bool:
    """Return whether what Ray's dashboard and job server need is installed."""
    return all(importlib.util.find_spec(module) for module in DASHBOARD)


def _ray(listen: str, gcs: int, dashboard: int, cpus: int | None, variables: dict[str, str]) -> ServicePart:
    start = "import sys; from ray.scripts.scripts import main; sys.argv[0] = 'ray'; sys.exit(main())"
    words = [sys.executable, "-P", "-c", start, "start", "--head", "--block", "--disable-usage-stats"]
    words += [f"--node-ip-address={listen}", f"--port={gcs}", f"--temp-dir={TEMPORARY}/ray"]
    words += [f"--include-dashboard={str(has_dashboard()).lower()}"]
    words += [f"--dashboard-host={listen}", f"--dashboard-port={dashboard}"]
    words += [] if cpus is None else [f"--num-cpus={cpus}"]
    environ = {name: text for name, text in variables.items() if name.startswith("RAY_AUTH")}
    environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_GRAFANA_HOST": "", **PATIENT}
    environ |= ALONE if listen == LOOPBACK else {}
    return ServicePart(RAY, tuple(words), environ, (listen, gcs), ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS"))


def _supervisor(folder: Path, plan: tuple[ServiceState, list[ServicePart]]) -> subprocess.Popen[bytes]:
    """Start the process that runs the parts, in a session of its own."""
    state, parts = plan
    document = {
        "folder": str(folder),
        "state": {"marker": state.marker, "versions": state.versions, "url": state.url}
        | {"variables": state.variables},
        "parts": [dataclasses.asdict(part) for part in parts],
        "unmarked": [KEEPER],
    }
    with open_log(folder / "supervisor.log", "a") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "hpo.running.supervisor"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    assert process.stdin is not None
    with process.stdin as pipe:
        pipe.write(json.dumps(document).encode())
    return process


def _awaited(home: Home, process: subprocess.Popen[bytes]) -> ServiceState:
    """Return the state of a service once all its parts answer.

    Raises:
        HpoError: If one ends, or does not answer in time.
    """
    deadline = time.monotonic() + START_SECONDS
    while True:
        state = service_state(home)
        if state and state.pid == process.pid:
            ended = next((part for part in state.parts if part.ends), None)
            if ended:
                raise HpoError(f"{ended.name} of the service ended at once: {_last_line(home, ended)}")
            if all(is_up(part) for part in state.parts) and _has_node(state):
                return state
        if process.poll() is not None:
            raise HpoError(f"the service did not start; see {service_folder(home) / 'supervisor.log'}")
        if time.monotonic() > deadline:
            silent = ", ".join(part.name for part in state.parts if not is_up(part)) if state else "nothing"
            raise HpoError(f"the service did not start within {START_SECONDS:.0f} s: no answer from {silent}")
        time.sleep(POLL)


def _has_node(state: ServiceState) -> bool:
    """Return whether the Ray head has a node for trials; the head answers before it has one."""
    try:
        with environment(state.variables):
            return bool(cluster_nodes(state.variables["RAY_ADDRESS"]))
    except HpoError:
        return False


def is_up(part: RunningPart) -> bool:
    """Return whether a part runs, and answers if it listens."""
    return is_alive(part.pid, part.created) and (part.address is None or answers(*part.address))


def _last_line(home: Home, part: RunningPart) -> str:
    log = service_folder(home) / f"{part.name.lower()}.log"
    with suppress(OSError):
        lines = [
            line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()
        ]
        return f"{lines[-1].strip()[:300]}; see {log}" if lines else f"see {log}"
    return f"see {log}"


def _require_address(listen: str) -> None:
    try:
        with socket.socket() as probe:
            probe.bind((listen, 0))
    except OSError as error:
        raise UserError(
            f"--listen {listen[:80]}: {error.strerror}; legal: an address of this machine, such as {LOOPBACK}"
        ) from error
