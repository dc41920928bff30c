"""Shortfalls of a finished search that keep its test part sealed."""

from hpo.core import events
from hpo.core.events import Cause, End
from hpo.core.history import History
from hpo.core.objective import Objective
from hpo.core.record import Recorded
from hpo.core.search_shortfall import GAVE_UP, shortfall

SPEC = {"finalists": {"count": 1, "seeds": 3}}


def search(*ends, reason=""):
    """A search whose trial 0 won, with the given ends of its trainings on fresh seeds."""
    story = [
        events.SearchOpened(SPEC, "d", {}, {}),
        events.TrialStarted(0, 0, {}, {}, 1, "sampler"),
        events.TrialEnded(0, 0, End.FINISHED, 9, 0.5),
        events.FinalistsNamed((0,), reason),
    ]
    for replicate, (end, cause) in enumerate(ends, 1):
        story.append(events.TrialStarted(0, replicate, {}, {}, replicate, "finalist"))
        story.append(events.TrialEnded(0, replicate, end, 9, 0.5, cause))
    story.append(events.WinnerNamed(0, 1, 0.5, 0.1, 3, "best mean"))
    return History.of((Recorded(n, float(n), e) for n, e in enumerate(story, 1)), Objective("score"))


DONE = (End.FINISHED, None)


def test_a_search_with_all_its_seeds_has_no_shortfall():
    assert shortfall(search(DONE, DONE, DONE)) == ""


def test_patience_is_a_rule_of_the_spec_and_not_a_shortfall():
    assert shortfall(search(DONE, DONE, reason="patience: 10 trials in a row did not improve")) == ""


def test_giving_up_is_the_first_shortfall():
    assert shortfall(search(DONE, reason=f"{GAVE_UP}: the first 5 trials failed")).startswith(GAVE_UP)


def test_a_failed_seed_of_the_winner_is_named_with_its_cause():
    lacking = shortfall(search(DONE, (End.FAILED, Cause.WORKER_LOST), DONE))
    assert "a fresh training of the winner failed (trial 0 seed 2: worker_lost)" in lacking
    both = shortfall(search(DONE, (End.FAILED, Cause.OUT_OF_MEMORY), (End.FAILED, None)))
    assert "trial 0 seed 2: out_of_memory, trial 0 seed 3: unknown" in both
