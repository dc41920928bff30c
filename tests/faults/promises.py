"""The guarantees for a disturbed search, and the table of how often they were checked.

With ``HPO_FAULTS_JSON=FILE`` every check adds a line to a file, from which ``benchmarks/faults.py``
makes the table.
"""

import json
import os
from collections import Counter
from pathlib import Path

from hpo.core import events
from hpo.core.events import End
from hpo.core.record import Recorded
from hpo.running.conductor import Conductor
from hpo.spec import parse_spec
from hpo.use_cases.search.assembly import plan_of, searcher_of
from tests.faults.tiny_search import Place, decisions, number

TRIALS = 12


def check(
    fault: str,
    place: Place,
    undisturbed: list[Recorded],
    killed: list[Recorded],
    runs: list[tuple[str, str, str]],
    seconds: float | None,
    reads: int = 1,
) -> None:
    """Check the guarantees for a search that was killed and resumed.

    Args:
        fault: What happened to it.
        place: Folder of the search.
        undisturbed: The record of the same search without a disturbance.
        killed: Its own record as the fault left it.
        runs: What MLflow had then.
        seconds: From the command to resume until something new was on record.
        reads: How often the test part was read for its one opening.
    """
    record = place.record()
    lost = sum(one != other for one, other in zip(killed, record, strict=False))
    twice = run_twice(record)
    note(fault, place, lost=lost, seconds=seconds)
    assert record[: len(killed)] == killed
    assert not twice
    numbers = [e.event.trial for e in record if _starts(e) and not e.event.replicate]
    assert numbers == list(range(TRIALS))
    assert decisions(record) == decisions(undisturbed)
    check_replay(record)
    assert (place.openings(), place.reads()) == (1, reads)
    assert number(record, events.TestClaimed) == number(record, events.TestScored) == 1
    assert scores(record) == scores(undisturbed)
    check_mirror(place, record, runs)


def _starts(recorded: Recorded) -> bool:
    return isinstance(recorded.event, events.TrialStarted)


def run_twice(record: list[Recorded]) -> list[tuple[object, ...]]:
    """Return trainings started again and epochs reported again."""
    started = [(e.event.trial, e.event.replicate) for e in record if _starts(e)]
    epochs = [
        (e.event.trial, e.event.replicate, e.event.epoch)
        for e in record
        if isinstance(e.event, events.Reported)
    ]
    return [each for each, count in Counter([*started, *epochs]).items() if count > 1]


def scores(record: list[Recorded]) -> list[object]:
    """Return the recorded test scores."""
    return [each.event.scores for each in record if isinstance(each.event, events.TestScored)]


class Quiet:
    """A read-only ledger: a replay must repeat the recorded decisions and add none."""

    def append(self, new, then=None):
        raise AssertionError(f"a replay would add {new}")


def check_replay(record: list[Recorded]) -> None:
    """Compare every decision with a pure replay of the record in its own order."""
    spec = parse_spec(record[0].event.spec, source="the record")
    conductor = Conductor(plan_of(spec, 1), Quiet(), searcher_of(spec))
    conductor.replay(record)
    ends = {key: t.end for key, t in conductor.history.trainings.items()}
    assert None not in ends.values()
    assert End.INTERRUPTED not in ends.values()
    assert conductor.done


def check_mirror(place: Place, record: list[Recorded], before: list[tuple[str, str, str]] = ()) -> None:
    """One parent and one run per training, those that were there before, none doubled, none running."""
    started = {f"{e.event.trial}/{e.event.replicate}" for e in record if _starts(e)}
    runs = place.runs()
    assert len(runs) == len({run for _, run, _ in runs}) == 1 + len(started)
    assert {run for _, run, _ in runs} == {"search", *started}
    assert {id for id, _, _ in before} <= {id for id, _, _ in runs}
    assert {status for _, _, status in runs} <= {"FINISHED", "KILLED", "FAILED"}


def note(
    fault: str,
    place: Place,
    *,
    lost: int = 0,
    seconds: float | None = None,
    openings: int | None = None,
    name: str = "tiny-1",
) -> None:
    """Add a line to the file for the table, if one is requested."""
    file = os.environ.get("HPO_FAULTS_JSON")
    if file:
        numbers = {
            "lost": lost,
            "twice": len(run_twice(place.record(name))),
            "openings": place.openings() if openings is None else openings,
            "seconds": seconds,
        }
        with Path(file).open("a") as lines:
            lines.write(json.dumps({"fault": fault, **numbers}) + "\n")
