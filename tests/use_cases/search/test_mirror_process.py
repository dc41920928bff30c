"""One mirror of a search at a time, wherever it was started."""

import pytest
from filelock import Timeout

from hpo.core.errors import Refused
from hpo.core.events import SearchOpened
from hpo.core.home import Home
from hpo.ledger.store import LedgerStore
from hpo.use_cases.mirror import mirror_search
from hpo.use_cases.search import mirror_process


def test_a_second_mirror_waits_and_then_gives_up_with_a_message(tmp_path, monkeypatch):
    monkeypatch.setattr(mirror_process, "RETRY", 0.01)
    home = Home.at(tmp_path / "home").create()
    store = LedgerStore.at(home.ledger)
    name = store.create("digits", SearchOpened({}, "d", {}, {})).name
    store.close()
    folder = home.search(name)
    folder.root.mkdir(parents=True)
    with mirror_process.writer_lock(folder):
        with pytest.raises(Timeout), mirror_process.writer_lock(folder):
            pass
        with pytest.raises(Refused, match="keeps MLflow up to date itself"):
            mirror_search(name, home=home)
    with mirror_process.writer_lock(folder):
        pass
