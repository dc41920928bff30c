"""Serve MLflow's user interface on the searches of a home."""

from __future__ import annotations

import sys

from hpo.core.errors import HpoError
from hpo.core.home import Home
from hpo.ledger.store import LedgerStore
from hpo.tracking.leaderboard import Leaderboard
from hpo.tracking.target import Target
from hpo.tracking.ui_server import prepare_ui_server
from hpo.use_cases.inspect import load_search


def serve_ui(home: Home, port: int | None = None) -> int:
    """Serve it until it is interrupted; return the exit status."""
    server = prepare_ui_server(Target.of(home), port, board=newest_leaderboard(home))
    print(f"MLflow's UI: {server.url} (Ctrl-C stops it)", file=sys.stderr)
    return server.run()


def newest_leaderboard(home: Home) -> Leaderboard | None:
    """Return the leaderboard of the newest search's experiment; None if there is no search."""
    if not home.is_used:
        return None
    names = LedgerStore.at(home.ledger).names()
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
        always=tuple(parameter.name for parameter in parameters if not parameter.when),
        objective=search.history.objective,
    )
