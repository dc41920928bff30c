"""A node whose network is cut: nothing refuses a connection, nothing answers, its trials continue elsewhere.

The node runs in a network namespace, joined to this machine by a pair of virtual devices.
"""

import pytest

from hpo.core import events
from hpo.core.events import LossCause
from tests.faults.cable import HERE, THERE, needs_network
from tests.faults.ray_cluster import RayCluster
from tests.faults.test_lost_nodes import causes, check_as_undisturbed, submit
from tests.faults.tiny_search import after, number

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    needs_network,
]

IMPATIENT_HEAD = {
    f"RAY_health_check_{name}": value
    for name, value in {"period_ms": "1000", "timeout_ms": "2000", "failure_threshold": "5"}.items()
}
"""With which the head gives up a node that does not answer after seconds; by default it takes a minute."""


def test_a_node_whose_network_is_cut_is_given_up_and_the_search_ends_as_undisturbed(
    place, cable, undisturbed
):
    cluster = RayCluster(head=IMPATIENT_HEAD, host=HERE, TINY_SECONDS="0.3")
    try:
        far = cluster.add(1, within=cable.within, host=THERE)
        process = submit(place, cluster)
        place.wait_for(process, after(events.Reported, 8))
        with place.held():
            assert cluster.workers(far)
            cable.cut()
        cluster.add(1)
        place.hurry()
        record = check_as_undisturbed(place, process, undisturbed)
        assert number(record, events.WorkerLost) == 1
        assert causes(record) == {LossCause.NODE_LOST}
    finally:
        cluster.end()
