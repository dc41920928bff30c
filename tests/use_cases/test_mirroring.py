"""One mirror of a search at a time, wherever it was started."""

import pytest
from filelock import Timeout

from hpo.core.errors import Refused
from hpo.core.events import SearchOpened
from hpo.core.home import Home
from hpo.ledger.store import Store
from hpo.use_cases import mirroring
from hpo.use_cases.mirror import mirror


def test_a_second_mirror_waits_and_then_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(mirroring, "RETRY", 0.01)
    home = Home.at(tmp_path / "home").create()
    store = Store.at(home.ledger)
    name = store.create("digits", SearchOpened({}, "d", {}, {})).name
    store.close()
    folder = home.search(name)
    folder.root.mkdir(parents=True)
    with mirroring.alone(folder):
        with pytest.raises(Timeout), mirroring.alone(folder):
            pass
        with pytest.raises(Refused, match="brings MLflow up to date by itself"):
            mirror(name, home=home)
    with mirroring.alone(folder):
        pass
