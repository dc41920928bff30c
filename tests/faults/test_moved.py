"""The surroundings of a search change while it is stopped: its folder, the libraries, the clock."""

import pytest

from hpo.core import events
from hpo.core.home import Home
from tests.faults.promises import check, check_mirror, check_replay, note
from tests.faults.tiny_search import after, decisions, kill

pytestmark = [pytest.mark.slow, pytest.mark.faults, pytest.mark.timeout(600)]


def test_a_moved_home_resumes_and_its_artifacts_follow(place, undisturbed, tmp_path_factory):
    from mlflow.tracking import MlflowClient

    process = place.start("submit", "tiny.yaml", "--json")
    place.wait_for(process, after(events.TrialEnded, 4))
    kill(process)
    place.wait_until_gone()
    killed, runs = place.record(), place.runs()
    there = tmp_path_factory.mktemp("elsewhere") / "deep" / "home"
    there.parent.mkdir()
    place.home.root.rename(there)
    place.home = Home.at(there)
    seconds = place.resumed("--home", str(there))
    check("home moved", place, undisturbed, killed, runs, seconds)
    client = MlflowClient(f"sqlite:///{place.home.tracking}")
    for id, run, _ in place.runs():
        address = client.get_run(id).info.artifact_uri
        assert address.startswith(str(place.home.artifacts))
        files = {file.path for file in client.list_artifacts(id)}
        assert ("spec.json" in files) == (run == "search")


def test_a_changed_library_is_a_recorded_warning(place, undisturbed):
    old = place.folder / "old" / "optuna-0.0.1.dist-info"
    old.mkdir(parents=True)
    (old / "METADATA").write_text("Metadata-Version: 2.1\nName: optuna\nVersion: 0.0.1\n")
    process = place.start("submit", "tiny.yaml", "--json", PYTHONPATH=place.path(old.parent))
    place.wait_for(process, after(events.TrialEnded, 4))
    kill(process)
    killed, runs = place.record(), place.runs()
    assert killed[0].event.versions["optuna"] == "0.0.1"
    seconds = place.resumed()
    messages = [e.event.message for e in place.record() if isinstance(e.event, events.Warned)]
    assert sum("versions changed since the search began: optuna 0.0.1 -> " in each for each in messages) == 1
    assert "optuna 0.0.1 -> " in place.run("status", "tiny-1").stdout
    check("library changed", place, undisturbed, killed, runs, seconds)


JUMPY = """
import os, time
from pathlib import Path

real, jump = time.time, Path(os.environ["JUMP"])

def jumpy():
    return real() + (float(jump.read_text()) if jump.exists() else 0.0)

time.time = jumpy
"""
DAY = 86_400


@pytest.mark.parametrize("first", [DAY, -DAY])
def test_a_clock_jump_does_not_change_decisions(first, place, undisturbed):
    """Forward and back, while the search runs and while it is stopped, with hours of budget left."""
    folder = place.folder / "clock"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(JUMPY)
    jump = place.folder / "jump"
    clock = {"PYTHONPATH": place.path(folder), "JUMP": str(jump)}
    spec = place.folder / "tiny.yaml"
    spec.write_text(spec.read_text().replace("budget: {trials: 12}", "budget: {trials: 12, hours: 1}"))
    process = place.start("submit", "tiny.yaml", "--json", **clock)
    place.wait_for(process, after(events.TrialEnded, 2))
    jump.write_text(str(first))
    place.wait_for(process, after(events.TrialEnded, 4))
    jump.write_text(str(-first))
    place.wait_for(process, after(events.TrialEnded, 6))
    kill(process)
    jump.write_text(str(first))
    place.resumed(**clock)
    record = place.record()
    note("clock jumps a day", place)
    assert decisions(record) == decisions(undisturbed)
    check_replay(record)
    check_mirror(place, record)
    assert (place.openings(), place.reads()) == (1, 1)


def test_data_stored_in_another_format_is_refused(place):
    process = place.start("submit", "tiny.yaml", "--json")
    place.wait_for(process, after(events.TrialEnded, 2))
    kill(process)
    newer = place.folder / "newer"
    newer.mkdir()
    (newer / "sitecustomize.py").write_text("import hpo.data.prepared as kept\nkept.FORMAT += 1\n")
    done = place.run("resume", "tiny-1", PYTHONPATH=place.path(newer))
    assert done.returncode == 3
    assert "stores data in format" in done.stderr
    assert "hpo 0.1.0" in done.stderr
    assert "Traceback" not in done.stderr
    place.resumed()
