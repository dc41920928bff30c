"""Claims of running searches on one pool are seen by the others; those of dead searches are not."""

import pytest
import sqlalchemy as sa

from hpo.core.events import SearchOpened
from hpo.core.sharing import Claim
from hpo.ledger import tables
from hpo.ledger.claims import Claims
from hpo.ledger.database import writing
from hpo.ledger.leases import SearchLease

OPENED = SearchOpened({}, "d", {}, {})


@pytest.fixture
def running(opened):
    """Opens searches that hold their leases."""

    def open_one(name):
        ledger = opened().create(name, OPENED)
        SearchLease(ledger, f"process of {name};a", 60.0).take("{}")
        return ledger

    return open_one


def test_a_search_sees_the_claims_of_the_others_on_its_pool(running):
    one, two, three = (running(name) for name in ("one", "two", "three"))
    claims = Claims(one, "machine a")
    assert claims.others() == []
    first = Claim(two.number, 4, 8)
    Claims(two, "machine a").put(first)
    Claims(three, "machine b").put(Claim(three.number, 4, 8))
    claims.put(Claim(one.number, 2, 4, 1, 5))
    assert claims.others() == [first]
    assert Claims(two, "machine a").others() == [Claim(one.number, 2, 4, 1, 5)]
    changed = Claim(two.number, 1, 8, 2, 3)
    Claims(two, "machine a").put(changed)
    assert claims.others() == [changed]
    Claims(two, "machine a").withdraw()
    assert claims.others() == []


def test_the_claim_of_a_search_without_a_lease_does_not_count(running):
    one, two = running("one"), running("two")
    Claims(two, "pool").put(Claim(two.number, 4, 8))
    assert len(Claims(one, "pool").others()) == 1
    with writing(two.engine) as connection:
        connection.execute(sa.update(tables.leases).values(until=1.0))
    assert Claims(one, "pool").others() == []
