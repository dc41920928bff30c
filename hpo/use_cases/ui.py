"""Serve MLflow's user interface on the searches of a home."""

from __future__ import annotations

import os
import sys
import webbrowser

from hpo.core.domains import Choice, Domain
from hpo.core.errors import HpoError
from hpo.core.home import Home
from hpo.ledger.store import LedgerStore
from hpo.tracking.leaderboard import Leaderboard
from hpo.tracking.target import Target
from hpo.tracking.ui_server import prepare_ui_server
from hpo.use_cases.inspect import load_search


def serve_ui(home: Home, port: int | None = None, *, browser: bool = True) -> int:
    """Serve it until it is interrupted; return the exit status.

    Args:
        home: The home.
        port: Port to listen on; None takes the usual one, or any free one.
        browser: Whether to open a browser, where there is a screen.
    """
    server = prepare_ui_server(Target.of(home), port, board=newest_leaderboard(home))
    print(f"MLflow's UI, accessible only to you: {server.url} (Ctrl-C stops it)", file=sys.stderr)
    return server.run(webbrowser.open if browser and _has_screen() else None)


def _has_screen() -> bool:
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _values_of_one_kind(domain: Domain) -> bool:
    """Return whether MLflow takes all values for numbers, or all for texts; a missing value is a text."""
    if not isinstance(domain, Choice):
        return True
    return len({isinstance(v, int | float) and not isinstance(v, bool) for v in domain.values}) == 1


def newest_leaderboard(home: Home) -> Leaderboard | None:
    """Return the leaderboard of the newest search's experiment; None if there is no search."""
    if not home.is_used:
        return None
    names = LedgerStore.of(home).names()
    if not names:
        return None
    try:
        search = load_search(names[-1], home)
        spec = search.spec
    except HpoError:  # such as a spec whose trainable is gone
        return None
    parameters = spec.space.parameters
    return Leaderboard(
        experiment=str(spec.document["experiment"]),
        parameters=tuple(parameter.name for parameter in parameters),
        always=tuple(p.name for p in parameters if not p.when and _values_of_one_kind(p.domain)),
        objective=search.history.objective,
    )
