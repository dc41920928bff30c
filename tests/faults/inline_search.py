"""A small search trained in this process, without Ray: what a search on any cluster must come to."""

import sys

from hpo.core import events
from hpo.core.history import History
from hpo.core.home import SearchFolder
from hpo.core.objective import Objective
from hpo.ledger.in_memory import MemoryLedger
from hpo.running.conductor import Conductor
from hpo.running.inline import InlineRunner, VirtualClock
from hpo.running.worker import Worker
from hpo.spec import parse_spec
from hpo.use_cases.dataset.staging import DataStaging
from hpo.use_cases.search.assembly import environment_of, plan_of, searcher_of
from tests.faults.promises import check_replay, run_twice
from tests.faults.tiny_search import number, without_announcements


def trained_here(place, record, folder) -> History:
    """Train the trials and finalists of a recorded search again, from its spec and its data.

    Args:
        place: Folder of the search.
        record: Its record.
        folder: A folder for checkpoints and weights.
    """
    spec = parse_spec(record[0].event.spec, source="the record")
    data = place.home.data(record[0].event.split["data"])
    staging = DataStaging(spec.trainable, place.folder, data, place.search.root / "splits")
    environment = environment_of(spec, staging, SearchFolder(folder), sealed=True)
    clock = VirtualClock()
    conductor = Conductor(plan_of(spec, 1), MemoryLedger(), searcher_of(spec), clock)

    def epochs(task):
        worker = Worker(environment)
        worker.start(task)
        epoch = 0
        while epoch < task.epochs:
            message = worker.advance()
            assert message.failure is None
            for report in message.reports:
                epoch = report.epoch
                yield report.metrics, 1.0
        worker.abandon()

    modules = set(sys.modules)
    try:
        InlineRunner(epochs, 1, clock).run(conductor)
    finally:
        for name in set(sys.modules) - modules:
            if name.startswith("tiny_"):
                del sys.modules[name]  # other tests have their own
    return conductor.history


def check_as_trained_here(place, process, folder, causes) -> None:
    """Wait for the end of a search on a cluster, and compare it with the same search in this process.

    Args:
        place: Folder of the search.
        process: The command that runs it.
        folder: A folder for checkpoints and weights.
        causes: Causes of the losses of its workers, sorted.
    """
    _, err = process.communicate(timeout=400)
    assert (process.returncode, without_announcements(err)) == (0, "")
    record = place.record()
    assert sorted(each.event.cause for each in record if isinstance(each.event, events.WorkerLost)) == causes
    assert run_twice(record) == []
    check_replay(record)
    history = History.of(record, Objective("mse", "min"))
    assert results(history) == results(trained_here(place, record, folder))
    assert (place.openings(), place.reads(), number(record, events.TestScored)) == (1, 1, 1)


def results(history):
    """End and value of each training, and the winner."""
    return {key: (t.end, t.value) for key, t in history.trainings.items()}, history.winner.trial
