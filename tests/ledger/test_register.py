"""The register recognises test data by its rows, and every opening by its claim."""

import sqlite3
import stat
from contextlib import closing

import numpy as np
import pytest

from hpo.core.errors import DamagedLedger, HpoError
from hpo.ledger.opening import AlreadyOpened, Opening
from hpo.ledger.register import Register, Use

SCORES = {"accuracy": {"value": 0.9, "low": 0.8, "high": 0.95}}


def rows(*numbers):
    return np.array([[number, number + 1] for number in numbers], np.uint64)


def opening(key, fingerprint="a", reason=""):
    return Opening(key, fingerprint, 4, "me", "digits-1", "/home", "csv", "recipe", reason=reason)


@pytest.fixture
def register(tmp_path):
    return Register(tmp_path / "deep" / "register.db", clock=lambda: 7.0)


def test_a_register_is_readable_by_its_owner_only(register, tmp_path):
    mode = (tmp_path / "deep" / "register.db").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_an_opening_is_recorded_before_and_after_its_score(register):
    begun = register.begin(opening("k"), rows(1, 2, 3, 4))
    assert (begun.look, begun.state, begun.time) == (1, "opening", 7.0)
    assert [known.scores for known in register.all()] == [{}]
    register.complete("k", SCORES)
    (recorded,) = register.openings_of("a", rows(1, 2, 3, 4))
    assert (recorded.state, recorded.scores) == ("completed", SCORES)


@pytest.mark.parametrize(
    ("theirs", "share"),
    [
        (rows(4, 3, 2, 1), 1.0),
        (rows(1, 2, 3, 4, 4, 4), 1.0),
        (rows(1, 2, 3), 1.0),
        (rows(1, 2, 3, *range(100, 200)), 0.75),
        (rows(*range(1, 100)), 1.0),
        (rows(1, 2, 8, 9), None),
        (rows(8, 9), None),
    ],
)
def test_data_is_the_same_if_more_than_half_of_the_rows_are_shared(register, theirs, share):
    register.begin(opening("k"), rows(1, 2, 3, 4))
    overlaps = [known.overlap for known in register.openings_of("other", theirs)]
    assert overlaps == ([] if share is None else [share])


def test_a_second_opening_needs_a_reason_and_is_numbered(register):
    register.begin(opening("k", reason="not needed for a first look"), rows(1, 2, 3, 4))
    with pytest.raises(AlreadyOpened) as refused:
        register.begin(opening("l", "b"), rows(4, 3, 2))
    assert [known.key for known in refused.value.openings] == ["k"]
    assert str(refused.value) == "the same test data was opened before: 1"
    second = register.begin(opening("l", "b", "a referee asked"), rows(4, 3, 2))
    assert (second.look, second.reason) == (2, "a referee asked")
    assert [known.reason for known in register.all()] == ["", "a referee asked"]


def test_openings_are_listed_in_the_order_in_which_they_began_with_their_dates(tmp_path):
    dates = iter((30.0, 20.0, 40.0))  # a clock that was set back meanwhile
    register = Register(tmp_path / "register.db", clock=lambda: next(dates))
    for key in ("m", "z", "a"):
        register.begin(opening(key, reason="a referee asked"), rows(1, 2))
    register.complete("m", SCORES)
    register.fail("a")
    listed = [(known.key, known.time, known.look, known.state) for known in register.all()]
    assert listed == [("m", 30.0, 1, "completed"), ("z", 20.0, 2, "opening"), ("a", 40.0, 3, "failed")]
    assert register.openings_of("a", rows(1, 2)) == register.all()


def test_uses_of_validation_rows_are_listed_by_their_dates_which_stay(tmp_path):
    dates = iter((30.0, 20.0, 40.0))
    register = Register(tmp_path / "register.db", clock=lambda: next(dates))
    for key in ("m", "z", "a"):
        register.record_use(Use(key, f"search {key}", "me", 1, key.encode()))
    register.record_use(Use("m", "search m", "me", 9, b"m"))
    assert register.uses() == [
        Use("z", "search z", "me", 1, b"z", 20.0),
        Use("m", "search m", "me", 9, b"m", 30.0),
        Use("a", "search a", "me", 1, b"a", 40.0),
    ]


def test_no_two_looks_can_have_one_key(register, tmp_path):
    """The database itself refuses a second one, whatever process writes it."""
    register.begin(opening("k"), rows(1, 2))
    columns = "key, fingerprint, time, state, body"
    refused = pytest.raises(sqlite3.IntegrityError, match=r"UNIQUE constraint failed: openings\.key")
    with closing(sqlite3.connect(tmp_path / "deep" / "register.db")) as database, refused:
        database.execute(f"INSERT INTO openings ({columns}) SELECT {columns} FROM openings")


def test_a_resumed_claim_is_the_same_opening(register):
    register.begin(opening("k"), rows(1, 2))
    register.begin(opening("l", reason="why not"), rows(1, 2))
    assert register.begin(opening("l"), rows(1, 2)).look == 2
    assert len(register.all()) == 2


def test_a_withdrawn_opening_is_listed_but_does_not_count(register):
    register.begin(opening("k"), rows(1, 2))
    register.withdraw("k")
    assert register.openings_of("a", rows(1, 2)) == []
    assert [known.state for known in register.all()] == ["withdrawn"]
    assert register.begin(opening("k"), rows(1, 2)).look == 1


def test_a_score_cannot_be_withdrawn(register):
    register.begin(opening("k"), rows(1, 2))
    register.complete("k", SCORES)
    register.withdraw("k")
    assert len(register.openings_of("a", rows(1, 2))) == 1


def test_without_digests_only_the_identical_part_is_recognised(register):
    nothing = np.zeros((0, 2), np.uint64)
    register.begin(opening("k"), nothing)
    assert len(register.openings_of("a", nothing)) == 1
    assert register.openings_of("b", rows(1)) == []


def test_a_file_that_is_not_a_register_is_reported(tmp_path):
    (tmp_path / "register.db").write_text("no database at all, just some text" * 50)
    with pytest.raises(HpoError, match="test-use register"):
        Register(tmp_path / "register.db")
    (tmp_path / "file").write_text("")
    with pytest.raises(HpoError, match="cannot be written"):
        Register(tmp_path / "file" / "register.db")


@pytest.mark.parametrize("body", ["[" * 100_000, "[]", "{", "7"])
def test_an_opening_that_cannot_be_read_is_reported(body, register, tmp_path):
    nothing = np.zeros((0, 2), np.uint64)
    register.begin(opening("k"), nothing)
    with closing(sqlite3.connect(tmp_path / "deep" / "register.db")) as database, database:
        database.execute("UPDATE openings SET body = ?", (body,))
    with pytest.raises(HpoError, match=r"an opening that cannot be read \(k\)"):
        register.openings_of("a", nothing)


def test_a_locked_register_is_named_and_nothing_is_lost(tmp_path):
    path = tmp_path / "register.db"
    register = Register(path, patience=0.1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(HpoError, match="is locked: another process is writing to it"):
            register.record_use(Use("k", "small", "me", 3, b""))
        other.execute("ROLLBACK")
    register.record_use(Use("k", "small", "me", 3, b""))
    assert [use.trials for use in Register(path).uses()] == [3]


@pytest.mark.parametrize("at", [0, 4096], ids=["header", "pages"])
def test_a_damaged_register_is_named_with_what_to_do(tmp_path, at):
    path = tmp_path / "register.db"
    Register(path)
    content = path.read_bytes()
    path.write_bytes(content[:at] + b"\xff" * 4096 + content[at + 4096 :])
    with pytest.raises(DamagedLedger, match=r"register at .* is damaged: .*; restore it from a copy"):
        Register(path)
    assert path.read_bytes()[at : at + 4096] == b"\xff" * 4096
