"""The driver is killed at moments of every phase; `hpo resume` ends as if nothing had happened."""

import pytest

from hpo.core import events
from hpo.tracking import mirror_progress
from tests.faults.promises import check
from tests.faults.tiny_search import after, kill

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def writing_a_checkpoint(place):
    """A draft of a checkpoint exists."""
    return any(place.search.checkpoints.glob(".*"))


def mirror_behind(place):
    """The record is ahead of MLflow."""
    known = len(place.glance())
    return known > 30 and mirror_progress.load_progress(place.search).behind(known) > 0


MOMENTS = {
    "just opened": after(events.SearchOpened),
    "first trial started": after(events.TrialStarted),
    "first report": after(events.Reported),
    "first checkpoint": after(events.Checkpointed),
    "first end": after(events.TrialEnded),
    "second trial's report": after(events.Reported, trial=1),
    "while a checkpoint is written": writing_a_checkpoint,
    "between ledger and mirror": mirror_behind,
    "after the third end": after(events.TrialEnded, 3),
    "in the fifth trial": after(events.TrialStarted, trial=4),
    "middle": after(events.Reported, 25),
    "a tenth checkpoint": after(events.Checkpointed, 10),
    "last trial started": after(events.TrialStarted, trial=11),
    "last trial ended": after(events.TrialEnded, 12),
    "finalists named": after(events.FinalistsNamed),
    "first finalist training": after(events.Reported, replicate=1),
    "second finalist training": after(events.Reported, 2, replicate=1),
    "second seed": after(events.TrialStarted, replicate=2),
    "a finalist ended": after(events.TrialEnded, replicate=1),
    "winner named": after(events.WinnerNamed),
    "test claimed": after(events.TestClaimed),
    "test scored": after(events.TestScored),
}
SHORT = ("while a checkpoint is written",)
BALLAST = {"TINY_BALLAST": "2000000"}
"""Numbers in each checkpoint, so that writing one takes a while."""


@pytest.mark.parametrize(
    "moment", [pytest.param(m, marks=[] if m in SHORT else [pytest.mark.faults]) for m in MOMENTS]
)
def test_a_killed_search_ends_as_if_undisturbed(moment, place, undisturbed):
    environment = BALLAST if MOMENTS[moment] is writing_a_checkpoint else {}
    process = place.start("submit", "tiny.yaml", "--json", **environment)
    place.wait_for(process, MOMENTS[moment])
    kill(process)
    killed, runs = place.record(), place.runs()
    seconds = place.resumed()
    check("SIGKILL to the driver", place, undisturbed, killed, runs, seconds)


@pytest.mark.faults
def test_a_search_killed_before_its_first_event_leaves_nothing(place, undisturbed):
    process = place.start("submit", "tiny.yaml", "--json")
    place.wait_for(process, lambda place: place.home.root.exists())
    kill(process)
    assert place.record() == []
    again = place.run("submit", "tiny.yaml", "--json")
    assert again.returncode == 0, again.stderr
    check("SIGKILL to the driver", place, undisturbed, [], [], None)


@pytest.mark.faults
def test_a_search_killed_repeatedly_ends_as_if_undisturbed(place, undisturbed):
    """At most one checkpoint interval is lost each time, so the search still ends."""
    for moment, command in (
        (after(events.Reported, 4), ("submit", "tiny.yaml")),
        (after(events.Reported, 12), ("resume", "tiny-1")),
        (after(events.TrialEnded, 10), ("resume", "tiny-1")),
        (after(events.TrialStarted, replicate=1), ("resume", "tiny-1")),
    ):
        process = place.start(*command, "--json")
        place.wait_for(process, moment)
        kill(process)
    killed, runs = place.record(), place.runs()
    seconds = place.resumed()
    check("SIGKILL to the driver, four times", place, undisturbed, killed, runs, seconds)


@pytest.mark.faults
@pytest.mark.parametrize(("slow", "reads"), [("TINY_IMPORT_SECONDS", 0), ("TINY_LOAD_SECONDS", 1)])
def test_a_search_killed_between_claim_and_score(slow, reads, place, undisturbed):
    """The evaluator dies with its driver while it holds the claim, before it read or before it scored."""
    process = place.start("submit", "tiny.yaml", "--json", **{slow: "30"})
    place.wait_for(process, after(events.TestClaimed))
    place.wait_for(process, lambda place: place.reads() == reads)
    kill(process)
    for evaluator in place.processes("hpo.use_cases.model.evaluation"):
        evaluator.kill()
        evaluator.wait(30)
    killed, runs = place.record(), place.runs()
    assert isinstance(killed[-1].event, events.TestClaimed)
    assert place.reads() == reads
    assert "opened, but not scored" in place.run("status", "tiny-1").stdout
    seconds = place.resumed()
    check("SIGKILL between claim and score", place, undisturbed, killed, runs, seconds, reads + 1)


@pytest.mark.faults
def test_an_evaluator_killed_between_claim_and_score(place, undisturbed):
    process = place.start("submit", "tiny.yaml", "--json", TINY_IMPORT_SECONDS="30")
    place.wait_for(process, after(events.TestClaimed))
    for evaluator in place.processes("hpo.use_cases.model.evaluation"):
        evaluator.kill()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "the evaluation" in err
    assert "hpo resume tiny-1" in err
    killed, runs = place.record(), place.runs()
    seconds = place.resumed()
    check("SIGKILL to the evaluator", place, undisturbed, killed, runs, seconds)
