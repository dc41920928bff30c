"""A search on a Ray cluster that was there before it, and stays when it ends."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "faults"))

from tiny_search import Place

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef" * 4}


@pytest.fixture
def cluster(tmp_path_factory):
    """A head node in processes of its own; its address."""
    settings = {**os.environ, **TOKEN, "RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": ""}
    folder = tmp_path_factory.mktemp("r", numbered=True)
    command = [str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", "--port=0"]
    options = ["--num-cpus=2", "--include-dashboard=false", "--node-ip-address=127.0.0.1"]
    log = (folder / "log").open("w+")
    head = subprocess.Popen(
        [*command, *options, "--disable-usage-stats"],
        env=settings,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        yield _address(head, folder / "log")
    finally:
        mine = psutil.Process(head.pid).children(recursive=True) if head.poll() is None else []
        head.send_signal(signal.SIGTERM)
        head.wait(60)
        for process in mine:
            if process.is_running():
                process.kill()
        log.close()


def _address(head, log):
    for _ in range(600):
        found = re.search(r"--address='?([\d.]+:\d+)", log.read_text())
        if found:
            return found.group(1)
        try:
            head.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        raise AssertionError(log.read_text())
    raise AssertionError(log.read_text())


def test_a_search_runs_on_a_cluster_and_leaves_it_running(cluster, tmp_path):
    place = Place(tmp_path)
    few = ("--set", "budget.trials=3", "--set", "scheduler.max_epochs=3")
    done = place.run("submit", "tiny.yaml", "--json", *few, "--address", cluster, **TOKEN)
    assert done.returncode == 0, done.stderr
    assert '"status": "done"' in done.stdout.splitlines()[-1]
    again = place.run("submit", "tiny.yaml", "--json", *few, RAY_ADDRESS=cluster, **TOKEN)
    assert again.returncode == 0, again.stderr


def test_no_cluster_at_the_address_is_a_mistake_of_the_user(tmp_path):
    place = Place(tmp_path)
    done = place.run("submit", "tiny.yaml", "--address", "127.0.0.1:1", **TOKEN)
    assert done.returncode == 2
    assert "127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr
