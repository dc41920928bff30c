"""The account of a search: everything that an experiments section needs, from the record alone."""

from __future__ import annotations

from hpo.core.account import Account
from hpo.core.home import Home
from hpo.ledger.searches import open_ledger
from hpo.use_cases.accounting.gathering import gather_account


def account_of(name: str, *, home: Home) -> Account:
    """Return the account of a search; no data is read and nothing is trained.

    Raises:
        UserError: If there is no such search.
    """
    return gather_account(open_ledger(name, home), home=home)
