"""What a search is going to do with its test part at the end, and what the register knows of that data."""

from __future__ import annotations

from hpo.core.command import BY_COMMAND
from hpo.core.errors import InvalidSpec
from hpo.core.formatting import count
from hpo.core.home import Home
from hpo.ledger.searches import open_ledger, read_history
from hpo.spec import SearchSpec, parse_spec
from hpo.use_cases.model.register_policy import all_openings, expected_openings


def intention_of(spec: SearchSpec, home: Home, unseal: bool = True) -> str:
    """Say what will happen to the test part of a new search, without reading its data.

    Args:
        spec: The search's spec.
        home: Its home.
        unseal: Whether this run may open the test part.
    """
    if spec.data.source == BY_COMMAND:
        return "the command reads its own data, so no test score will be measured"
    if not unseal or spec.test == "on_request":
        return "at the end the test part stays sealed; `hpo test` opens it"
    known = _known(len(expected_openings(spec.data, spec.base, home)))
    return f"at the end the winner is scored on the test part, once; {known}"


def _known(openings: int) -> str:
    """Return what the register says of data whose rows are compared only after they are read."""
    if openings:
        return f"the register has {count(openings, 'opening')} of it"
    if all_openings():
        return "a warning follows if the register knows its rows"
    return "the register has none so far"


def intention_of_search(name: str, home: Home, unseal: bool = True) -> str:
    """Say the same of a search on record; nothing if its test part is open, or its spec no longer legal.

    Raises:
        UserError: If there is no such search.
    """
    history = read_history(open_ledger(name, home))
    if history.opened is None or history.claim is not None:
        return ""
    try:
        return intention_of(parse_spec(history.opened.spec, source=name), home, unseal)
    except InvalidSpec:  # continuing the search says why
        return ""
