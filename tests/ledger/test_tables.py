"""The layouts on disk are those of their versions: a change here needs a new version and a migration."""

import sqlite3
from contextlib import closing
from pathlib import Path

from hpo.core.events import SearchOpened
from hpo.ledger import register_layout, tables
from hpo.ledger.register import Register
from hpo.ledger.store import LedgerStore

LAYOUTS = Path(__file__).parent / "layouts"


def layout(path):
    """The statements that created the tables and indexes of a database, one a line, ordered by name."""
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
        return "".join(" ".join(sql.split()) + "\n" for (sql,) in rows)


def test_the_layout_of_a_ledger_is_that_of_version_4(tmp_path):
    store = LedgerStore.at(tmp_path / "ledger.db")
    store.create("digits", SearchOpened(spec={"version": 1}, digest="d", split={}, versions={}), "digits")
    store.close()
    assert tables.VERSION == 4
    assert layout(tmp_path / "ledger.db") == (LAYOUTS / "ledger-4.sql").read_text()


def test_the_layout_of_a_register_is_that_of_version_2(tmp_path):
    assert Register(tmp_path / "register.db").key
    assert register_layout.VERSION == 2
    assert layout(tmp_path / "register.db") == (LAYOUTS / "register-2.sql").read_text()
