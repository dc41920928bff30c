"""Recorded searches without real trainings: the product's own code on curves given by a formula."""

import pytest

from hpo.core.events import SearchEnded, SearchOpened
from hpo.core.home import Home
from hpo.core.warm_start import WarmStart
from hpo.ledger.store import LedgerStore
from hpo.running.conductor import Conductor
from hpo.running.inline import InlineRunner, VirtualClock
from hpo.use_cases.search import assembly
from hpo.use_cases.search.warm_start import warm_start_of


class Recorded:
    """A home in which specs are searched in virtual time."""

    def __init__(self, root):
        self.home = Home(root).create()

    def search(self, spec, value, events=None):
        """Open a search as submit does and run it to its end, or until it has a number of events."""
        warmth = warm_start_of(spec, self.home).warm_start.to_json()
        split = {"fingerprint": "f", "data": "d", "counts": {}, "test": None}
        opened = SearchOpened(spec.document, spec.digest, split, {}, warmth=warmth)
        ledger = LedgerStore.at(self.home.ledger).create(spec.name, opened)
        self.run(spec, ledger, value, events)
        return ledger

    def run(self, spec, ledger, value, events=None):
        """Continue a search from its record."""
        (opened,) = ledger.read(kinds=[SearchOpened])
        warmth = WarmStart.of_json(opened.event.warmth)
        plan, clock = assembly.plan_of(spec, 1, warmth), VirtualClock()

        def watch(recorded, history):
            if events and recorded.seq >= events:
                raise KeyboardInterrupt

        conductor = Conductor(plan, ledger, assembly.searcher_of(spec, warmth), clock, watch)
        conductor.replay(ledger.read())

        def train(order):
            for epoch in range(1, spec.horizon + 1):
                yield {spec.objective.key: value(order.recipe) * (1 - 0.5**epoch)}, 1.0

        try:
            InlineRunner(train, 1, clock).run(conductor)
        except KeyboardInterrupt:
            return
        ledger.append([SearchEnded("done")])


@pytest.fixture
def recorded(tmp_path):
    return Recorded(tmp_path / "home")
