"""Laws of replay: a record read in any pieces, in any process, gives the same state."""

from hypothesis import given
from hypothesis import strategies as st

from hpo.core import events
from hpo.core.history import History
from hpo.core.objective import Objective
from hpo.core.record import Recorded
from tests.cli.stories import won

OBJECTIVE = Objective("accuracy", "max")
WHOLE = [Recorded(seq, float(10 * seq), event) for seq, event in enumerate(won(), 1)]


def state(record):
    """Everything that a history says; NaN compares equal here."""
    return repr(History.of(record, OBJECTIVE))


@given(cuts=st.lists(st.integers(0, len(WHOLE)), max_size=5))
def test_a_record_read_in_pieces_gives_the_state_of_the_whole(cuts):
    history, read = History(OBJECTIVE), 0
    for cut in [*sorted(cuts), len(WHOLE)]:
        history = history.copy()
        for recorded in WHOLE[read:cut]:
            history.apply(recorded)
        read = max(read, cut)
    assert repr(history) == state(WHOLE)


@given(length=st.integers(1, len(WHOLE)))
def test_a_copy_is_not_changed_by_what_happens_later(length):
    history = History.of(WHOLE[:length], OBJECTIVE)
    kept = history.copy()
    for recorded in WHOLE[length:]:
        history.apply(recorded)
    assert repr(kept) == state(WHOLE[:length])


@given(length=st.integers(1, len(WHOLE)), pause=st.floats(1, 1e6))
def test_time_between_two_sessions_is_not_active_time(length, pause):
    first = History.of(WHOLE[:length], OBJECTIVE)
    resumed = first.copy()
    resumed.apply(Recorded(length + 1, first.last_at + pause, events.SearchResumed({})))
    assert resumed.active == first.active
    assert (resumed.ended, resumed.session_at, resumed.last_at) == (None, first.active, first.last_at + pause)


@given(length=st.integers(1, len(WHOLE)))
def test_epochs_and_seconds_are_sums_over_the_reports(length):
    history = History.of(WHOLE[:length], OBJECTIVE)
    reports = [r.event for r in WHOLE[:length] if isinstance(r.event, events.Reported)]
    assert history.trained_epochs == len(reports)
    assert history.trained == sum(report.seconds for report in reports)
    assert history.epochs == sum(report.replicate == 0 for report in reports)
    assert {t.key: t.epoch for t in history.trainings.values() if t.epoch} == {
        key: max(r.epoch for r in reports if (r.trial, r.replicate) == key)
        for key in {(r.trial, r.replicate) for r in reports}
    }
