"""A cluster in virtual time, in the place of Ray's actors under Tune's controller.

Nodes come and go, workers start slowly and die, as a seeded generator says. What drives them is the
product's own controller, queue and conductor.
"""

import heapq
import itertools
import random
import uuid
from types import SimpleNamespace
from unittest.mock import Mock

from ray.air.execution._internal.tracked_actor import TrackedActor
from ray.exceptions import RayActorError

from hpo.core.events import Checkpointed, Reported
from hpo.running.channel import Message
from tests.running.searches import curve


class SimulatedCluster:
    """What `RayActorManager` is to Tune's controller; every wait advances a virtual clock.

    Args:
        seed: Of everything that happens by chance.
        slots: Workers that each node holds at first.
        disturbances: Number of losses, returns and additions of nodes.
        others: Slots that another search takes and gives back by chance.
    """

    def __init__(self, seed, slots=(2, 2, 2), disturbances=0, others=0):
        self.random = random.Random(seed)
        self.now = 0.0
        self.slots = dict(enumerate(slots))
        self.used = dict.fromkeys(self.slots, 0)
        self.pending = []
        self.state = {}
        self.failed = set()
        self._live_actors_to_ray_actors_resources = {}
        self._events = []
        self._numbers = itertools.count()
        self.most_idle = 0.0
        for _ in range(disturbances):
            self.at(self.random.uniform(1, 120), self._disturb)
        for _ in range(others):
            begin = self.random.uniform(0, 80)
            self.at(begin, lambda: self._other_search(+1))

    # -- random events --------------------------------------------------------------------------

    def _disturb(self):
        what = self.random.choice(["lose", "lose", "worker", "add"])
        alive = [node for node, slots in self.slots.items() if slots]
        if what == "add" or not alive:
            node = max(self.slots) + 1
            self.slots[node], self.used[node] = self.random.randint(1, 3), 0
        elif what == "lose":
            node = self.random.choice(alive)
            slots, self.slots[node] = self.slots[node], 0
            if self.random.random() < 0.5 or len(alive) == 1:  # others never return
                self.at(self.random.uniform(5, 120), lambda: self._give_back(node, slots))
            for actor in [a for a, s in self.state.items() if s.node == node]:
                self._kill(actor)
        elif self.state:
            self._kill(self.random.choice(list(self.state)))

    def lose_for_good(self, node=0):
        """Lose a node that never returns."""
        self.slots[node] = 0
        for actor in [a for a, s in self.state.items() if s.node == node]:
            self._kill(actor)

    def _give_back(self, node, slots):
        self.slots[node] = slots

    def _other_search(self, by):
        free = [node for node in self.slots if self.used[node] < self.slots[node]]
        if not free:
            self.at(1.0, lambda: self._other_search(+1))
            return
        node = self.random.choice(free)
        self.used[node] += 1

        def end():
            self.used[node] -= 1

        self.at(self.random.uniform(10, 200), end)

    def _kill(self, actor):
        state = self.state.pop(actor, None)
        if state is None:
            return
        self.used[state.node] -= actor.size
        state.dead = True
        if state.stopping:
            self._live_actors_to_ray_actors_resources.pop(actor, None)
        elif state.task or not state.started:
            self._fail(actor, state.task.on_error if state.task else None)
        # The death of an idle worker is noticed at the next request.

    # -- calls of the controller -----------------------------------------------------------------

    def at(self, seconds, do):
        """Schedule an event."""
        heapq.heappush(self._events, (self.now + seconds, next(self._numbers), do))

    def next(self, timeout=None):
        """Process one event, or let time pass."""
        self._start()
        if not self._events or self._events[0][0] > self.now + timeout:
            self.now += timeout
            return False
        time, _, do = heapq.heappop(self._events)
        self.now = max(self.now, time)
        do()
        self._start()
        return True

    def _start(self):
        while actor := next((each for each in self.pending if self._free_for(each)), None):
            self.pending.remove(actor)
            free = self._free_for(actor)
            node = self.random.choice(free)
            self.used[node] += actor.size
            state = SimpleNamespace(node=node, started=False, stopping=False, task=None, dead=False)
            state.training, state.config = None, actor.config
            self.state[actor] = state
            self._live_actors_to_ray_actors_resources[actor] = (Mock(), None)
            late = self.random.random() < 0.05
            self.at(self.random.uniform(50, 90) if late else self.random.uniform(1, 4), self._started(actor))

    def _free_for(self, actor):
        return [node for node in self.slots if self.used[node] + actor.size <= self.slots[node]]

    def _started(self, actor):
        def started():
            state = self.state.get(actor)
            if state and not state.stopping:
                state.started = True
                state.training = Progress(state.config["task"])
                actor._on_start(actor)

        return started

    def add_actor(self, cls, kwargs, resource_request, on_start=None, on_stop=None, on_error=None):
        """Request a worker."""
        actor = TrackedActor(uuid.uuid4().int, on_start=on_start, on_stop=on_stop, on_error=on_error)
        actor.config = kwargs["config"]
        actor.size = resource_request.required_resources.get("GPU", 1)  # without GPUs, each takes a slot
        self.pending.append(actor)
        return actor

    def remove_actor(self, tracked_actor, kill=False, stop_future=None):
        """Stop a worker, or cancel its request."""
        if tracked_actor.actor_id in self.failed:
            return False
        if tracked_actor in self.pending:
            self.pending.remove(tracked_actor)
            return False
        state = self.state.get(tracked_actor)
        if state is None:  # an idle worker that died unnoticed
            self.at(0.1, lambda: self._live_actors_to_ray_actors_resources.pop(tracked_actor, None))
            return True
        state.stopping = True
        if not state.started:
            tracked_actor._on_start = tracked_actor._on_stop = tracked_actor._on_error = None

        def stopped():
            if self.state.pop(tracked_actor, None):
                self.used[state.node] -= tracked_actor.size
                self._live_actors_to_ray_actors_resources.pop(tracked_actor, None)
                if tracked_actor._on_stop:
                    tracked_actor._on_stop(tracked_actor)

        self.at(self.random.uniform(0.1, 2), stopped)
        return True

    def schedule_actor_task(
        self, tracked_actor, method_name, args=(), kwargs=None, on_result=None, on_error=None, **_
    ):
        """Ask a worker for its next message, or give it another task."""
        state = self.state.get(tracked_actor)
        if method_name == "stop" or tracked_actor.actor_id in self.failed:
            return
        if state is None:  # an idle worker that died unnoticed
            self.at(0.1, lambda: self._fail(tracked_actor, on_error))
            return
        if method_name == "save_soon":
            state.training.saving = args[0]
            return
        task = SimpleNamespace(on_error=on_error)
        state.task = task

        def answer():
            if state.dead or state.task is not task:
                return
            state.task = None
            if method_name == "begin":
                state.training = Progress(args[0])
                on_result(tracked_actor, True)
            else:
                message = {"message": state.training.message(), "node": str(state.node), "done": False}
                on_result(tracked_actor, message | {"training_iteration": 1})

        self.at(self.random.uniform(0.1, 3), answer)

    def _fail(self, actor, on_error):
        error = RayActorError()
        self.failed.add(actor.actor_id)
        self._live_actors_to_ray_actors_resources.pop(actor, None)
        if actor._on_error:
            actor._on_error(actor, error)
        if on_error:
            on_error(actor, error)

    def clear_actor_task_futures(self, tracked_actor):
        """Drop the pending requests of a worker."""
        if tracked_actor in self.state:
            self.state[tracked_actor].task = None

    def is_actor_started(self, tracked_actor):
        """Whether a worker has its resources and did not fail."""
        live = self._live_actors_to_ray_actors_resources
        return tracked_actor in live and tracked_actor.actor_id not in self.failed

    def is_actor_failed(self, tracked_actor):
        """Whether a worker died."""
        return tracked_actor.actor_id in self.failed

    def cleanup(self):
        """End everything."""
        self.state.clear()
        self.pending.clear()

    num_pending_actors = property(lambda self: len(self.pending))
    num_live_actors = property(lambda self: len(self.state))
    num_total_actors = property(lambda self: len(self.pending) + len(self.state))
    num_actor_tasks = property(lambda self: sum(s.task is not None for s in self.state.values()))


class Progress:
    """A training of a known curve, epoch by epoch, from its newest checkpoint or the start."""

    def __init__(self, task):
        self.task, self.epochs, self.saving = task, list(curve(task)), False
        self.epoch = max((each.epoch for each in task.checkpoints), default=0)

    def message(self):
        """The next epoch's report, with a checkpoint if it is asked for, and the weights at the end."""
        metrics, seconds = self.epochs[self.epoch]
        self.epoch += 1
        report = Reported(*self.task.key, self.epoch, metrics, seconds)
        last = self.epoch == self.task.epochs and self.task.keep_weights
        saves = self.saving and self.epoch < self.task.epochs
        saved = Checkpointed(*self.task.key, self.epoch, f"{self.epoch}.safetensors", "s") if saves else None
        return Message([report], saved, weights=("w", "s") if last else ("", ""))
