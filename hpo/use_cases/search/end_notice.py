"""Telling somebody that a search has ended: a web request, or a command of the user's.

A webhook's address is often a secret. Written as ``$NAME`` it stays out of the spec and the record: the
variable is read when the notice is sent.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpo.core.addresses import VARIABLE, is_web_address, without_secrets
from hpo.core.json_values import JsonObject, jsonable

SECONDS = 30.0
"""Most seconds that a notice may take; a search does not wait longer for it."""


@dataclass(frozen=True, slots=True)
class EndNotice:
    """What a spec says under ``on_end``; one of the two is set.

    Attributes:
        webhook: Address of a POST request whose body is JSON.
        command: Program and arguments; JSON is its standard input.
        folder: Where the command runs.
    """

    webhook: str = ""
    command: tuple[str, ...] = ()
    folder: Path = Path()

    def send(self, outcome: JsonObject, environment: Mapping[str, str] = os.environ) -> str:
        """Send the notice.

        Args:
            outcome: How the search ended, as `Outcome.to_json` gives it.
            environment: Variables that an address can name, and that a command inherits.

        Returns:
            Why it did not arrive, in a sentence without secrets; empty if it did.
        """
        body = json.dumps(jsonable(outcome))
        try:
            if self.command:
                return _run(self.command, self.folder, body, environment)
            return _post(self.webhook, body, environment)
        except (OSError, ValueError, http.client.HTTPException, subprocess.SubprocessError) as error:
            return f"on_end: the notice was not sent: {without_secrets(_reason(error))}"


def _post(address: str, body: str, environment: Mapping[str, str]) -> str:
    missing = [name for name in _names(address) if name not in environment]
    if missing:
        return f"on_end: the notice was not sent: the environment variable {missing[0]} is not set"
    filled = VARIABLE.sub(lambda match: environment[match.group(1).strip("{}")], address)
    if not is_web_address(filled):
        return f"on_end: the notice was not sent: {address} does not hold an http or https address"
    request = urllib.request.Request(
        filled, body.encode(), {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=SECONDS):  # nosec B310: the scheme was checked above
        return ""


def _names(address: str) -> Sequence[str]:
    return [match.group(1).strip("{}") for match in VARIABLE.finditer(address)]


def _run(command: Sequence[str], folder: Path, body: str, environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        input=body,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env=dict(environment),
        check=False,
    )
    if done.returncode == 0:
        return ""
    last = (done.stderr.strip().splitlines() or ["without a message"])[-1]
    return f"on_end: {command[0]} ended with exit code {done.returncode}: {last}"


def _reason(error: Exception) -> str:
    """Return the reason without the address, which may be a secret."""
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    if isinstance(error, subprocess.TimeoutExpired):
        return f"the command took longer than {SECONDS:.0f} s"
    if isinstance(error, http.client.HTTPException):
        return "the answer is not one of a web server"
    if isinstance(error, OSError):
        return error.strerror or "it could not be reached"
    return "the address cannot be used"
