"""A team's ledger that does not answer is one sentence, before anything is done."""

import pytest

LEDGER = "postgresql://me:s3cret@127.0.0.1:9/ledger"


@pytest.mark.parametrize(
    "words",
    [
        ["list"],
        ["status", "one"],
        ["stop", "one"],
        ["resume", "one"],
        ["export", "one"],
        ["service", "set", "one", "weight=2"],
    ],
)
def test_every_command_that_reads_it_says_so_without_the_password(words, typed, tmp_path, monkeypatch):
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HPO_LEDGER", LEDGER)
    shown = typed(*words)
    assert shown.code == 2
    assert shown.err.startswith("the ledger at postgresql://***@127.0.0.1:9/ledger cannot be reached: ")
    assert "HPO_LEDGER or `hpo profile` names it" in shown.err
    assert "s3cret" not in shown.err + shown.out
    assert len(shown.err.splitlines()) == 1
