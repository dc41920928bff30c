"""Databases to keep a ledger or a register in."""

import os

import pytest

from hpo.core.events import SearchOpened
from hpo.ledger.store import LedgerStore
from tests.ledger import postgresql


@pytest.fixture(scope="session")
def postgresql_server():
    """A private PostgreSQL server."""
    pytest.importorskip("psycopg", reason="the driver of PostgreSQL is not installed")
    programs = postgresql.binaries()
    if programs is None:
        pytest.skip(f"PostgreSQL is not installed, and {postgresql.NAMED} names no database to test with")
    with postgresql.running(programs) as server:
        yield server


@pytest.fixture
def postgresql_url(request):
    """URL of a PostgreSQL database: the one that the environment names, or a new one."""
    named = os.environ.get(postgresql.NAMED)
    return named or request.getfixturevalue("postgresql_server").new_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """URL of a new database of each kind, for tests that name no other."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql_server").new_database()
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
def opened(url):
    """Opens the same database, again and again."""
    stores = []

    def open_store():
        stores.append(LedgerStore(url))
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()


@pytest.fixture
def ledger(opened):
    return opened().create("one", SearchOpened({}, "d", {}, {}))
