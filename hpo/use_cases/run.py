"""Run a search that is on record, started by a scheduler, a job of a cluster, or a person."""

from __future__ import annotations

from hpo.core.home import Home
from hpo.core.outcome import Outcome, Watcher
from hpo.ledger.searches import open_ledger, read_history
from hpo.use_cases.resume import resume_search
from hpo.use_cases.search.ending import recorded_outcome
from hpo.use_cases.search.run_options import DEFAULTS, RunOptions
from hpo.use_cases.search.sources import bring_sources


def run_search(
    name: str, *, home: Home, options: RunOptions = DEFAULTS, watch: Watcher | None = None
) -> Outcome:
    """Run a submitted search to its end, or what is left of it; one that is done stays as it is.

    It can therefore be started any number of times, as a scheduler does that starts a lost job again. The
    attempt is on record before anything is trained. Files of a search that runs as a job are copied from the
    team's store first.

    Args:
        name: The search's name.
        home: Home of the search.
        options: Choices about this run.
        watch: Receives every event from now on.

    Raises:
        UserError: If there is no such search.
        Refused: If another process runs it, or its data or code changed.
        Interrupted: If a signal stopped it; the next run continues it.
        HpoError: If it cannot go on; the next run continues it when the reason is fixed.
    """
    ledger = open_ledger(name, home)
    history = read_history(ledger)
    if history.ended and history.ended.status == "done":
        return recorded_outcome(home, ledger)
    bring_sources(home, ledger)
    return resume_search(name, home=home, options=options, watch=watch)
