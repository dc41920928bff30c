"""Ctrl-C and SIGTERM: a clean stop within seconds, an abrupt one at the second, both resumable."""

import signal

import pytest
from promises import check
from tiny_search import after

from hpo.core import events

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.faults)],
)
def test_a_signal_stops_cleanly_and_the_search_can_be_resumed(number, code, place, undisturbed):
    process = place.start("--home", ".hpo", "submit", "tiny.yaml")
    place.wait_for(process, after(events.Reported, 5))
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert err.startswith("stopping; once more to end at once\n")
    assert "`hpo --home .hpo resume tiny-1` goes on" in err
    killed, runs = place.record(), place.runs()
    assert killed[-1].event == events.SearchEnded("stopped")
    assert "RUNNING" not in {status for _, _, status in runs}
    seconds = place.resumed()
    check(f"{number.name} to the driver", place, undisturbed, killed, runs, seconds)


@pytest.mark.faults
@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_at_once_and_the_search_can_be_resumed(second, place, undisturbed):
    process = place.start("submit", "tiny.yaml")
    place.wait_for(process, after(events.Reported, 5))
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline() == "stopping; once more to end at once\n"
    process.send_signal(second)
    process.communicate(timeout=10)
    assert process.returncode in (130, 143)
    killed, runs = place.record(), place.runs()
    seconds = place.resumed()
    check("two signals to the driver", place, undisturbed, killed, runs, seconds)
