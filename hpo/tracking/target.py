"""Address of the MLflow store: the server or database that the user names, or the home's own store."""

from __future__ import annotations

import os
import re
import socket
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock

from hpo.core.addresses import is_web_address, without_secrets
from hpo.core.errors import UserError
from hpo.core.home import Home
from hpo.tracking import sqlite_schema
from hpo.tracking.client_store import ClientStore
from hpo.tracking.run_changes import RunStore, Unreachable
from hpo.tracking.sqlite_store import LocalStore

SERVERS = ("http", "https")
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")

ANSWERS_WITHIN = 2.0
"""Seconds in which a tracking server accepts a connection, unless it is said to be unreachable."""


@dataclass(frozen=True, slots=True)
class Target:
    """An MLflow tracking address.

    Attributes:
        uri: The address, absolute.
        home: Home whose searches are mirrored there.
        named: Whether the user named it; otherwise it is the home's own store.
    """

    uri: str
    home: Home
    named: bool = False

    @classmethod
    def of(cls, home: Home, environ: Mapping[str, str] | None = None) -> Target:
        """Return the target named by ``MLFLOW_TRACKING_URI``, or the home's own store.

        Raises:
            UserError: If MLflow does not support such an address.
        """
        uri = (os.environ if environ is None else environ).get("MLFLOW_TRACKING_URI", "").strip()
        if not uri:
            return cls(f"sqlite:///{home.tracking}", home)
        kind = re.split(r"[:+]", uri, maxsplit=1)[0] if ":" in uri else ""
        if kind not in SERVERS + DATABASES:
            legal = ", ".join(f"{scheme}:..." for scheme in SERVERS + DATABASES)
            # Never the address, which may have a password.
            named_scheme = kind or "an address without a scheme"
            raise UserError(f"MLFLOW_TRACKING_URI: MLflow does not support {named_scheme}; legal: {legal}")
        if kind in SERVERS and not is_web_address(uri):
            raise UserError(f"MLFLOW_TRACKING_URI: its address cannot be read; legal: {kind}://HOST:PORT")
        if kind == "sqlite":
            file = Path(uri.removeprefix("sqlite:///")).expanduser().absolute()
            uri = f"sqlite:///{file}"
        return cls(uri, home, named=True)

    @property
    def is_server(self) -> bool:
        """Whether it is a tracking server."""
        return self.uri.startswith(SERVERS)

    @property
    def shown(self) -> str:
        """The address without its secrets, for printing."""
        return without_secrets(self.uri)

    def silence(self, timeout: float = ANSWERS_WITHIN) -> str:
        """Return that a tracking server accepts no connection now, in a sentence; empty if it does.

        Args:
            timeout: Seconds to wait for it.
        """
        if not self.is_server:
            return ""
        try:
            address = urlsplit(self.uri)
            port = address.port or (443 if address.scheme == "https" else 80)
            with socket.create_connection((address.hostname or "", port), timeout):
                return ""
        except (OSError, ValueError) as error:
            return (
                f"MLflow at {self.shown} cannot be reached now ({error}); the search does not wait for it, "
                "and what it misses is copied when it answers, or by `hpo service mirror`"
            )

    def store(self, experiment: str, *, restore: bool = False) -> RunStore:
        """Open the store, creating it if it is a database that does not exist yet.

        Args:
            experiment: Name of the experiment that holds the runs.
            restore: Whether an experiment that was deleted in MLflow comes back.

        Raises:
            Unreachable: If that fails; it may work later.
        """
        artifacts = None if self.is_server else str(self.home.artifacts)
        client = ClientStore(self.uri, experiment, artifacts, restore=restore)
        if self.is_server:
            return client
        try:
            self.home.create()
            if not self.named:
                revision = sqlite_schema.prepare(self.home.tracking, self.home.artifacts)
                if revision == sqlite_schema.REVISION:
                    return LocalStore(self.home.tracking, self.home.artifacts, experiment, restore=restore)
            # MLflow creates its tables on first use, and two processes that do so at once conflict.
            with FileLock(self.home.root / "mlflow.making.lock", mode=0o600):
                client.connect()
            return client
        except (sqlite3.Error, OSError) as exc:
            raise Unreachable(f"{self.shown}: {without_secrets(str(exc))}") from exc
