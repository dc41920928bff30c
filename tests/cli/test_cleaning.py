"""`hpo service clean` shows what takes space, asks, and says what it freed."""

import pytest

from tests.use_cases.recorded_search import recorded, won


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A search that has ended, with 2,000 bytes of a checkpoint that nothing needs."""
    home = recorded(tmp_path, won())
    checkpoint = home.search("digits").checkpoints / "2-0-1.safetensors"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(bytes(2000))
    monkeypatch.setenv("HPO_HOME", str(home.root))
    return checkpoint


def test_without_a_terminal_it_only_says_what_would_remove_it(home, typed):
    shown = typed("service", "clean")
    assert shown.code == 0
    head, row, last = shown.out.splitlines()
    assert head.split() == ["what", "search", "size", "needed", "for"]
    assert row.split() == ["checkpoints", "digits", "2", "kB", "nothing"]
    assert last == "2 kB is not needed; `hpo service clean --yes` removes it"
    assert home.exists()


def test_as_json_it_removes_nothing_unless_told(home, typed):
    shown = typed("service", "clean", "--json").json
    part = {"kind": "checkpoints", "search": "digits", "needed": "", "size": 2000, "paths": [str(home)]}
    assert shown == {"freed": 0, "holdings": [part]}
    assert home.exists()
    shown = typed("service", "clean", "--yes", "--json").json
    assert (shown["freed"], shown["holdings"][0]["size"], home.exists()) == (2000, 2000, False)


def test_it_says_how_much_it_removed_and_then_that_nothing_is_left(home, typed):
    assert typed("service", "clean", "digits", "--yes").out.endswith("\n2 kB removed\n")
    assert not home.exists()
    assert typed("service", "clean").out == "everything is needed; nothing was removed\n"


@pytest.mark.parametrize(("answer", "last"), [(True, "2 kB removed"), (False, "nothing was removed")])
def test_at_a_terminal_it_asks(home, typed, monkeypatch, answer, last):
    asked = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda question: asked.append(question) or answer)
    assert typed("service", "clean").out.splitlines()[-1] == last
    assert asked == ["remove 2 kB that nothing needs?"]
    assert home.exists() is not answer
