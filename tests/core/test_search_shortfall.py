"""Shortfalls of a finished search that keep its test part sealed."""

from hpo.core import events
from hpo.core.events import Cause, End
from hpo.core.history import History
from hpo.core.objective import Objective
from hpo.core.record import Recorded
from hpo.core.search_shortfall import GAVE_UP, UNSATISFIED, shortfall, why_none_succeeded

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


def without_winner(*ends, reason=""):
    """A search without a winner, of trainings (trial, replicate, end, cause, message)."""
    story = [events.SearchOpened(SPEC, "d", {}, {})]
    for trial, replicate, end, cause, message in ends:
        story.append(events.TrialStarted(trial, replicate, {}, {}, 1, "sampler"))
        story.append(events.TrialEnded(trial, replicate, end, 9, 0.5, cause, message))
    story.append(events.FinalistsNamed((), reason))
    return History.of((Recorded(n, float(n), e) for n, e in enumerate(story, 1)), Objective("score"))


FAILED = End.FAILED


def test_why_there_is_no_winner_counts_causes_and_shows_the_first_message_of_each():
    ends = [
        (0, 0, End.FINISHED, None, ""),
        (1, 0, FAILED, Cause.CODE_ERROR, "first"),
        (2, 0, FAILED, Cause.CODE_ERROR, "second"),
        (3, 0, FAILED, Cause.DIVERGED, "nan"),
        (0, 1, FAILED, Cause.CODE_ERROR, "other weights"),
    ]
    assert why_none_succeeded(without_winner(*ends)) == (
        "no trial produced a usable model (2 x code_error, 1 x diverged, 1 x code_error on a fresh seed)\n"
        "code_error: first\ndiverged: nan\ncode_error on a fresh seed: other weights"
    )
    assert why_none_succeeded(without_winner(ends[1], reason=f"{GAVE_UP}: all failed")) == (
        f"{GAVE_UP}: all failed: no trial produced a usable model (1 x code_error)\ncode_error: first"
    )


def test_why_there_is_no_winner_without_a_failure():
    none = "no trial produced a usable model"
    assert why_none_succeeded(without_winner()) == f"{none} (no trial was started)"
    stopped = (0, 0, End.STOPPED, None, "")
    assert why_none_succeeded(without_winner(stopped)) == f"{none} (none was trained to its end)"
    violated = f"{UNSATISFIED}; the nearest is trial 3"
    assert why_none_succeeded(without_winner(stopped, reason=violated)) == violated
