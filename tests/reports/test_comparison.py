"""Searches side by side on one page."""

import dataclasses

import pytest

from hpo.core.objective import Objective
from hpo.ledger.searches import open_ledger
from hpo.reports.page.comparison import comparison
from hpo.reports.page.document import rendered
from hpo.use_cases.report import search_view, write_comparison
from tests.use_cases.recorded_search import recorded, searched, won


@pytest.fixture
def views(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    shown = []
    for folder, story, name in (("a", won(), "one"), ("b", searched(), "<b>two</b>")):
        home = recorded(tmp_path / folder, story, name="one")
        view = search_view(open_ledger("one", home), home=home)
        shown.append(dataclasses.replace(view, account=dataclasses.replace(view.account, search=name)))
    return shown


def sections_of(views):
    return {section.key: section for section in comparison(views)}


def test_scores_progress_winners_and_settings_are_side_by_side(views):
    sections = sections_of([views[0], views[0]])
    assert "their 95 % intervals overlap, so this may be chance" in sections["scores"].sentence
    assert sections["winners"].blocks[0].head == ("parameter", "one", "one")
    assert "1 are the same" in sections["winners"].sentence
    assert not sections["scores"].notes


def test_a_search_without_a_winner_is_not_ranked_and_names_are_shown_as_text(views):
    assert sections_of(views)["scores"].sentence == "These searches cannot be ranked by one score."
    html = rendered("t", "m", [], comparison(views))
    assert "<b>two" not in html
    assert "&lt;b&gt;two" in html


def test_what_cannot_be_compared_is_named(views):
    first = views[0]
    data = dataclasses.replace(first.account.data, fingerprint="other")
    other = dataclasses.replace(first, account=dataclasses.replace(first.account, data=data))
    assert "used different data" in sections_of([first, other])["scores"].notes[0]
    loss = dataclasses.replace(first.account, objective=Objective("loss", "min"))
    notes = sections_of([first, dataclasses.replace(first, account=loss)])["scores"].notes
    assert "different objectives: one by max of accuracy, one by min of loss" in notes[0]


def test_the_page_is_written(tmp_path):
    home = recorded(tmp_path, won())
    path = write_comparison(["digits", "digits"], home=home, out=tmp_path / "both.html")
    assert path.read_text().count("<section") == 4
