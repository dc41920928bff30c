"""Several searches at once, on one cluster or on one machine: each ends as if it were alone."""

import pytest

from hpo.core import events
from tests.faults.promises import check_replay, run_twice, scores
from tests.faults.ray_cluster import TOKEN, RayCluster
from tests.faults.tiny_search import decisions, number

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def check_all(place, processes, undisturbed):
    """Each search ended by itself with the trials, values and score of one that was alone."""
    for process in processes:
        _, err = process.communicate(timeout=800)
        assert process.returncode == 0, err
        assert "Traceback" not in err
    for index in range(len(processes)):
        record = place.record(f"tiny-{index + 1}")
        assert decisions(record) == decisions(undisturbed)
        assert [list(shown) for shown in scores(record)] == [list(shown) for shown in scores(undisturbed)]
        assert run_twice(record) == []
        assert (number(record, events.TestScored), number(record, events.WorkerLost)) == (1, 0)
        check_replay(record)
    assert (place.openings(), place.reads()) == (len(processes), len(processes))


def start(place, count, *options, **environment):
    again = ("--again", "--reason", "several at once")
    return [
        place.start("submit", "tiny.yaml", "--json", *again, *options, **environment) for _ in range(count)
    ]


def test_two_of_four_searches_fill_a_cluster_and_the_others_wait(place, undisturbed):
    cluster = RayCluster(1, 1)
    try:
        check_all(place, start(place, 4, "--address", cluster.address, **TOKEN), undisturbed)
    finally:
        cluster.end()


def test_eight_searches_submitted_in_the_same_second_on_one_machine(place, undisturbed):
    check_all(place, start(place, 8), undisturbed)
