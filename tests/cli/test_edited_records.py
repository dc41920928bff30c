"""A value that somebody edited into another type is one sentence, in every command that reads a record."""

import json
import sqlite3
from contextlib import closing

import pytest

from hpo.cli import main as command
from hpo.core.chain import digest_of, link_after, start_of
from tests.use_cases.recorded_search import recorded, won

READERS = (
    "list",
    "status digits",
    "best digits",
    "watch digits",
    "trials digits",
    "trial digits 1",
    "logs digits",
    "account digits",
    "report digits",
    "data digits",
    "refine digits",
    "export digits",
    "soup digits --out soup.yaml",
    "diagnose digits",
    "resume digits",
    "test digits",
    "service mirror digits",
    "audit digits",
)

EDITS = {
    "TestScored": lambda body: body["scores"]["accuracy"].update(value="0.99"),
    "TrialEnded": lambda body: body.update(value="0.99"),
    "Reported": lambda body: body["metrics"].update({"validation/accuracy": [0.99]}),
    "TrialStarted": lambda body: body["point"].update(learning_rate="0.1"),
    "SearchOpened": lambda body: body["spec"].update(objective="accuracy"),
    "WinnerNamed": lambda body: body.update(trial=4321),
}
"""By kind of event, what is done to the fields of the first one."""


def edit(ledger, kind, change, again):
    """Change the fields of an event; compute the chain again if asked, so that it does not show the edit."""
    with closing(sqlite3.connect(ledger)) as database:
        row = "SELECT seq, body FROM events WHERE kind = ? ORDER BY seq LIMIT 1"
        seq, body = database.execute(row, (kind,)).fetchone()
        fields = json.loads(body)
        change(fields)
        database.execute("UPDATE events SET body = ? WHERE seq = ?", (json.dumps(fields), seq))
        database.execute("DELETE FROM summaries")
        link = start_of("digits")
        everything = "SELECT time, kind, body, seq FROM events ORDER BY seq"
        for *content, seq in database.execute(everything).fetchall() if again else ():
            link = link_after(link, digest_of(*content))
            changed = (digest_of(*content), link, seq)
            database.execute("UPDATE events SET digest = ?, link = ? WHERE seq = ?", changed)
        database.commit()


@pytest.mark.parametrize(
    ("kind", "again"),
    [
        ("TestScored", False),
        ("TrialStarted", True),
        ("SearchOpened", False),
        ("WinnerNamed", True),
        pytest.param("TestScored", True, marks=pytest.mark.slow),
        pytest.param("TrialEnded", True, marks=pytest.mark.slow),
        pytest.param("Reported", False, marks=pytest.mark.slow),
        pytest.param("TrialStarted", False, marks=pytest.mark.slow),
        pytest.param("SearchOpened", True, marks=pytest.mark.slow),
    ],
)
def test_every_reader_reports_an_edited_value_in_a_sentence(kind, again, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HPO_REGISTER", str(tmp_path / "register.db"))
    home = recorded(tmp_path, won())
    edit(home.ledger, kind, EDITS[kind], again)
    for words in READERS:
        with pytest.raises(SystemExit) as left:
            command.main([*words.split(), "--home", str(home.root)])
        shown = capfd.readouterr()
        assert "Traceback" not in shown.err
        assert left.value.code in (0, 1, 2, 3), words
        if left.value.code and words not in (
            "audit digits",
            "diagnose digits",
        ):  # it trains
            assert "digits" in shown.err + shown.out
            assert len(shown.err.strip().splitlines()) <= 3, (words, shown.err)
