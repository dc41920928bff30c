"""Nodes with declared GPUs, labels and custom resources: trials go where they fit, wait, or are refused."""

import re

import pytest

from hpo.core import events
from tests.faults.ray_cluster import TOKEN, RayCluster
from tests.faults.test_lost_nodes import check_whole, submit
from tests.faults.tiny_search import MODEL, after

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SEEN = "kept = context.restored()"
SAY = f"print('on', os.environ['TINY_NODE'], 'gpu', os.environ.get('CUDA_VISIBLE_DEVICES'))\n        {SEEN}"
"""Puts the node and its GPU on which a training runs into its log."""

GREEDY = f"""{SEEN}
        import ray
        if context.trial == 1 and ray.get_runtime_context().get_assigned_resources()["GPU"] < 1:
            raise MemoryError("not enough memory on this share")"""
"""Makes trial 1 run out of memory unless it has a whole GPU."""


@pytest.fixture(scope="module")
def cluster():
    """A head, a node with one A100, and a node with two H100 and a licence, all of them only declared."""
    cluster = RayCluster()
    try:
        cluster.add(2, gpus=1, labels={"accelerator": "A100"}, TINY_NODE="old")
        cluster.add(4, gpus=2, labels={"accelerator": "H100"}, custom={"licence": 1}, TINY_NODE="new")
        yield cluster
    finally:
        cluster.end()


def nodes(place):
    """Return the node and GPU of every training, from the logs."""
    logs = (place.search.root / "logs").glob("*.log")
    return {line for log in logs for line in re.findall(r"on (\w+) gpu (\S+)", log.read_text())}


def test_trials_share_the_gpus_of_labelled_nodes_and_what_no_node_has_is_refused_with_a_table(place, cluster):
    (place.folder / "tiny_model.py").write_text(MODEL.replace(SEEN, SAY))
    locked_out = place.run("submit", "tiny.yaml", "--address", cluster.address)
    assert locked_out.returncode == 2
    assert "refuses this process, which has no token or another one; legal: RAY_AUTH" in locked_out.stderr
    for command in ("check", "submit"):
        refused = place.run(
            command,
            "tiny.yaml",
            *("--address", cluster.address, "--set", "resources.gpus=1"),
            *("--set", "resources.labels={accelerator: [B200, L4]}"),
            **TOKEN,
        )
        assert refused.returncode == 2
        assert "needs 1 CPUs and 1 GPUs on one node labelled accelerator=B200 or L4, and no" in refused.stderr
        assert "2 CPUs and 1 GPUs, accelerator=A100" in refused.stderr
        assert "4 CPUs and 2 GPUs, accelerator=H100" in refused.stderr
    assert place.record() == []
    shared = ("--set", "resources={gpus: 0.5, labels: {accelerator: H100}, trials_at_once: 8}")
    record = check_whole(place, submit(place, cluster, *shared))
    assert {e.event.workers for e in record if isinstance(e.event, events.WorkersReady)} == {4}
    assert nodes(place) == {("new", "0"), ("new", "1")}


def test_a_trial_without_memory_on_a_share_of_a_gpu_continues_on_a_whole_one(place, cluster):
    (place.folder / "tiny_model.py").write_text(MODEL.replace(SEEN, GREEDY))
    few = ("--set", "budget.trials=4")
    record = check_whole(
        place, submit(place, cluster, "--set", "resources={gpus: 0.5, trials_at_once: 6}", *few), trials=4
    )
    losses = [e.event for e in record if isinstance(e.event, events.WorkerLost)]
    assert {(loss.trial, loss.cause, loss.whole_gpu) for loss in losses} == {(1, "out_of_memory", True)}
    assert len({loss.replicate for loss in losses}) == len(losses)


def test_a_search_waits_for_a_licence_that_another_holds_and_says_so(place, cluster):
    licensed = ("--set", "resources={custom: {licence: 1}, trials_at_once: 1}", "--set", "budget.trials=4")
    first = submit(place, cluster, *licensed)
    place.wait_for(first, after(events.Reported, 2))
    with place.held():  # it ends once the second has said what it waits for
        second = place.start("submit", "tiny.yaml", "--address", cluster.address, *licensed, **TOKEN)
        waits = "waiting for 1 CPUs, 0 GPUs and 1 licence that other work on the cluster holds\n"
        assert any(line.endswith(waits) for line in second.stdout), second.communicate()[1]
    check_whole(place, first, trials=4)
    _, err = second.communicate(timeout=300)
    assert second.returncode == 0, err
