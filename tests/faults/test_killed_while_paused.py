"""The driver is killed while trials are paused; `hpo resume` takes up the same ones."""

import pytest

from hpo.core import events
from tests.faults.promises import check
from tests.faults.tiny_search import SPEC, after, kill, number, undisturbed_record

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PAUSING = SPEC.replace("name: asha", "name: promote").replace("count: 2, seeds: 2", "count: 3, seeds: 1")
MOMENTS = {
    "first pause": after(events.TrialPaused),
    "a paused trial taken up": after(events.TrialTakenUp),
    "a tenth pause": after(events.TrialPaused, 10),
    "finalists named": after(events.FinalistsNamed),
}
SHORT = ("a paused trial taken up",)


@pytest.fixture(scope="module")
def with_pauses(tmp_path_factory):
    """The record of the search when nothing happens to it."""
    return undisturbed_record(tmp_path_factory.mktemp("undisturbed"), PAUSING)


@pytest.mark.parametrize(
    "moment", [pytest.param(m, marks=[] if m in SHORT else [pytest.mark.faults]) for m in MOMENTS]
)
def test_a_killed_search_ends_as_if_undisturbed(moment, place, with_pauses):
    (place.folder / "tiny.yaml").write_text(PAUSING)
    process = place.start("submit", "tiny.yaml", "--json")
    place.wait_for(process, MOMENTS[moment])
    kill(process)
    killed, runs = place.record(), place.runs()
    seconds = place.resumed()
    check("SIGKILL to the driver, trials paused", place, with_pauses, killed, runs, seconds)
    taken_up = [number(record, events.TrialTakenUp) for record in (place.record(), with_pauses)]
    assert taken_up[0] == taken_up[1] > 0
    assert not list(place.search.checkpoints.glob("*"))
