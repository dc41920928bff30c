"""Ray's job server: start a command on the head of a cluster over HTTP, and ask how it is.

Its REST API (https://docs.ray.io/en/latest/cluster/running-applications/job-submission/rest.html) is used,
not `ray.job_submission`: that client connects to ``RAY_ADDRESS`` whatever address it is given, and waits for
an answer without a limit.
"""

from __future__ import annotations

import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hpo.core.addresses import is_web_address, without_secrets
from hpo.core.errors import HpoError, UserError
from hpo.core.json_values import JsonObject
from hpo.running.cluster import ClusterNode

SECONDS = 20.0
"""Seconds until a job server has answered."""

NO_AGENT = "No available agent"
"""What a job server says until the agents of its head are up, some seconds after it answers itself."""

STARTING = 60.0
"""Seconds for which a head that has just started is waited for."""

POLL = 1.0
"""Seconds between two attempts."""

SUCCEEDED = "SUCCEEDED"
"""State of a job whose command ended with exit code 0, as Ray names it."""

ENDED = ("STOPPED", SUCCEEDED, "FAILED")
"""States of a job that has ended."""

TOKEN, TOKEN_PATH, TOKEN_FILE = "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "~/.ray/auth_token"  # nosec B105
"""Where Ray looks for the token of a cluster, in this order."""

MOST_NODES = 10_000
"""Nodes of a cluster that are asked for; without a limit Ray names a hundred."""

MOST_LOG = 2**16
"""Bytes of a job's log that are read."""


@dataclass(frozen=True, slots=True)
class JobState:
    """A job.

    Attributes:
        status: ``PENDING``, ``RUNNING``, ``STOPPED``, ``SUCCEEDED`` or ``FAILED``.
        message: What Ray says of it.
        labels: What its submission wrote on it.
    """

    status: str
    message: str
    labels: Mapping[str, str]

    @property
    def has_ended(self) -> bool:
        """Whether it runs no more."""
        return self.status in ENDED


@dataclass(frozen=True, slots=True)
class JobServer:
    """A job server.

    Attributes:
        address: ``http://HOST:PORT`` of the cluster's dashboard.

    Raises:
        UserError: If that is not such an address.
    """

    address: str
    _headers: Mapping[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not is_web_address(self.address):
            raise UserError(f"job server {without_secrets(self.address)}: legal: http://HOST:PORT")
        token = _token()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        object.__setattr__(self, "_headers", headers)

    def session(self) -> str:
        """Return the name of the cluster's session, which is another one after each start of its head.

        Raises:
            UserError: If no job server answers, it refuses the token, or it runs another version of Ray.
        """
        try:
            answer = self._ask("GET", "/api/version")
        except HpoError as error:
            raise UserError(str(error)) from None
        here, there = version("ray"), answer.get("ray_version")
        if there != here:
            raise UserError(f"{self._name} runs Ray {there}, and this machine has {here}; install the same")
        return str(answer.get("session_name", ""))

    def nodes(self) -> tuple[ClusterNode, ...]:
        """Return the nodes of the cluster that are alive; none if the server does not tell.

        Raises:
            HpoError: If the server does not answer.
        """
        answer = self._ask("GET", f"/api/v0/nodes?detail=1&limit={MOST_NODES}", missing={})
        found = ((answer.get("data") or {}).get("result") or {}).get("result") or ()
        return tuple(_node(fields) for fields in found if fields.get("state") == "ALIVE")

    def start(self, job: str, command: str, variables: Mapping[str, str], labels: Mapping[str, str]) -> bool:
        """Start a command on the head; one that has just been started is waited for.

        Args:
            job: Submission id of the job, which Ray accepts once.
            command: What its shell runs.
            variables: Its environment variables, beside those of the head.
            labels: What to write on the job.

        Returns:
            Whether it was started; False if a job with this id exists.

        Raises:
            HpoError: If the server does not answer or refuses.
        """
        body = {
            "submission_id": job,
            "entrypoint": command,
            "runtime_env": {"env_vars": dict(variables)},
            "metadata": dict(labels),
        }
        deadline = time.monotonic() + STARTING
        while True:
            try:
                self._ask("POST", "/api/jobs/", body)
            except HpoError as error:
                if self.state(job) is not None:
                    return False
                if NO_AGENT not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(POLL)
            else:
                return True

    def state(self, job: str) -> JobState | None:
        """Return the state of a job; None if there is no job with this id."""
        answer = self._ask("GET", f"/api/jobs/{quote(job)}", missing={})
        if not answer:
            return None
        labels = answer.get("metadata") or {}
        return JobState(str(answer["status"]), str(answer.get("message") or ""), labels)

    def last_line(self, job: str) -> str:
        """Return the last line that a job printed; empty if it printed nothing."""
        text = str(self._ask("GET", f"/api/jobs/{quote(job)}/logs", missing={}).get("logs") or "")
        lines = [line.strip() for line in text[-MOST_LOG:].splitlines() if line.strip()]
        return lines[-1] if lines else ""

    def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        missing: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the answer to a request; for status 404 the one that is given for it."""
        content = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **self._headers}
        url = self.address.rstrip("/") + path
        request = urllib.request.Request(url, content, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # nosec B310: http or https
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404 and missing is not None:
                    return missing
                raise HpoError(f"{self._name} {self._refusal(error)}") from None
        except http.client.HTTPException:
            raise HpoError(f"{self._name} does not answer as one: the answer is not HTTP") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            text = "the answer is not JSON" if isinstance(error, ValueError) else str(reason)
            raise HpoError(f"{self._name} does not answer as one: {text}") from None

    def _refusal(self, error: urllib.error.HTTPError) -> str:
        if error.code == 401:
            return f"needs the cluster's token: set {TOKEN} or {TOKEN_PATH}, or write it to {TOKEN_FILE}"
        if error.code == 403:
            return "refuses the token: it is that of another cluster"
        if error.code == 404:
            return "is not Ray's; the head needs pip install 'ray[default]' for it"
        lines = error.read(MOST_LOG).decode(errors="replace").strip().splitlines()
        return f"refuses with status {error.code}: {without_secrets(lines[-1]) if lines else error.reason}"

    @property
    def _name(self) -> str:
        return f"the job server {without_secrets(self.address)}"


def _node(fields: JsonObject) -> ClusterNode:
    amounts = dict(fields.get("resources_total") or {})
    cpus, gpus = amounts.pop("CPU", 0.0), amounts.pop("GPU", 0.0)
    name = str(fields.get("node_name") or fields.get("node_ip"))
    return ClusterNode(
        str(fields["node_id"]), name, cpus, gpus, labels=fields.get("labels") or {}, custom=amounts
    )


def _token() -> str:
    """Return the token of a cluster from where Ray looks for it; empty if there is none."""
    if token := os.environ.get(TOKEN, "").strip():
        return token
    path = Path(os.environ.get(TOKEN_PATH) or TOKEN_FILE).expanduser()
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""
