"""Nodes with faults of their own: they are named and set aside, and no trial is charged."""

import os
import subprocess

import pytest

from hpo.core import events
from tests.faults.ray_cluster import TOKEN, RayCluster, is_root
from tests.faults.test_lost_nodes import check_as_undisturbed, check_whole, submit, warnings
from tests.faults.tiny_search import after, number

pytestmark = [pytest.mark.timeout(600)]

COVER = 'mount -t tmpfs none "$HOME_FOLDER" && exec "$@"'
"""Hides the home from a command and its children."""


@pytest.fixture
def cluster():
    """A head and a node of two CPUs, on which an epoch takes a moment."""
    cluster = RayCluster(2, TINY_SECONDS="0.1")
    try:
        yield cluster
    finally:
        cluster.end()


def set_aside(place):
    return [text for text in warnings(place) if "is set aside" in text]


def one_set_aside(place):
    """Whether a node has been set aside, read beside a running search."""
    return any("is set aside" in body.get("message", "") for _, body in place.glance())


@pytest.mark.slow
def test_a_node_without_the_users_code_costs_no_trial_and_what_no_node_can_hold_is_refused(
    place, cluster, tmp_path_factory
):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "sitecustomize.py").write_text("import sys\nsys.modules['tiny_model'] = None\n")
    cluster.add(2, PYTHONPATH=os.pathsep.join((str(elsewhere), place.path(elsewhere))))
    refused = place.run(
        "submit", "tiny.yaml", "--address", cluster.address, "--set", "resources.cpus=3", **TOKEN
    )
    assert refused.returncode == 2
    assert "a trial needs 3 CPUs and 0 GPUs on one node" in refused.stderr
    assert refused.stderr.count(": 2 CPUs and 0 GPUs") == 2
    assert place.record() == []
    record = check_whole(place, submit(place, cluster, "--set", "resources.trials_at_once=4"))
    assert number(record, events.WorkerLost) == 0
    (text,) = set_aside(place)
    assert "cannot load the training code" in text


@pytest.mark.slow
@pytest.mark.skipif(not is_root(), reason="only root can make namespaces")
def test_a_node_that_joins_blind_to_the_home_is_given_nothing(place, cluster, undisturbed):
    process = submit(place, cluster)
    place.wait_for(process, after(events.Reported, 8))
    (worker,) = cluster.workers(cluster.nodes[0])
    worker.suspend()  # the search must not end before the other node is up
    cluster.add(2, within=("unshare", "--mount", "sh", "-c", COVER, "--"), HOME_FOLDER=str(place.home.root))
    place.wait_for(process, one_set_aside)
    worker.resume()
    check_as_undisturbed(place, process, undisturbed)
    (text,) = set_aside(place)
    assert f"does not see {place.search.root}" in text


@pytest.mark.slow
@pytest.mark.skipif(not is_root(), reason="only root can make namespaces")
@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("home", "does not see"),
        ("code", "its training code is not that of the search"),
    ],
)
def test_a_node_that_goes_bad_after_its_check_is_set_aside_and_its_trials_continue(
    place, cluster, undisturbed, what, sentence
):
    cluster.kill(cluster.nodes[0])
    bad = cluster.add(2, within=("unshare", "--mount"))
    process = submit(place, cluster)
    place.wait_for(process, after(events.Reported, 8))
    inside = ["nsenter", "--target", str(bad.pid), "--mount", "mount"]
    if what == "home":
        subprocess.run([*inside, "-t", "tmpfs", "none", place.home.root], check=True)
    else:
        subprocess.run([*inside, "--bind", "/dev/null", place.folder / "tiny_model.py"], check=True)
        for worker in cluster.workers(bad):
            worker.kill()  # the next one imports the code
    place.wait_for(process, one_set_aside)
    cluster.add(2)
    record = check_as_undisturbed(place, process, undisturbed)
    assert 1 <= number(record, events.WorkerLost) <= 2
    (text,) = set_aside(place)
    assert sentence in text


@pytest.mark.slow
def test_code_that_changes_for_the_driver_too_ends_the_search_which_can_be_resumed(
    place, cluster, undisturbed
):
    process = submit(place, cluster)
    place.wait_for(process, after(events.Reported, 8))
    code = place.folder / "tiny_model.py"
    text = code.read_text()
    code.write_text(text + "\n")
    for worker in cluster.workers(cluster.nodes[0]):
        worker.kill()  # the next one imports the code
    out, err = process.communicate(timeout=120)
    assert process.returncode == 3, err
    assert f"has changed since its trials were trained: tiny_model.py in {place.folder}" in out + err
    assert set_aside(place) == []
    code.write_text(text)
    check_as_undisturbed(place, place.start("resume", "tiny-1", "--json"), undisturbed)
