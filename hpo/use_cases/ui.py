"""Serve MLflow's user interface on the searches of a home."""

from __future__ import annotations

import sys

from hpo.core.home import Home
from hpo.tracking.target import Target
from hpo.tracking.ui_server import prepare_ui_server


def serve_ui(home: Home, port: int | None = None) -> int:
    """Serve it until it is interrupted; return the exit status."""
    server = prepare_ui_server(Target.of(home), port)
    print(f"MLflow's UI: {server.url} (Ctrl-C stops it)", file=sys.stderr)
    return server.run()
