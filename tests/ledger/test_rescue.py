"""Every event before the damage of a ledger is recovered unchanged."""

import os
import re
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from hpo.core.chain import digest_of, link_after, start_of
from hpo.core.errors import DamagedLedger, HpoError
from hpo.core.events import LedgerRescued, Reported, SearchOpened, TestClaimed, TestScored
from hpo.ledger.rescue import Saved, is_whole, rescue_database
from hpo.ledger.store import LedgerStore, adopt_rescued, rescued_beside

OPENED = SearchOpened(spec={"version": 1}, digest="d", split={}, versions={})
EVENTS = 400


@pytest.fixture
def path(tmp_path):
    """A ledger of two searches whose events take turns; the first one's test part was scored."""
    path = tmp_path / "ledger.db"
    store = LedgerStore.at(path)
    first, second = store.create("digits", OPENED), store.create("digits", OPENED)
    for epoch in range(1, EVENTS):
        for ledger in (first, second):
            ledger.append([Reported(0, 0, epoch, {"validation/loss": 1 / epoch}, 0.1)])
    first.claim(TestClaimed(0, 1, "sha", "someone"))
    first.append([TestScored({"loss": {"value": 0.5}}, 10, "f")])
    store.close()
    return path


def records(path):
    store = LedgerStore.at(path)
    try:
        return {name: list(store.open(name).read()) for name in store.names()}
    finally:
        store.close()


def test_an_intact_ledger_is_recognised(path):
    assert is_whole(path)


def test_a_rescue_that_was_killed_is_finished_without_the_old_write_ahead_log(path):
    """SQLite would apply the log of the old file to the new one."""
    expected = records(path)
    path.rename(rescued_beside(path))
    path.write_bytes(b"damaged")
    for end in ("-wal", "-shm"):
        Path(f"{path}{end}").write_bytes(b"of the damaged file")
    adopt_rescued(path)
    assert sorted(file.name for file in path.parent.iterdir()) == ["ledger.db"]
    assert records(path) == expected


def test_the_disk_has_each_step_of_a_rescue_before_the_next_one(path, monkeypatch):
    damaged(path, lambda content: len(content) // 2)
    steps = []

    def recording(name, place):
        call = getattr(os, name)

        def recorded(*arguments, **options):
            steps.append((name, place(*arguments)))
            return call(*arguments, **options)

        monkeypatch.setattr(os, name, recorded)

    recording("fsync", lambda handle: os.path.basename(os.readlink(f"/proc/self/fd/{handle}")))
    recording("replace", lambda _, target: Path(target).name)
    rescue_database(path)
    folder = path.parent.name
    after = steps[steps.index(("replace", "ledger.db.rescued")) - 1 :]
    assert after == [
        ("fsync", after[0][1]),
        ("replace", "ledger.db.rescued"),
        ("fsync", folder),
        ("replace", "ledger.db"),
        ("fsync", folder),
    ]
    assert after[0][1] != folder, "the new ledger itself"


def damaged(path, where, length=4096):
    content = path.read_bytes()
    start = where(content)
    path.write_bytes(content[:start] + b"\xa5" * length + content[start + length :])


def epochs_in(part):
    """The epochs of each search whose events are in a part of the file, which are some in a row.

    The searches take turns: an epoch that is there once is the second one's at the start, the first one's at
    the end.
    """
    found = Counter(int(epoch) for epoch in re.findall(rb'"epoch":(\d+),[^}]*}[^}]*}', part))
    both = {epoch for epoch, count in found.items() if count == 2}
    once = found.keys() - both
    end = {epoch for epoch in once if epoch == max(found)}
    return sorted(both | end), sorted(both | once - end)


def test_events_before_a_lost_page_are_recovered_with_the_opening(path):
    before, content = records(path), path.read_bytes()
    start = content.index(b'"epoch":200,') // 4096 * 4096
    lost = epochs_in(content[start : start + 4096])
    damaged(path, lambda content: start)
    assert not is_whole(path)
    with pytest.raises(DamagedLedger, match="hpo service rescue"):
        records(path)
    saved, aside = rescue_database(path)
    after = records(path)
    assert aside.name == "ledger.damaged-1.db"
    assert [each.search for each in saved] == ["digits-1", "digits-2"]
    first, second = after["digits-1"], after["digits-2"]
    cuts, left = [min(epochs) for epochs in lost], [EVENTS - 1 - max(epochs) for epochs in lost]
    assert saved == [Saved("digits-1", cuts[0] + 2, left[0]), Saved("digits-2", cuts[1], left[1])]
    assert second[:-1] == before["digits-2"][: cuts[1]]
    assert second[-1].event == LedgerRescued(cuts[1], left[1])
    assert first[:-3] == before["digits-1"][: cuts[0]]
    assert first[-3].event == LedgerRescued(cuts[0], left[0])
    assert [each.event for each in first[-2:]] == [each.event for each in before["digits-1"][-2:]]
    assert [each.seq for each in first] == list(range(1, len(first) + 1))
    assert {each.search: each.kept + 1 for each in saved} == {name: len(after[name]) for name in after}
    assert is_whole(path)
    store = LedgerStore.at(path)
    assert store.open("digits-1").claim(TestClaimed(0, 2, "other", "someone else")) is None
    store.close()


def test_a_lost_head_costs_nothing(path):
    before = records(path)
    damaged(path, lambda content: 0, length=300)
    with pytest.raises(DamagedLedger):
        LedgerStore.at(path)
    rescue_database(path)
    assert kept(path) == before


def kept(path):
    """The records without the rescue, which is their last event here."""
    after = records(path)
    assert all(record[-1].event == LedgerRescued(len(record) - 1, 0) for record in after.values())
    return {name: record[:-1] for name, record in after.items()}


def test_kept_events_keep_their_links_and_the_chain_goes_on_from_them(path):
    before = records(path)
    damaged(path, lambda content: content.index(b'"epoch":200,') // 4096 * 4096)
    rescue_database(path)
    store = LedgerStore.at(path)
    for name in store.names():
        record = store.open(name).stored()
        link = start_of(name)
        for event in record:
            assert event.digest == digest_of(event.time, event.kind, event.body)
            link = link_after(link, event.digest)
            assert event.link == link
        cut = next(event.seq for event in record if event.kind == "LedgerRescued") - 1
        assert record[cut - 1].link.hex() == before[name][cut - 1].link
    store.close()


def test_a_ledger_without_a_chain_is_rescued_as_well(path):
    before = records(path)
    with closing(sqlite3.connect(path)) as ledger:
        for column in ("digest", "link"):
            ledger.execute(f"ALTER TABLE events DROP COLUMN {column}")
        ledger.execute("UPDATE about SET version = 1")
        ledger.commit()
        ledger.execute("VACUUM")
    damaged(path, lambda content: 0, length=300)
    rescue_database(path)
    assert kept(path) == before
    assert [event.link for event in records(path)["digits-1"]][:-1] == [""] * len(before["digits-1"])


@pytest.mark.parametrize("rest", [0, 100, 2048])
def test_half_of_a_file_gives_half_of_the_events(path, rest):
    before, content = records(path), path.read_bytes()
    half = len(content) // 8192 * 4096
    there, beyond = epochs_in(content[:half]), epochs_in(content[half : half + rest])
    path.write_bytes(content[: half + rest])
    rescue_database(path)
    for (name, found), epochs, later in zip(records(path).items(), there, beyond, strict=True):
        assert epochs == list(range(1, max(epochs) + 1))
        assert found[:-1] == before[name][: len(epochs) + 1]
        assert found[-1].event == LedgerRescued(len(epochs) + 1, len(later))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE events SET body = '{' WHERE seq = 7",
        f"UPDATE events SET body = '{'[' * 100_000}' WHERE seq = 7",
        "DELETE FROM events WHERE seq = 7",
    ],
    ids=["not JSON", "nested", "deleted"],
)
def test_unreadable_and_missing_events_are_detected(path, change):
    with closing(sqlite3.connect(path)) as ledger:
        ledger.execute(change)
        ledger.commit()
    assert not is_whole(path)
    with pytest.raises(DamagedLedger, match="event 7 of digits-1"):
        records(path)
    rescue_database(path)
    assert [len(found) for found in records(path).values()] == [9, 7]  # the opening of the first is kept


def test_a_file_that_is_not_a_ledger_is_left_unchanged(tmp_path):
    path = tmp_path / "ledger.db"
    path.write_bytes(b"no ledger at all" * 4_000)
    with pytest.raises(HpoError, match="no event in it can be read"):
        rescue_database(path)
    assert path.read_bytes() == b"no ledger at all" * 4_000
    assert [each.name for each in tmp_path.iterdir()] == ["ledger.db"]


class Killed(BaseException):
    """The process was killed here."""


def killed_at(number, monkeypatch):
    """Kill the rescue before its n-th change of a name or flush to the disk."""
    calls = iter(range(number))

    def before(call):
        def counted(*arguments, **options):
            if next(calls, None) is None:
                raise Killed
            return call(*arguments, **options)

        return counted

    for name in ("link", "replace", "rename", "unlink", "fsync"):
        monkeypatch.setattr(os, name, before(getattr(os, name)))


def intact(path):
    """Events of every search, without times: each rescue has a time of its own."""
    return {name: [event.event for event in record] for name, record in records(path).items()}


def test_a_killed_rescue_leaves_the_old_ledger_or_the_new_one(path, monkeypatch):
    damaged(path, lambda content: len(content) // 2)
    Path(f"{path}-wal").write_bytes(b"")
    old, expected = path.read_bytes(), None
    reference = path.parent / "reference" / "ledger.db"
    reference.parent.mkdir()
    reference.write_bytes(old)
    rescue_database(reference)
    expected = intact(reference)
    for number in range(100):
        for file in path.parent.glob("ledger.*"):
            file.unlink()
        path.write_bytes(old)
        Path(f"{path}-wal").write_bytes(b"")
        with monkeypatch.context() as patch:
            killed_at(number, patch)
            try:
                rescue_database(path)
                finished = True
            except Killed:
                finished = False
        if not finished and path.read_bytes() == old and not rescued_beside(path).exists():
            assert not is_whole(path)
            rescue_database(path)
        assert intact(path) == expected
        assert is_whole(path)
        assert not rescued_beside(path).exists()
        assert old in [file.read_bytes() for file in path.parent.glob("ledger.damaged-*.db")]
        assert list(path.parent.glob(".rescue-*")) == [] or not finished
        if finished:
            break
    assert 5 <= number < 99
