"""What follows the end of a search: a notice to whom the spec names."""

from __future__ import annotations

from contextlib import suppress

from hpo.core.errors import HpoError, Refused
from hpo.core.events import SearchEnded, Warned
from hpo.core.home import Home
from hpo.core.outcome import Outcome, outcome_of
from hpo.ledger.leases import Lease, SearchLease, lease_seconds
from hpo.ledger.searches import read_history
from hpo.ledger.store import SearchLedger
from hpo.spec import SearchSpec, parse_spec
from hpo.use_cases.accounting.files import numbers_of
from hpo.use_cases.search.end_notice import EndNotice
from hpo.use_cases.search.holding import this_process


def recorded_outcome(home: Home, ledger: SearchLedger) -> Outcome:
    """Return how a search stands according to its record."""
    history = read_history(ledger)
    path = history.exported.path if history.exported else ""
    numbers = numbers_of(ledger.name, home=home)
    return outcome_of(ledger.name, history, str(home.root / path) if path else "", numbers)


def tell_end(home: Home, spec: SearchSpec, ledger: SearchLedger) -> None:
    """Send the notice that the spec asks for; one that does not arrive is a warning on record."""
    if spec.on_end is None:
        return
    section = spec.on_end
    notice = EndNotice(section.webhook or "", tuple(section.command or ()), spec.base)
    problem = notice.send(recorded_outcome(home, ledger).to_json())
    if problem:
        ledger.append([Warned(problem)])


def record_failure(home: Home, ledger: SearchLedger, lease: Lease, reason: str) -> None:
    """Record that a search which no process runs has failed, and send the notice.

    Nothing happens if a process has taken it up meanwhile.
    """
    search_lease = SearchLease(ledger, this_process(), lease_seconds())
    with suppress(Refused):
        search_lease.take(lease.options, [SearchEnded("failed", reason)])
        with suppress(HpoError):  # a spec whose trainable is gone
            opened = read_history(ledger).opened
            assert opened is not None
            tell_end(home, parse_spec(opened.spec, source=ledger.name), ledger)
        search_lease.release()
