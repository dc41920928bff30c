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

MOUNTS = ("unshare", "--mount")
"""Runs a node with mounts of its own."""


@pytest.fixture
def cluster(request):
    """A head and a node of two CPUs or as a test says, on which an epoch takes a moment."""
    cluster = RayCluster(*getattr(request, "param", [2]), TINY_SECONDS="0.1")
    try:
        yield cluster
    finally:
        cluster.end()


def set_aside(place):
    return [text for text in warnings(place) if "is set aside" in text]


def inside(node):
    """The beginning of a command that mounts something in the mounts of a node."""
    return ("nsenter", "--target", str(node.pid), "--mount", "mount")


def number_set_aside(number):
    """The moment at which a number of nodes has been set aside, read beside a running search."""
    return lambda place: (
        sum("is set aside" in body.get("message", "") for _, body in place.glance()) >= number
    )


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
    process = submit(place, cluster, "--set", "resources.trials_at_once=4")
    place.wait_for(process, number_set_aside(1))
    place.hurry()
    record = check_whole(place, process)
    assert number(record, events.WorkerLost) == 0
    (text,) = set_aside(place)
    assert "cannot load the training code" in text


@pytest.mark.slow
@pytest.mark.skipif(not is_root(), reason="only root can make namespaces")
@pytest.mark.parametrize("cluster", [[]], indirect=True)
def test_nodes_that_join_blind_or_go_bad_after_their_check_are_set_aside_and_their_trials_continue(
    place, cluster, undisturbed
):
    first = cluster.add(2, within=MOUNTS)
    process = submit(place, cluster)
    place.wait_for(process, after(events.Reported, 8))
    subprocess.run([*inside(first), "-t", "tmpfs", "none", place.home.root], check=True)
    place.wait_for(process, number_set_aside(1))
    cluster.add(2, within=(*MOUNTS, "sh", "-c", COVER, "--"), HOME_FOLDER=str(place.home.root))
    place.wait_for(process, number_set_aside(2))
    second, before = cluster.add(2, within=MOUNTS), number(place.record(), events.Reported)
    place.wait_for(process, after(events.Reported, before + 2))
    with place.held():
        subprocess.run([*inside(second), "--bind", "/dev/null", place.folder / "tiny_model.py"], check=True)
        for worker in cluster.workers(second):
            worker.kill()  # the next one imports the code
    place.wait_for(process, number_set_aside(3))
    cluster.add(2)
    place.hurry()
    record = check_as_undisturbed(place, process, undisturbed)
    assert 2 <= number(record, events.WorkerLost) <= 4
    blind, covered, changed = set_aside(place)
    assert f"does not see {place.search.root}" in covered
    assert "does not see" in blind
    assert "its training code is not that of the search" in changed


@pytest.mark.slow
def test_code_that_changes_for_the_driver_too_ends_the_search_which_can_be_resumed(
    place, cluster, undisturbed
):
    process = submit(place, cluster)
    place.wait_for(process, after(events.Reported, 8))
    code = place.folder / "tiny_model.py"
    text = code.read_text()
    with place.held():
        code.write_text(text + "\n")
        for worker in cluster.workers(cluster.nodes[0]):
            worker.kill()  # the next one imports the code
    out, err = process.communicate(timeout=120)
    assert process.returncode == 3, err
    assert f"has changed since its trials were trained: tiny_model.py in {place.folder}" in out + err
    assert set_aside(place) == []
    code.write_text(text)
    check_as_undisturbed(place, place.start("resume", "tiny-1", "--json"), undisturbed)
