"""A register of an earlier layout is updated and keeps its content."""

import sqlite3
from contextlib import closing

import numpy as np
import pytest

from hpo.core.errors import UserError
from hpo.core.likeness import RESEMBLES, SAME, UNKNOWN, Likeness
from hpo.ledger.opened_data import Recognition
from hpo.ledger.opening import AlreadyOpened, Opening
from hpo.ledger.register import Register

ROWS = np.array([[number, number] for number in range(20)], np.uint64)
OTHERS = ROWS + np.uint64(100)


def opening(key, fingerprint="a", reason=""):
    return Opening(key, fingerprint, 20, "me", "digits-1", "/home", "csv", "recipe", reason=reason)


def recognition(answer, own=b"own"):
    return Recognition(own, lambda opened: Likeness(answer, 0.8, f"compared with {opened.decode()}"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "register.db"


def test_a_register_of_layout_1_gets_a_key_and_keeps_its_openings(path):
    Register(path).begin(opening("k"), ROWS)
    with closing(sqlite3.connect(path)) as database:
        database.executescript("DROP TABLE secret; DROP TABLE signatures; UPDATE about SET version = 1")
    register = Register(path)
    assert len(register.key) == 32
    assert [known.key for known in register.all()] == ["k"]
    assert [known.overlap for known in register.openings_of("b", ROWS[:15], recognition(UNKNOWN))] == [1.0]
    assert register.openings_of("b", OTHERS, recognition(SAME)) == [], "it has no signature to compare"
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT version FROM about").fetchall() == [(2,)]


def test_the_key_is_kept_and_unique_to_the_register(path, tmp_path):
    assert Register(path).key == Register(path).key
    assert Register(path).key != Register(tmp_path / "other.db").key


def test_a_register_of_a_later_layout_is_refused(path):
    Register(path)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE about SET version = 3")
    with pytest.raises(
        UserError, match=r"register\.db was written by a later version of hpo \(layout 3; this one knows 2\)"
    ):
        Register(path)


def test_edited_data_is_the_same_by_its_signature(path):
    register = Register(path)
    register.begin(opening("k"), ROWS, recognition(UNKNOWN, b"first"))
    (known,) = register.openings_of("b", OTHERS, recognition(SAME))
    assert (known.key, known.likeness, known.overlap, known.evidence) == (
        "k",
        SAME,
        0.8,
        "compared with first",
    )
    with pytest.raises(AlreadyOpened):
        register.begin(opening("l", "b"), OTHERS, recognition(SAME))
    assert register.begin(opening("l", "b", "a referee asked"), OTHERS, recognition(SAME)).look == 2


def test_resembling_data_needs_a_reason_and_is_a_first_look(path):
    register = Register(path)
    register.begin(opening("k"), ROWS, recognition(UNKNOWN, b"first"))
    with pytest.raises(AlreadyOpened) as refused:
        register.begin(opening("l", "b"), OTHERS, recognition(RESEMBLES))
    assert [known.likeness for known in refused.value.openings] == [RESEMBLES]
    second = register.begin(opening("l", "b", "another year"), OTHERS, recognition(RESEMBLES))
    assert (second.look, second.reason) == (1, "another year")


def test_unknown_data_is_a_first_look(path):
    register = Register(path)
    register.begin(opening("k"), ROWS, recognition(UNKNOWN, b"first"))
    assert register.openings_of("b", OTHERS, recognition(UNKNOWN)) == []
    assert register.begin(opening("l", "b"), OTHERS, recognition(UNKNOWN)).look == 1
