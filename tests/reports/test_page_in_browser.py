"""The report page in a browser: its script keeps a page of a thousand trials light."""

import json

import pytest

from tests.reports.test_page import FEW, page, simulated, view_of
from tests.tracking.browser import opened_page
from tests.use_cases.recorded_search import recorded, won

SHOWN = "document.querySelector('.trials output').textContent"
ROWS = "document.querySelectorAll('.trials tbody tr').length"
FIRST = "[...document.querySelectorAll('.trials tbody tr:first-child td')].map(cell => cell.textContent)"
SORT = "document.querySelector('.trials th button').click()"
WRITE = """(() => {
    const filter = document.querySelector(".filter");
    filter.value = %s;
    filter.dispatchEvent(new Event("input"));
})()"""
WIDTH = "document.documentElement.scrollWidth"
WIDER_THAN_THEIR_BOX = """[...document.querySelectorAll("#account *")]
    .filter((element) => element.scrollWidth > element.clientWidth && element.clientWidth)
    .map((element) => element.outerHTML)"""


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


@pytest.mark.slow
def test_on_a_phone_the_account_is_read_without_scrolling_sideways(tmp_path):
    file = tmp_path / "report.html"
    file.write_text(page(view_of(recorded(tmp_path, won()))))
    with opened_page(tmp_path / "profile") as browser:
        browser.call(
            "Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=1, mobile=False
        )
        browser.open(file.as_uri())
        browser.awaited("document.readyState === 'complete'")
        assert browser.value(WIDTH) <= 390
        assert browser.value(WIDER_THAN_THEIR_BOX) == []
