"""The report page in the folder of a search, from which MLflow gets it.

Its plots need libraries that take a second to import, so they are imported when a search ends.
"""

from __future__ import annotations

from contextlib import suppress

from hpo.core.errors import HpoError
from hpo.core.home import Home
from hpo.core.private_files import replace_file
from hpo.ledger.searches import open_ledger
from hpo.ledger.store import SearchLedger
from hpo.use_cases.mirror import mirror_search


def keep_report(home: Home, ledger: SearchLedger, status: str = "") -> None:
    """Write the page into the folder of a search.

    Args:
        home: Home of the search.
        ledger: Its record.
        status: How it ends, if that is not on record yet.
    """
    from hpo.reports.page.document import page
    from hpo.use_cases.report import search_view

    replace_file(home.search(ledger.name).report, page(search_view(ledger, home=home, status=status)))


def publish_report(name: str, *, home: Home) -> None:
    """Write the page, and add it to the run of the search in MLflow if that can be reached now.

    Raises:
        UserError: If there is no such search.
    """
    keep_report(home, open_ledger(name, home))
    with suppress(HpoError):  # it runs, or MLflow cannot be reached: `hpo service mirror` adds the page later
        mirror_search(name, home=home)
