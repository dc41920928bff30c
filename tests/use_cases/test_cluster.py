"""A search on an existing Ray cluster, which keeps running when the search ends."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from hpo.core.events import Warned, WorkerLost
from tests.faults.tiny_search import ROOT, Place

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef" * 4}
PRIVATE_MOUNTS = (
    subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False
    ).returncode
    == 0
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A head node in processes of its own; its address."""
    with node(tmp_path_factory.mktemp("r"), "--head", "--port=0", "--include-dashboard=false") as log:
        yield re.search(r"--address='([\d.]+:\d+)'", log).group(1)


@contextmanager
def node(folder, *options, within=()):
    """A node of a cluster while the block runs; yields what it printed at its start."""
    ray = str(Path(sys.executable).with_name("ray"))
    command = [*within, ray, "start", "--block", "--num-cpus=2", "--disable-usage-stats", *options]
    path = folder / "log"
    with path.open("w") as log:
        process = subprocess.Popen(
            [*command, "--node-ip-address=127.0.0.1"],
            env={**os.environ, **TOKEN, "RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": str(ROOT)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield _log_once_up(process, path)
    finally:
        children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        for each in children:
            if each.is_running():
                each.kill()


def _log_once_up(process, path, seconds=120):
    end = time.monotonic() + seconds
    while "--block" not in path.read_text():  # the last line it prints once it is up
        if process.poll() is not None or time.monotonic() > end:
            raise AssertionError(path.read_text())
        time.sleep(0.05)
    return path.read_text()


def test_a_search_runs_on_a_cluster_and_leaves_it_running(cluster, tmp_path):
    place = Place(tmp_path)
    few = ("--set", "budget.trials=3", "--set", "scheduler.max_epochs=3")
    done = place.run("submit", "tiny.yaml", "--json", *few, "--address", cluster, **TOKEN)
    assert done.returncode == 0, done.stderr
    assert '"status": "done"' in done.stdout.splitlines()[-1]
    again = place.run("submit", "tiny.yaml", "--json", *few, RAY_ADDRESS=cluster, **TOKEN)
    assert again.returncode == 0, again.stderr


@pytest.mark.skipif(not PRIVATE_MOUNTS, reason="mounting a private file system is not allowed here")
def test_a_node_that_does_not_see_the_home_is_excluded_and_named(cluster, tmp_path, tmp_path_factory):
    place = Place(tmp_path)
    place.home.create()
    hidden = f'mount -t tmpfs none {place.home.root} && exec "$@"'
    blind = ["unshare", "--mount", "sh", "-c", hidden, "sh"]
    with node(tmp_path_factory.mktemp("r"), f"--address={cluster}", within=blind):
        done = place.run("submit", "tiny.yaml", "--json", "--address", cluster, **TOKEN)
    assert done.returncode == 0, done.stderr
    (warning,) = [e.event.message for e in place.record() if isinstance(e.event, Warned)]
    assert "is set aside: it does not see" in warning
    assert str(place.home.root) in warning
    assert not any(isinstance(e.event, WorkerLost) for e in place.record())


def test_a_missing_cluster_is_a_user_error(tmp_path):
    place = Place(tmp_path)
    done = place.run("submit", "tiny.yaml", "--address", "127.0.0.1:1", **TOKEN)
    assert done.returncode == 2
    assert "127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr
