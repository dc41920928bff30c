"""What a notebook shows of a search."""

import pytest

import hpo
from hpo.reports.notebook import NotebookProgress, watcher_here
from hpo.use_cases.inspect import load_search
from tests.use_cases.recorded_search import recorded, searched, won


def test_a_search_is_shown_with_its_winner_and_its_scores(tmp_path):
    search = load_search("digits", recorded(tmp_path, won()))
    assert repr(search) == "<Search digits: done, 6 trials>"
    html = search._repr_html_()
    assert "trial 3: learning_rate=3.1" in html
    assert "0.9200 (95 % interval 0.8800 to 0.9500)" in html


def test_a_search_without_a_winner_shows_its_trials(tmp_path):
    html = load_search("digits", recorded(tmp_path, searched()))._repr_html_()
    assert "winner" not in html
    assert "1 failed" in html


def test_progress_is_shown_as_often_as_it_can_be_read_and_at_the_end(tmp_path):
    home, shown, times = recorded(tmp_path, won()), [], iter(range(10_000))
    progress = NotebookProgress(
        shown.append, clock=lambda: next(times) / 10, intention="at the end it is scored"
    )
    progress.begin("<digits>")
    search = load_search("digits", home)
    events = 0
    for recorded_event in search.events():
        progress.event(recorded_event, search.history)
        events += 1
    assert "&lt;digits&gt;" in shown[0]
    assert len(shown) < events / 3
    row = '<th style="text-align:left">at the end</th><td style="text-align:left">it is scored</td>'
    assert row in shown[0]
    assert row in shown[1]
    assert row not in shown[-1]
    assert "done" in shown[-1]
    assert "best so far" in shown[-1]


def test_outside_a_notebook_nothing_is_shown():
    assert watcher_here(lambda: pytest.fail("asked")) is None


def test_the_package_lists_its_names():
    assert {"submit", "load", "trainable", "searches"} <= set(dir(hpo))
