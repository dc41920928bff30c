"""One search, read from its record while it runs and afterwards."""

from hpo.core.outcome import Outcome
from hpo.use_cases.inspect import load_search
from tests.use_cases.recorded_search import recorded, searched, won


def test_watching_shows_the_progress_to_the_end_and_returns_how_it_ended(tmp_path, capsys):
    search = load_search("digits", recorded(tmp_path, won()))
    outcome = search.watch()
    assert isinstance(outcome, Outcome)
    assert (outcome.status, outcome.best.trial) == ("done", 3)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines()[0] == "search digits"
    assert "winner: trial 3" in shown.err


def test_a_search_whose_process_died_is_watched_until_its_last_event(tmp_path, capsys):
    search = load_search("digits", recorded(tmp_path, searched()))
    assert search.watch().status == "interrupted"
    assert "failed (diverged)" in capsys.readouterr().err


def test_a_watcher_receives_every_event_with_the_history(tmp_path):
    seen = []

    class Watcher:
        def begin(self, search):
            seen.append(search)

        def event(self, recorded_event, history):
            assert history.seq == recorded_event.seq
            seen.append(recorded_event.seq)

    search = load_search("digits", recorded(tmp_path, won()))
    search.watch(Watcher())
    assert seen == ["digits", *(each.seq for each in search.events())]
