"""The tracking server is down, dies, hangs or returns: the search continues, and MLflow catches up."""

import json
import os
import re
import signal
import time

import pytest

from hpo.core import events
from hpo.tracking import mirror_progress
from hpo.tracking.sqlite_schema import prepare
from tests.faults.promises import check_replay, note
from tests.faults.tiny_search import after, decisions, kill
from tests.tracking.conftest import Server

pytestmark = [pytest.mark.slow, pytest.mark.faults, pytest.mark.timeout(900)]


@pytest.fixture
def server(tmp_path_factory):
    """A tracking server, not yet started, on its own port."""
    server = Server(tmp_path_factory.mktemp("server"))
    prepare(server.folder / "server.db", server.folder / "files")
    yield server
    server.kill()


def on(server):
    return {"MLFLOW_TRACKING_URI": server.uri}


def behind(place):
    """Return the output of `hpo status` as text and as JSON."""
    shown = re.search(r"MLflow is behind by ([\d,]+) events?", place.run("status", "tiny-1").stdout)
    counted = json.loads(place.run("status", "tiny-1", "--json").stdout)["tracking_behind"]
    assert bool(counted) == bool(shown)
    return int(shown[1].replace(",", "")) if shown else 0


def check_whole(server, record):
    """Every training is one run that has ended, and every epoch is one point of its curve."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(server.uri)
    experiment = client.get_experiment_by_name("tiny")
    found = client.search_runs([experiment.experiment_id], max_results=1000)
    runs = {run.data.tags["hpo.run"]: run for run in found}
    epochs = {}
    for report in (e.event for e in record if isinstance(e.event, events.Reported)):
        curve = epochs.setdefault(f"{report.trial}/{report.replicate}", {})
        curve[report.epoch] = report.metrics["validation/mse"]
    assert len(found) == len(runs)
    assert set(runs) == {"search", *epochs}
    assert {run.info.status for run in found} <= {"FINISHED", "KILLED"}
    assert runs["search"].info.status == "FINISHED"
    for name, curve in epochs.items():
        points = client.get_metric_history(runs[name].info.run_id, "validation/mse")
        assert {point.step: point.value for point in points} == curve
        assert len(points) == len(curve)
        assert runs[name].data.tags["mlflow.parentRunId"] == runs["search"].info.run_id
    assert "test/mse" in runs["search"].data.metrics
    return {name: run.info.run_id for name, run in runs.items()}


def ended(process):
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out


def test_a_server_down_at_the_start_is_filled_later(place, server, undisturbed):
    process = place.start("submit", "tiny.yaml", "--json", "--set", "recipe.seconds=0.6", **on(server))
    place.wait_for(process, after(events.Reported, 2))
    place.wait_for(process, lambda place: "127.0.0.1" in mirror_progress.load_progress(place.search).error)
    assert behind(place) > 2
    server.start()
    assert process.poll() is None  # it is back while the search runs
    ended(process)
    record = place.record()
    note("MLflow down at the start", place, lost=behind(place))
    assert behind(place) == 0
    check_whole(server, record)
    check_replay(record)


def test_a_killed_server_is_replaced_by_an_empty_store(place, server, undisturbed):
    server.start()
    process = place.start("submit", "tiny.yaml", "--json", **on(server))
    place.wait_for(process, lambda place: mirror_progress.load_progress(place.search).position > 10)
    server.kill()
    ended(process)
    record = place.record()
    assert decisions(record) == decisions(undisturbed)
    assert 0 < behind(place) < len(record)
    unreachable = place.run("mirror", "tiny-1", **on(server))
    assert unreachable.returncode == 1
    assert "cannot be reached" in unreachable.stderr
    server.start()
    shown = place.run("mirror", "tiny-1", **on(server))
    assert shown.returncode == 0, shown.stderr
    assert behind(place) == 0
    first = check_whole(server, record)
    assert place.run("mirror", "tiny-1", **on(server)).returncode == 0
    assert check_whole(server, record) == first
    server.kill()
    (server.folder / "server.db").unlink()
    prepare(server.folder / "server.db", server.folder / "files")
    server.start()
    rebuilt = place.run("mirror", "tiny-1", **on(server))
    assert rebuilt.returncode == 0, rebuilt.stderr
    check_whole(server, record)
    note("MLflow killed in the middle", place)


def test_the_driver_dies_while_the_server_is_away(place, server, undisturbed):
    server.start()
    process = place.start("submit", "tiny.yaml", "--json", **on(server))
    place.wait_for(process, lambda place: mirror_progress.load_progress(place.search).position > 10)
    server.kill()
    place.wait_for(process, after(events.TrialEnded, 6))
    kill(process)
    server.start()
    seconds = place.resumed(**on(server))
    record = place.record()
    note("driver and MLflow killed", place, seconds=seconds)
    assert decisions(record) == decisions(undisturbed)
    assert behind(place) == 0
    check_whole(server, record)


def test_a_hanging_server_does_not_delay_the_search(place, server, undisturbed):
    server.start()
    process = place.start("submit", "tiny.yaml", "--json", **on(server))
    place.wait_for(process, lambda place: mirror_progress.load_progress(place.search).position > 10)
    os.killpg(server.process.pid, signal.SIGSTOP)
    try:
        place.wait_for(process, after(events.SearchEnded))
        began = time.monotonic()
        ended(process)
        assert time.monotonic() - began < 40
        assert decisions(place.record()) == decisions(undisturbed)
        assert behind(place) > 0
    finally:
        os.killpg(server.process.pid, signal.SIGCONT)
    assert place.run("mirror", "tiny-1", **on(server)).returncode == 0
    check_whole(server, place.record())
    note("MLflow hangs", place)
