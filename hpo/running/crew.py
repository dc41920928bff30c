"""The workers that a search may have on a cluster, as its nodes come, go, drain and fail their checks."""

from __future__ import annotations

import time
from collections.abc import Callable

from hpo.core.errors import ClusterLost, HpoError
from hpo.core.events import LossCause
from hpo.core.formatting import count
from hpo.core.needs import Needs
from hpo.core.training_state import Key
from hpo.running.cluster import HEAD_SECONDS, ClusterMonitor, ClusterNode, node_table
from hpo.running.conductor import Conductor
from hpo.running.loss_causes import loss_cause
from hpo.running.node_check import AGAIN, NodeChecks
from hpo.running.node_deaths import DEATHS, NodeDeaths
from hpo.running.stall import END_SECONDS, Stall, StallWatch

TURN_SECONDS = 0.5
"""Seconds between two looks at the nodes."""

MOST_NAMED = 3
"""Nodes named in a line on what is waited for."""


class Crew:
    """Decides on which nodes, and on how many workers, a search trains now.

    Args:
        monitor: The cluster's nodes.
        checks: Which nodes may be given trainings.
        needs: What one training needs.
        most: Most trainings at once; None for as many as fit. It can be changed while the search runs.
        say_waiting: Called with what is waited for as it changes; empty if nothing is.
        clock: Returns monotonic seconds.
        require_code: Raises an error if the user's code has changed as this process sees it. It is called
            before a node is blamed, because a change of the search's own code is not the node's fault.

    Attributes:
        shares: Whether other searches use the nodes, and ``most`` is this one's share of them.
    """

    def __init__(
        self,
        monitor: ClusterMonitor,
        checks: NodeChecks,
        needs: Needs,
        most: int | None,
        say_waiting: Callable[[str], None] = lambda what: None,
        clock: Callable[[], float] = time.monotonic,
        require_code: Callable[[], None] | None = None,
    ):
        self._monitor, self._checks = monitor, checks
        self._require_code = require_code
        self._needs, self.most = needs, most
        self._clock = clock
        self._next = 0.0
        self._known: dict[str, ClusterNode] = {}
        self._stall = StallWatch(clock)
        self._deaths = NodeDeaths()
        self._workers = 0
        self._say_waiting, self._waits_for = say_waiting, ""
        self.shares = False

    def nodes(self) -> frozenset[str]:
        """Return the ids of nodes that may be given trainings."""
        return frozenset(n.id for n in self._monitor.nodes if n.id in self._checks.passed and not n.draining)

    def is_fit(self, node_id: str) -> bool:
        """Return whether a node may be given another training."""
        return not node_id or node_id in self.nodes()

    def leaving(self, node_id: str) -> bool:
        """Return whether a node is being drained, as before the end of a spot machine."""
        return any(node.id == node_id and node.draining for node in self._monitor.nodes)

    def cause_of_loss(self, error: Exception, node_id: str) -> LossCause:
        """Return why a worker on a node died with an error of Ray."""
        node_lost = bool(node_id) and not any(n.id == node_id and n.answers() for n in self._monitor.nodes)
        return loss_cause(error, draining=self.leaving(node_id), gone=node_lost)

    @property
    def room(self) -> int:
        """Trainings at once that the nodes would have room for if they ran nothing else."""
        nodes = self.nodes()
        return sum(n.fits(self._needs) for n in self._monitor.nodes if n.id in nodes)

    @property
    def workers(self) -> int:
        """Trainings at once that the search may have."""
        return min(self.room, self.most or self.room)

    @property
    def free(self) -> int:
        """Trainings that could begin now, beside what the nodes run."""
        nodes = self.nodes()
        return sum(n.free_for(self._needs) for n in self._monitor.nodes if n.id in nodes)

    def limit(self, training: int, placed: int) -> int:
        """Return how many tasks may be with workers or wait for one: those that can be placed, and one more.

        Beside other searches, it is the whole share, because they give up what is over theirs.

        Args:
            training: Number of tasks that are with workers.
            placed: Number of workers of this search, those that are starting and those without a task
                included. A worker that is free while others start is given a task at once.
        """
        if self.shares:
            return self.workers
        return min(self.workers, max(placed + 1, training + self.free))

    def turn(self, conductor: Conductor, mark: object, training: int, unplaced: int) -> bool:
        """Look after the nodes now and then; return whether pending requests should be repeated.

        Args:
            conductor: Of the search.
            mark: Anything that changes with every message of a worker.
            training: Number of tasks that are with workers.
            unplaced: Number of requested workers for which the cluster has reserved nothing yet.

        Raises:
            ClusterLost: If the head does not answer any more.
            ChangedCode: If a node fails its check and the search's own code has changed.
            HpoError: If nothing has progressed for long and nothing can change that by itself.
        """
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + TURN_SECONDS
        if self._monitor.silent > HEAD_SECONDS:
            raise ClusterLost(self._monitor.trouble)
        self._name_lost(conductor)
        for sentence in self._checks.update(self._fitting()):
            self._blame(conductor, sentence)
        if self.workers != self._workers and self.workers:
            self._workers = self.workers
            conductor.workers_changed(self.workers, self._needs.gpus)
        over = conductor.stopping or conductor.done
        waits_for = "" if training or over else self._missing(unplaced)
        if waits_for != self._waits_for:
            self._waits_for = waits_for
            self._say_waiting(waits_for)
        return self._watch_stall(conductor, mark, training, unplaced)

    def set_aside(self, conductor: Conductor, node_id: str, fault: str) -> None:
        """Give a node nothing more until it passes a later check, because a training there met its fault.

        Raises:
            ChangedCode: If the search's own code has changed.
        """
        for node in self._monitor.nodes:
            if node.id == node_id:
                self._blame(conductor, self._checks.set_aside(node, fault))

    def worker_died(self, conductor: Conductor, node_id: str, key: Key) -> None:
        """Set a node aside for a while if its workers die again and again, unless it is the only one."""
        if not self._deaths.died(node_id, key) or len(self.nodes() | {node_id}) < 2:
            return
        seconds = self._deaths.seconds(node_id, AGAIN)
        for node in self._monitor.nodes:
            if node.id == node_id:
                fault = f"{DEATHS} workers in a row have died there; it is tried again after {seconds:g} s"
                sentence = self._checks.set_aside(node, fault, seconds)
                if sentence:
                    conductor.warn(sentence)

    def training_left(self, node_id: str) -> None:
        """Note that a training on a node ended well or was paused, so that the node is not suspected."""
        self._deaths.lived(node_id)

    def _blame(self, conductor: Conductor, sentence: str) -> None:
        if self._require_code:
            self._require_code()
        if sentence:
            conductor.warn(sentence)

    def _fitting(self) -> tuple[ClusterNode, ...]:
        """Return the nodes that can hold at least one training."""
        return tuple(n for n in self._monitor.nodes if n.fits(self._needs))

    def _name_lost(self, conductor: Conductor) -> None:
        alive = {node.id: node for node in self._monitor.nodes}
        for node_id, node in self._known.items():
            if node_id not in alive and node.fits(self._needs):
                gone = "left the cluster after it was drained" if node.draining else "was lost"
                conductor.warn(
                    f"node {node} {gone}; its trainings continue elsewhere from their newest checkpoints"
                )
            elif node_id in alive and alive[node_id].draining and not node.draining:
                conductor.warn(f"node {node} is being drained; it is given no further trial")
        self._known = alive

    @property
    def _on_such_nodes(self) -> str:
        return f" on nodes{self._needs.kind}" if self._needs.kind else ""

    def _missing(self, unplaced: int) -> str:
        """Return what the first training waits for."""
        need = self._needs.amounts
        if not self._fitting():
            return f"a node{self._needs.kind} with {need}"
        if not self.workers:
            fetching = [str(node) for node in self._fitting() if node.id in self._checks.fetching]
            if fetching:
                return f"data and code, on their way through the store to {_named(fetching)}"
            nodes = [str(node) for node in self._fitting() if node.id not in self._checks.faults]
            checked = f"the checks of {_named(nodes)}"
            return checked if nodes else "a node that passes its checks"
        if unplaced and not self.free:
            return f"{need}{self._on_such_nodes} that other work on the cluster holds"
        return "the workers to start"

    def _watch_stall(self, conductor: Conductor, mark: object, training: int, unplaced: int) -> bool:
        if conductor.stopping or conductor.done:
            return False
        held_by_others = bool(unplaced and self.workers and not self.free)
        may_come = bool(training or self._checks.fetching) or held_by_others
        step = self._stall.look((mark, self.nodes()), may_come=may_come)
        if step is Stall.END:
            raise HpoError(f"{self._situation(unplaced)}; the search ends after {END_SECONDS:g} s of that")
        if step is Stall.SAY:
            lines = self._situation(unplaced).splitlines()
            conductor.warn("; ".join(line.strip() for line in lines))
        return step is Stall.SAY

    def _situation(self, unplaced: int) -> str:
        seconds, room = self._stall.seconds, self.workers
        table = node_table(
            self._monitor.nodes, self._needs, lambda node: self._checks.faults.get(node.id, "")
        )
        need = self._needs.amounts
        if not room:
            why = f"no node{self._needs.kind} that passed its checks can hold a trial of {need}"
        elif unplaced and not self.free:
            why = (
                f"{count(unplaced, 'trial')} {'waits' if unplaced == 1 else 'wait'} for {need}"
                f"{self._on_such_nodes} that other work on the cluster holds"
            )
        else:
            why = "the workers have not started, or do not answer"
        return f"nothing has progressed for {seconds:.0f} s: {why}\n{table}\n"


def _named(nodes: list[str]) -> str:
    more = f" and {len(nodes) - MOST_NAMED} more" if len(nodes) > MOST_NAMED else ""
    return f"node {', '.join(nodes[:MOST_NAMED])}{more}"
