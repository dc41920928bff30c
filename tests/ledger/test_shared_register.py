"""One register for a team: several processes with different homes request the same first opening.

A team's database is PostgreSQL.
"""

import stat
import subprocess
import sys
import uuid

import numpy as np
import pytest

from hpo.core.errors import HpoError, UserError
from hpo.ledger.opening import Opening
from hpo.ledger.register import Register
from hpo.ledger.store import LedgerStore

ASK = """
import sys
import numpy as np
from hpo.ledger.opening import Opening, AlreadyOpened
from hpo.ledger.register import Register
from hpo.ledger.store import LedgerStore

location, who, fingerprint = sys.argv[1:]
rows = np.array([[k, k] for k in range(int(fingerprint[:6], 16), int(fingerprint[:6], 16) + 50)], np.uint64)
sys.stdin.readline()
register = Register(location)
try:
    opening = Opening(who, fingerprint, 50, who, "digits-1", f"/home/{who}", "csv", "recipe")
    register.begin(opening, np.random.default_rng(len(who)).permutation(rows))
    register.complete(who, {"accuracy": {"value": 0.5, "low": 0.4, "high": 0.6}})
    print("first")
except AlreadyOpened as refused:
    print("refused", refused.openings[0].by)
"""


@pytest.fixture(params=["file", "postgresql"])
def location(request, tmp_path):
    if request.param == "file":
        return str(tmp_path / "team" / "register.db")
    return request.getfixturevalue("postgresql_url")


def test_only_one_of_several_simultaneous_requests_gets_the_first_opening(location):
    fingerprint = uuid.uuid4().hex
    command = [sys.executable, "-c", ASK, location]
    processes = [
        subprocess.Popen(
            [*command, f"user-{k}-{fingerprint[:8]}", fingerprint],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for k in range(4)
    ]
    answers = [process.communicate("go\n", timeout=120)[0].split() for process in processes]
    firsts = [k for k, answer in enumerate(answers) if answer == ["first"]]
    assert len(firsts) == 1
    winner = f"user-{firsts[0]}-{fingerprint[:8]}"
    assert [a for a in answers if a != ["first"]] == [["refused", winner]] * 3
    (opening,) = [known for known in Register(location).all() if known.fingerprint == fingerprint]
    assert (opening.by, opening.state, opening.home) == (winner, "completed", f"/home/{winner}")


@pytest.mark.parametrize(("folder", "file"), [(0o770, 0o660), (0o700, 0o600), (0o755, 0o600)])
def test_a_new_file_is_shared_with_the_group_if_its_folder_is(tmp_path, folder, file):
    (tmp_path / "team").mkdir()
    (tmp_path / "team").chmod(folder)
    register = Register(tmp_path / "team" / "register.db")
    rows = np.zeros((1, 2), np.uint64)
    register.begin(Opening("k", "f", 1, "me", "s", "/h", "csv", "r"), rows)
    assert stat.S_IMODE((tmp_path / "team" / "register.db").stat().st_mode) == file


def test_an_unusable_location_is_reported_in_one_sentence(tmp_path):
    with pytest.raises(UserError, match="the database cannot be used"):
        Register("nonsense://somewhere/else")
    with pytest.raises(HpoError, match="cannot be written"):
        Register(tmp_path)


def test_a_password_is_never_shown(tmp_path):
    pytest.importorskip("psycopg")
    with pytest.raises(HpoError) as refused:
        Register("postgresql://me:secret@127.0.0.1:1/none")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://me:geheim@host:port/x",
        "postgresql://me:ge:heim@host:5432:x/y",
        "postgresql://me:geheim@[::1/x",
        "nonsense://me:geheim@x",
    ],
)
def test_a_malformed_address_is_reported_without_the_password(address):
    with pytest.raises(UserError, match="the database cannot be used") as refused:
        Register(address)
    for error in (refused.value, refused.value.__cause__):
        assert "heim" not in str(error)


@pytest.mark.parametrize("opened", [Register, LedgerStore])
def test_a_missing_driver_is_a_sentence_with_what_to_install(opened, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UserError, match=r"pip install 'hpo-service\[postgresql\]'"):
        opened("postgresql://me:geheim@127.0.0.1:1/x")
    monkeypatch.setitem(sys.modules, "MySQLdb", None)
    with pytest.raises(UserError, match="'mysql' is not supported; legal: postgresql:"):
        opened("mysql://me:geheim@127.0.0.1:1/x")
