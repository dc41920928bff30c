"""The account as files in the search's folder: a page, its JSON, and the spec to run it again."""

from __future__ import annotations

import json

from hpo.core.estimates import ScoreEstimates
from hpo.core.home import Home
from hpo.core.json_values import jsonable, parsed
from hpo.core.private_files import replace_file
from hpo.core.regular_file import read_regular
from hpo.ledger.store import SearchLedger
from hpo.reports.account import page
from hpo.spec.fields import STORED_ONLY
from hpo.spec.recipe_files import yaml_text
from hpo.use_cases.accounting.gathering import SPEC_FILE, gather_account


def write_account(ledger: SearchLedger, *, home: Home, status: str) -> None:
    """Write the account into the search's folder, as text and as JSON; MLflow shows both.

    The complete spec is written beside it, so that the search can be run again.

    Args:
        ledger: The search's record.
        home: Home of the search.
        status: How the search is about to end.
    """
    account = gather_account(ledger, home=home, status=status)
    folder = home.search(ledger.name)
    replace_file(folder.account, page(account))
    replace_file(folder.account.with_suffix(".json"), json.dumps(account.to_json(), indent=2))
    spec = {field: value for field, value in jsonable(account.spec).items() if field not in STORED_ONLY}
    replace_file(folder.root / SPEC_FILE, yaml_text(spec))


def numbers_of(name: str, *, home: Home) -> ScoreEstimates | None:
    """Read the best score and its estimates from the last account of a search.

    Args:
        name: The search's name.
        home: Home of the search.

    Returns:
        None if no account was written, it cannot be read, or it names no winner.
    """
    try:
        account = parsed(read_regular(home.search(name).account.with_suffix(".json")))
        numbers = account.get("numbers")
        return ScoreEstimates.of_json(numbers) if numbers else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
