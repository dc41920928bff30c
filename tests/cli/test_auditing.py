"""``hpo audit`` answers for people and programs, and its exit code says whether something was edited."""

import json
import sqlite3
from contextlib import closing

import pytest

from tests.use_cases.recorded_search import recorded, won


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HPO_REGISTER", str(tmp_path / "register.db"))
    return recorded(tmp_path, won())


def edit(home):
    with closing(sqlite3.connect(home.ledger)) as ledger, ledger:
        ledger.execute("UPDATE events SET body = replace(body, '0.92', '0.99') WHERE kind = 'TestScored'")


def test_an_untouched_search_ends_with_0(hpo, home):
    shown = hpo("--home", str(home.root), "audit", "digits")
    assert shown.returncode == 0
    assert "nothing was edited" in shown.stdout
    answer = json.loads(hpo("--home", str(home.root), "--json", "audit", "digits").stdout)
    assert set(answer) == {"search", "untouched", "chain", "compared", "notes", "findings", "signer"}
    assert answer["untouched"] is True
    assert set(answer["chain"]) == {"events", "head", "first", "began"}


def test_an_edit_is_named_and_ends_with_1(hpo, home):
    edit(home)
    shown = hpo("--home", str(home.root), "audit", "digits")
    assert shown.returncode == 1
    assert "(TestScored) was changed after it was written" in shown.stdout
    assert "1 difference found" in shown.stdout
    answer = hpo("--home", str(home.root), "--json", "audit", "digits")
    assert answer.returncode == 1
    (finding,) = json.loads(answer.stdout)["findings"]
    assert set(finding) == {"edit", "what", "event", "text"}
    account = hpo("--home", str(home.root), "account", "digits")
    assert account.returncode == 1
    assert "attention" in account.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "name a SEARCH"),
        (("nothing",), "there is no search 'nothing'"),
        (("digits", "--account", "missing.json"), "--account missing.json: No such file"),
        (("digits", "--signers", "missing"), "--signers needs --account FILE"),
    ],
)
def test_bad_input_ends_with_2(hpo, home, words, message):
    shown = hpo("--home", str(home.root), "audit", *words)
    assert shown.returncode == 2
    assert message in shown.stderr


def test_an_account_is_signed_only_with_a_key_and_written_only_if_signed(hpo, home, tmp_path):
    shown = hpo("--home", str(home.root), "account", "digits", "--sign", str(tmp_path / "no_key"))
    assert shown.returncode == 2
    assert "no_key: there is no such key file" in shown.stderr
    shown = hpo("--home", str(home.root), "account", "digits", "--out", "account.json")
    assert shown.returncode == 2
    assert "--out needs --sign KEY" in shown.stderr
