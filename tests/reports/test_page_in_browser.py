"""The report page in a browser: its script keeps a page of a thousand trials light."""

import json

import pytest

from tests.reports.test_page import FEW, page, simulated, view_of
from tests.tracking.browser import opened_page

SHOWN = "document.querySelector('.trials output').textContent"
ROWS = "document.querySelectorAll('.trials tbody tr').length"
FIRST = "[...document.querySelectorAll('.trials tbody tr:first-child td')].map(cell => cell.textContent)"
SORT = "document.querySelector('.trials th button').click()"
WRITE = """(() => {
    const filter = document.querySelector(".filter");
    filter.value = %s;
    filter.dispatchEvent(new Event("input"));
})()"""


@pytest.mark.slow
def test_the_table_of_trials_draws_a_hundred_rows_at_a_time_and_sorts_and_filters_all(tmp_path):
    view = view_of(simulated(tmp_path, 1000, FEW))
    file = tmp_path / "report.html"
    file.write_text(page(view))
    with opened_page(tmp_path / "profile") as browser:
        browser.open(file.as_uri())
        browser.awaited("document.querySelector('.trials .controls')?.hidden === false")
        assert (browser.value(SHOWN), browser.value(ROWS)) == ("100 of 1,000 trials shown", 100)
        browser.value("document.querySelector('.more').click()")
        assert (browser.value(SHOWN), browser.value(ROWS)) == ("200 of 1,000 trials shown", 200)
        browser.value(SORT)
        assert browser.value(FIRST)[0] == "0"
        browser.value(SORT)
        assert browser.value(FIRST)[0] == "999"
        browser.value(WRITE % json.dumps("trial<50"))
        assert browser.value(SHOWN) == "50 of 50 matching of 1,000 trials shown"
        assert browser.value(FIRST)[0] == "49"
        browser.value(WRITE % json.dumps("no such thing"))
        assert (browser.value(SHOWN), browser.value(ROWS)) == ("0 of 0 matching of 1,000 trials shown", 0)
        assert browser.value("document.querySelectorAll('*').length") < 20_000
        assert browser.value("document.querySelector('.more').hidden")
