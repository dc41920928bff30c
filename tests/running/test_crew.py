"""Which nodes a search trains on, how many workers it has there, and the report of a stall."""

import dataclasses
from types import SimpleNamespace

import pytest

from hpo.core.errors import ChangedCode, ClusterLost, HpoError
from hpo.core.events import Warned, WorkersReady
from hpo.core.needs import Needs
from hpo.running.cluster import ClusterNode, node_table
from hpo.running.conductor import Conductor
from hpo.running.crew import Crew
from hpo.running.node_check import NodeChecks, NodeGone
from hpo.running.stall import END_SECONDS, SAY_SECONDS
from hpo.sampling.non_adaptive import RandomSearcher
from tests.running.searches import SPACE, MemoryLedger, plan

HEAD = ClusterNode("h" * 8, "head", 0, 0)
A = ClusterNode("a" * 8, "alpha", 4, 0, free_cpus=4)
B = ClusterNode("b" * 8, "beta", 2, 0, free_cpus=2)


class World:
    """A cluster whose nodes, answers and clock a test sets."""

    def __init__(self, tmp_path, *nodes, most=None, cpus=1, gpus=0, **kind):
        self.now, self.answers, self.waits = 1000.0, {}, []
        self.monitor = SimpleNamespace(nodes=nodes, silent=0.0, trouble="no answer")
        self.checks = NodeChecks(lambda node: node, lambda node: self.answers.get(node, ""), lambda: self.now)
        needs = Needs(cpus, gpus, **kind)
        self.crew = Crew(self.monitor, self.checks, needs, most, self.waits.append, lambda: self.now)
        self.ledger = MemoryLedger()
        self.conductor = Conductor(plan(), self.ledger, RandomSearcher(SPACE, 0))

    def turn(self, seconds=1.0, mark=0, training=0, unplaced=1):
        self.now += seconds
        return self.crew.turn(self.conductor, mark, training, unplaced)

    def events(self, kind):
        return [each.event for each in self.ledger.record if isinstance(each.event, kind)]

    def warnings(self):
        return [event.message for event in self.events(Warned)]


def test_a_node_gets_trainings_after_it_passed_its_checks(tmp_path):
    world = World(tmp_path, HEAD, A, B)
    world.answers = {A.id: "", B.id: None}
    assert world.crew.nodes() == frozenset()
    world.turn()
    assert world.crew.nodes() == {A.id}
    world.answers[B.id] = ""
    world.turn()
    assert world.crew.nodes() == {A.id, B.id}
    assert world.crew.workers == 6
    assert [e.workers for e in world.events(WorkersReady)] == [4, 6]


def test_a_faulty_node_is_named_once_excluded_and_checked_again(tmp_path):
    world = World(tmp_path, A, B)
    world.answers = {B.id: "it does not see /home/me"}
    for _ in range(200):
        world.turn()
    assert world.crew.nodes() == {A.id}
    (warning,) = [w for w in world.warnings() if "set aside" in w]
    assert warning == "node beta (bbbbbbbb) is set aside: it does not see /home/me"
    world.answers[B.id] = ""
    world.turn(100)
    world.turn(100)
    assert world.crew.nodes() == {A.id, B.id}


def test_a_node_that_does_not_answer_is_set_aside_after_its_deadline(tmp_path):
    world = World(tmp_path, A, B)
    world.answers = {B.id: None}
    world.turn()
    world.turn(59)
    assert not any("set aside" in w for w in world.warnings())
    world.turn(2)
    assert any("beta" in w and "did not answer within 60 s" in w for w in world.warnings())


def test_workers_follow_nodes_that_join_drain_and_are_lost(tmp_path):
    world = World(tmp_path, A)
    world.turn()
    assert world.crew.workers == 4
    world.monitor.nodes = (A, B)
    world.turn()
    assert world.crew.workers == 6
    world.monitor.nodes = (A, dataclasses.replace(B, draining=True))
    world.turn()
    assert world.crew.workers == 4
    assert not world.crew.is_fit(B.id)
    world.monitor.nodes = (dataclasses.replace(B, draining=True),)
    world.turn()
    assert world.crew.workers == 0
    world.monitor.nodes = ()
    world.turn()
    assert [w.split("; ")[0] for w in world.warnings()] == [
        "node beta (bbbbbbbb) is being drained",
        "node alpha (aaaaaaaa) was lost",
        "node beta (bbbbbbbb) left the cluster after it was drained",
    ]


def test_at_most_one_trial_more_than_fits_is_started(tmp_path):
    world = World(tmp_path, dataclasses.replace(A, free_cpus=0), dataclasses.replace(B, free_cpus=1))
    world.turn()
    assert world.crew.limit(training=0, placed=0) == 1
    assert world.crew.limit(training=3, placed=3) == 4
    world.monitor.nodes = (dataclasses.replace(A, free_cpus=0), dataclasses.replace(B, free_cpus=0))
    assert world.crew.limit(training=3, placed=3) == 4
    assert World(tmp_path, A, B, most=2).crew.limit(0, 0) == 0  # nothing has passed a check yet


def test_a_worker_without_a_trial_is_given_one_while_others_start(tmp_path):
    world = World(tmp_path, dataclasses.replace(A, free_cpus=0), dataclasses.replace(B, free_cpus=0))
    world.turn()
    starting = 5
    assert world.crew.limit(training=0, placed=starting + 1) > starting


def test_a_trial_that_no_single_node_can_hold_has_no_workers(tmp_path):
    world = World(tmp_path, A, B, cpus=5)
    world.turn()
    assert world.crew.workers == 0


def test_a_stall_is_reported_with_its_cause(tmp_path):
    busy = dataclasses.replace(A, free_cpus=0)
    world = World(tmp_path, busy)
    world.turn()
    world.turn(SAY_SECONDS - 2)
    assert not world.warnings()
    assert world.turn(3)
    (warning,) = world.warnings()
    assert "1 trial waits for 1 CPUs and 0 GPUs that other work on the cluster holds; node " in warning
    assert "\n" not in warning  # which a line of a terminal shows as two characters
    assert "node alpha (aaaaaaaa): 4 CPUs and 0 GPUs" in warning
    for _ in range(20):
        assert not world.turn(END_SECONDS)  # others may hold the cluster for hours
    assert len(world.warnings()) == 1
    world.turn(mark=1)
    world.turn(SAY_SECONDS + 1, mark=1)
    assert len(world.warnings()) == 2


def test_workers_that_start_slowly_hold_the_cluster_themselves(tmp_path):
    world = World(tmp_path, dataclasses.replace(A, free_cpus=0))
    world.turn(unplaced=0)
    world.turn(SAY_SECONDS + 1, unplaced=0)
    assert world.waits == ["the workers to start"]
    (warning,) = world.warnings()
    assert "the workers have not started, or do not answer" in warning


def test_a_wait_without_end_ends_the_search_with_a_table_of_nodes(tmp_path):
    world = World(tmp_path, A)
    world.answers = {A.id: "it does not see /home/me"}
    world.turn()
    world.turn(END_SECONDS - 10)
    with pytest.raises(HpoError, match="no node that passed its checks can hold a trial") as ended:
        world.turn(11)
    assert "it does not see /home/me" in str(ended.value)


def test_a_head_that_does_not_answer_ends_the_search_before_ray_ends_the_process(tmp_path):
    world = World(tmp_path, A)
    world.monitor.silent = 19.0
    world.turn()
    world.monitor.silent = 21.0
    with pytest.raises(ClusterLost, match="no answer"):
        world.turn()


def test_a_table_of_nodes_lists_their_resources():
    assert node_table(
        (A, dataclasses.replace(B, draining=True)), Needs(1), lambda n: "no home" if n is A else ""
    ) == (
        "  node alpha (aaaaaaaa): 4 CPUs and 0 GPUs; no home\n"
        "  node beta (bbbbbbbb): 2 CPUs and 0 GPUs, is being drained"
    )


H100 = ClusterNode("c" * 8, "gamma", 4, 2, 4, 2, labels={"accelerator": "H100"}, custom={"licence": 1})
A100 = ClusterNode("d" * 8, "delta", 4, 1, 4, 1, labels={"accelerator": "A100", "ray.io/node-id": "d"})
PICKY = {"labels": {"accelerator": ("H100", "B200")}, "custom": {"licence": 1}}


def test_a_table_of_nodes_shows_what_was_asked_for_and_nothing_else():
    assert node_table((A, H100, A100), Needs(1, 1, **PICKY)) == (
        "  node alpha (aaaaaaaa): 4 CPUs, 0 GPUs and 0 licence, no label accelerator\n"
        "  node gamma (cccccccc): 4 CPUs, 2 GPUs and 1 licence, accelerator=H100\n"
        "  node delta (dddddddd): 4 CPUs, 1 GPUs and 0 licence, accelerator=A100"
    )


def test_only_nodes_with_the_labels_and_custom_resources_are_used(tmp_path):
    world = World(tmp_path, A, H100, A100, gpus=0.5, labels=PICKY["labels"])
    world.turn()
    assert (world.crew.nodes(), world.crew.workers) == ({H100.id}, 4)
    world = World(tmp_path, A, H100, A100, gpus=0.5, **PICKY)
    world.turn()
    assert (world.crew.nodes(), world.crew.workers, world.crew.free) == ({H100.id}, 1, 0)
    assert world.waits == [
        "1 CPUs, 0.5 GPUs and 1 licence on nodes labelled accelerator=H100 or B200 that other work on the "
        "cluster holds"
    ]


def test_a_kind_of_node_that_has_gone_is_waited_for_by_name(tmp_path):
    world = World(tmp_path, A, A100, gpus=1, **PICKY)
    world.turn()
    expected = "a node labelled accelerator=H100 or B200 with 1 CPUs, 1 GPUs and 1 licence"
    assert world.waits == [expected]
    with pytest.raises(HpoError, match="no node labelled accelerator=H100 or B200 that passed its checks"):
        world.turn(END_SECONDS + 1)


def test_a_node_whose_fault_a_training_met_is_set_aside_and_named_once(tmp_path):
    world = World(tmp_path, A, B)
    world.turn()
    for _ in range(2):
        world.crew.set_aside(world.conductor, B.id, "it does not see /home/me")
    assert world.crew.nodes() == {A.id}
    assert world.warnings() == ["node beta (bbbbbbbb) is set aside: it does not see /home/me"]
    world.turn(61)
    world.turn()
    assert world.crew.nodes() == {A.id, B.id}


def test_a_node_whose_workers_die_in_a_row_is_set_aside_for_longer_each_time(tmp_path):
    world = World(tmp_path, A, B)
    world.turn()
    for trial in (0,) * 4:  # one training that kills its workers says nothing of the node
        world.crew.worker_died(world.conductor, B.id, (trial, 0))
    assert world.crew.nodes() == {A.id, B.id}
    world.crew.training_left(B.id)
    for seconds in (60, 120):
        for trial in (1, 2, 1):
            assert world.crew.nodes() == {A.id, B.id}
            world.crew.worker_died(world.conductor, B.id, (trial, 0))
        assert world.crew.nodes() == {A.id}
        assert world.warnings()[-1] == (
            "node beta (bbbbbbbb) is set aside: 3 workers in a row have died there; it is tried again after "
            f"{seconds} s"
        )
        world.turn(seconds - 1)
        assert world.crew.nodes() == {A.id}
        world.turn(2)
        world.turn()


def test_the_only_node_is_not_set_aside_for_the_deaths_of_its_workers(tmp_path):
    world = World(tmp_path, HEAD, A)
    world.turn()
    for trial in range(9):
        world.crew.worker_died(world.conductor, A.id, (trial, 0))
    assert (world.crew.nodes(), world.warnings()) == ({A.id}, [])


def test_no_node_is_blamed_for_code_that_has_changed_for_the_driver_too(tmp_path):
    def changed():
        raise ChangedCode("the code of this search has changed", "model.py in /me")

    world = World(tmp_path, A, B)
    world.answers = {B.id: "its training code differs"}
    world.crew = Crew(
        world.monitor, world.checks, Needs(1), None, clock=lambda: world.now, require_code=changed
    )
    with pytest.raises(ChangedCode):
        world.turn()
    with pytest.raises(ChangedCode):
        world.crew.set_aside(world.conductor, A.id, "its training code differs")
    assert world.warnings() == []


def test_a_node_that_is_lost_while_it_is_checked_is_not_blamed(tmp_path):
    world = World(tmp_path, A, B)

    def poll(node):
        if node == B.id:
            raise NodeGone
        return ""

    world.checks._poll = poll
    world.turn()
    assert world.crew.nodes() == {A.id}
    assert world.warnings() == []


def test_what_is_waited_for_is_reported_when_it_changes(tmp_path):
    world = World(tmp_path, HEAD)
    world.answers = {A.id: None}
    world.turn()
    world.monitor.nodes = (HEAD, dataclasses.replace(A, free_cpus=0))
    world.turn()
    world.turn()
    world.answers[A.id] = ""
    world.turn()
    world.monitor.nodes = (HEAD, A)
    world.turn()
    world.turn(training=1)
    assert world.waits == [
        "a node with 1 CPUs and 0 GPUs",
        "the checks of node alpha (aaaaaaaa)",
        "1 CPUs and 0 GPUs that other work on the cluster holds",
        "the workers to start",
        "",
    ]
