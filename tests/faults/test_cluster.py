"""A search over two nodes of a real Ray cluster, one of which is killed: the smallest test of its kind."""

import pytest

from hpo.core import events
from hpo.core.events import LossCause
from tests.faults.inline_search import check_as_trained_here
from tests.faults.ray_cluster import TOKEN, RayCluster
from tests.faults.tiny_search import MODEL, after

SPEC = """
version: 1
data: {source: "tiny_data:waves"}
trainable: tiny_model:Line
space: {rate: {loguniform: [0.001, 0.5]}}
sampler: random
scheduler: {name: none, max_epochs: 5}
budget: {trials: 6}
resources: {trials_at_once: 2}
finalists: {count: 2, seeds: 1}
limits: {checkpoint_epochs: 1}
"""
"""Its trials do not depend on the order in which they end."""


GATED = MODEL.replace(
    "for _ in context.epochs():",
    """for epoch in context.epochs():
            while epoch == 3 and not os.path.exists(os.path.join(os.path.dirname(__file__), "go")):
                time.sleep(0.02)""",
)
"""Trains the third epoch after a file exists, so that both nodes are training until then."""


@pytest.mark.timeout(600)
def test_a_search_that_loses_a_node_comes_to_the_same_end_and_leaves_the_others_alone(
    place, tmp_path_factory
):
    (place.folder / "tiny.yaml").write_text(SPEC)
    (place.folder / "tiny_model.py").write_text(GATED)
    cluster = RayCluster(1, 1)
    try:
        process = place.start("submit", "tiny.yaml", "--json", RAY_ADDRESS=cluster.address, **TOKEN)
        for trial in (0, 1):
            place.wait_for(process, after(events.Checkpointed, trial=trial, epoch=2))
        cluster.kill(cluster.nodes[0])
        (place.folder / "go").touch()
        check_as_trained_here(place, process, tmp_path_factory.mktemp("here"), [LossCause.NODE_LOST])
        assert [node.poll() for node in (cluster.head, cluster.nodes[1])] == [None, None]
        assert cluster.workers(cluster.nodes[1]) == []
    finally:
        cluster.end()
