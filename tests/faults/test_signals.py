"""Ctrl-C and SIGTERM: a clean stop within seconds, an abrupt one at the second, both resumable."""

import os
import signal
import subprocess
import sys

import pytest

from hpo.core import events
from tests.faults.promises import check
from tests.faults.tiny_search import ANNOUNCEMENTS, ROOT, after, number, without_announcements

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.mark.parametrize(
    ("sent", "code"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.faults)],
)
def test_a_signal_stops_cleanly_and_the_search_can_be_resumed(sent, code, place, undisturbed):
    process = place.start("--home", ".hpo", "submit", "tiny.yaml")
    place.wait_for(process, after(events.Reported, 5))
    process.send_signal(sent)
    _, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert without_announcements(err).startswith("stopping; once more to end at once\n")
    assert "`hpo --home .hpo resume tiny-1` continues it" in err
    killed, runs = place.record(), place.runs()
    assert killed[-1].event == events.SearchEnded("stopped")
    assert "RUNNING" not in {status for _, _, status in runs}
    seconds = place.resumed()
    check(f"{sent.name} to the driver", place, undisturbed, killed, runs, seconds)


@pytest.mark.faults
@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_at_once_and_the_search_can_be_resumed(second, place, undisturbed):
    process = place.start("submit", "tiny.yaml")
    place.wait_for(process, after(events.Reported, 5))
    process.send_signal(signal.SIGINT)
    while (line := process.stderr.readline()).startswith(ANNOUNCEMENTS):
        pass
    assert line == "stopping; once more to end at once\n"
    process.send_signal(second)
    process.communicate(timeout=10)
    assert process.returncode in (130, 143)
    killed, runs = place.record(), place.runs()
    seconds = place.resumed()
    check("two signals to the driver", place, undisturbed, killed, runs, seconds)


def running(word):
    """The moment at which a process with this text in its command line runs in the folder."""
    return lambda place: bool(place.processes(word))


@pytest.mark.faults
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize(
    "moment",
    [after(events.SearchOpened), running("gcs_server"), after(events.WorkersReady)],
    ids=["opened", "ray starts", "workers ready"],
)
def test_a_signal_while_a_search_starts_stops_it(moment, sent, code, place, undisturbed):
    process = place.start("submit", "tiny.yaml")
    place.wait_for(process, moment)
    process.send_signal(sent)
    _, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert "tiny-1 was stopped by a signal" in err
    assert "Traceback" not in err
    killed, runs = place.record(), place.runs()
    assert killed[-1].event == events.SearchEnded("stopped")
    seconds = place.resumed()
    check(f"{sent.name} to a driver that starts", place, undisturbed, killed, runs, seconds)


@pytest.mark.faults
@pytest.mark.parametrize(
    ("sent", "code", "said"),
    [(signal.SIGINT, 130, "ended by Ctrl-C\n"), (signal.SIGTERM, 143, "ended by SIGTERM\n")],
)
def test_a_signal_before_the_first_event_ends_the_command_and_its_reader(sent, code, said, place):
    data = place.folder / "tiny_data.py"
    data.write_text(data.read_text().replace("    random =", "    import time; time.sleep(60)\n    random ="))
    process = place.start("submit", "tiny.yaml")
    place.wait_for(process, running("hpo.data.custodian"))
    process.send_signal(sent)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, without_announcements(err)) == (code, "", said)
    place.wait_until_gone()
    assert place.record() == []


SECOND_THOUGHTS = """
import os, signal, sys
from hpo import spec
from hpo.core import events
from hpo.core.errors import Interrupted
from hpo.core.home import Home
from hpo.use_cases.submit import Submission, submit_search

class Eye:
    def begin(self, search):
        pass

    def event(self, recorded, history):
        if isinstance(recorded.event, events.WinnerNamed):
            os.kill(os.getpid(), signal.SIGINT)

try:
    submit_search(Submission(spec.read_spec("tiny.yaml"), Home.at(".hpo")), Eye())
except Interrupted as stopped:
    sys.exit(stopped.exit_code)
"""


@pytest.mark.faults
def test_a_stop_after_the_winner_is_named_keeps_the_test_part_sealed(place, undisturbed):
    (place.folder / "thoughts.py").write_text(SECOND_THOUGHTS)
    command = [sys.executable, "thoughts.py"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=place.folder, env=environment, capture_output=True, check=False)
    assert done.returncode == 130, done.stderr
    killed, runs = place.record(), place.runs()
    assert killed[-1].event == events.SearchEnded("stopped")
    assert (number(killed, events.TestClaimed), place.openings(), place.reads()) == (0, 0, 0)
    seconds = place.resumed()
    check("SIGINT before the test part is opened", place, undisturbed, killed, runs, seconds)
