"""A search whose process is killed ends by itself, as undisturbed, while one or two keepers look after it."""

import json
import signal

import psutil
import pytest

from hpo.core import events
from tests.faults.promises import check
from tests.faults.tiny_search import after

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SHORT = {"HPO_LEASE_SECONDS": "3"}
MOMENTS = {
    "the first report": after(events.Reported),
    "the middle": after(events.Reported, 25),
    "a finalist": after(events.Reported, replicate=1),
    "the test score": after(events.TestScored),
}


def ended(place):
    """The search has ended."""
    return after(events.SearchEnded)(place)


@pytest.mark.parametrize(
    "moment", [pytest.param(m, marks=[] if m == "the middle" else [pytest.mark.faults]) for m in MOMENTS]
)
def test_a_killed_search_ends_by_itself_as_undisturbed(moment, place, undisturbed):
    keepers = [place.start("--json", "service", "keep", "--every", "0.5", **SHORT) for _ in range(2)]
    submitted = place.run("--json", "submit", "tiny.yaml", "--detach", TINY_SECONDS="0.1", **SHORT)
    assert submitted.returncode == 0, submitted.stderr
    driver = psutil.Process(json.loads(submitted.stdout)["pid"])
    place.wait_for(keepers[0], MOMENTS[moment])
    driver.kill()
    driver.wait(60)
    killed = place.record()
    place.wait_for(keepers[1], ended, seconds=400)
    lines = []
    for keeper in keepers:
        keeper.send_signal(signal.SIGTERM)
        out, err = keeper.communicate(timeout=60)
        assert keeper.returncode == 0, err
        lines += [json.loads(line) for line in out.splitlines()]
    assert any(f"process {driver.pid} of" in line and "continues it" in line for line in lines)
    check("SIGKILL to the driver, with two keepers", place, undisturbed, killed, [], None)
