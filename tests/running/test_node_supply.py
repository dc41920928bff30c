"""A node that does not see the home is checked again with copies, which are uploaded once."""

import dataclasses
from dataclasses import dataclass

import pytest

from hpo.core.errors import HpoError
from hpo.core.home import SearchFolder
from hpo.core.objective import Objective
from hpo.running.environment import TrainingEnvironment
from hpo.running.home_files import SHARED
from hpo.running.node_check import FilesComing
from hpo.running.node_supply import FETCHING, SuppliedChecks, Supply
from tests.running.curves import open_stage

UNSEEN = "it does not see /home/me, a folder of the home"


@dataclass(frozen=True)
class Copies:
    """Copies in the store, as far as a check is concerned."""

    error: str = ""
    prefix: str = "searches/a"
    ready: bool = False

    def store(self):
        raise AssertionError("the store was opened")

    def uploaded(self, folder):
        if self.error:
            raise HpoError(self.error)
        return dataclasses.replace(self, ready=True)


class Checks:
    """Checks whose answers a test sets, by node and whether the check has copies."""

    def __init__(self, tmp_path, copy):
        self.now, self.answers, self.started = 0.0, {}, []
        folder = SearchFolder(tmp_path)
        self.supply = Supply(TrainingEnvironment(open_stage, folder, Objective("score", "max"), copy=copy))
        self.checks = SuppliedChecks(self.start, self.current, self.supply, lambda: self.now)
        self.begun = 0
        self.supply.begun = self.begin

    def current(self, check):
        return self.answers.get(check)

    def begin(self):
        self.begun += 1

    def start(self, node, environment):
        check = node, environment.copy is not None and environment.copy.ready
        self.started.append(check)
        return check

    def settled(self, check):
        """Poll until data and code are in the store, or the check has a result."""
        while True:
            try:
                return self.checks.poll(check)
            except FilesComing:
                if self.supply.environment.copy.ready and check.began is not None:
                    return None


def test_nodes_that_see_the_home_need_no_copies(tmp_path):
    checks = Checks(tmp_path, Copies())
    checks.answers = {("a", False): "", ("b", False): "its versions differ"}
    assert [checks.checks.poll(checks.checks.start(node)) for node in "ab"] == ["", "its versions differ"]
    assert (checks.begun, (tmp_path / SHARED).exists()) == (0, False)


def test_a_node_that_does_not_see_the_home_is_checked_again_with_copies_that_are_uploaded_once(tmp_path):
    checks = Checks(tmp_path, Copies())
    checks.answers = dict.fromkeys([("a", False), ("b", False)], UNSEEN)
    a, b = checks.checks.start("a"), checks.checks.start("b")
    assert [checks.settled(a), checks.settled(b)] == [None, None]
    checks.answers[("a", True)] = ""
    checks.answers[("b", True)] = "it cannot load the data"
    assert [checks.checks.poll(a), checks.checks.poll(b)] == ["", "it cannot load the data"]
    assert sorted(checks.started) == [("a", False), ("a", True), ("b", False), ("b", True)]
    assert (checks.begun, (tmp_path / SHARED).exists()) == (1, True)


def test_without_a_store_it_has_a_fault(tmp_path):
    checks = Checks(tmp_path, None)
    checks.answers = {("a", False): UNSEEN}
    assert checks.checks.poll(checks.checks.start("a")) == UNSEEN


def test_a_store_that_cannot_be_written_is_the_fault_and_is_tried_again_at_the_next_check(tmp_path):
    checks = Checks(tmp_path, Copies(error="the store /srv is full"))
    checks.answers = {("a", False): UNSEEN}
    for _ in range(2):
        assert checks.settled(checks.checks.start("a")) == f"{UNSEEN}, and the store /srv is full"
    assert checks.begun == 1


def test_a_node_that_fetches_for_too_long_is_set_aside(tmp_path):
    checks = Checks(tmp_path, Copies())
    checks.answers = {("a", False): UNSEEN}
    check = checks.checks.start("a")
    assert checks.settled(check) is None
    checks.now = FETCHING
    with pytest.raises(FilesComing):
        checks.checks.poll(check)
    checks.now = FETCHING + 1
    assert checks.checks.poll(check) == f"{UNSEEN}, and has not fetched data and code within 1800 s"
