"""The state of a search, read from its ledger once and then only what is new."""

from hpo.core.events import Reported, SearchOpened, TrialStarted
from hpo.ledger.searches import read_history
from hpo.ledger.store import LedgerStore


def test_events_are_read_once_and_readers_do_not_share_state(tmp_path, monkeypatch):
    store = LedgerStore.at(tmp_path / "ledger.db")
    ledger = store.create("s", SearchOpened({"objective": {"metric": "score"}}, "d", {}, {}))
    ledger.append([TrialStarted(0, 0, {}, {}, 1, "sampler")])
    first = read_history(ledger)
    positions = []
    read = ledger.read
    monkeypatch.setattr(
        ledger, "read", lambda after=0, kinds=(): positions.append(after) or read(after, kinds)
    )
    ledger.append([Reported(0, 0, 1, {"validation/score": 0.5}, 1.0)])
    second = read_history(ledger)
    assert positions == [2]
    assert (first.trainings[0, 0].epoch, second.trainings[0, 0].epoch) == (0, 1)
    second.warnings.append("mine alone")
    second.trainings.clear()
    assert read_history(ledger).trainings[0, 0].value == 0.5
    assert read_history(ledger).warnings == []
    store.close()
