"""An attempt that ends before a test row is read is not an opening, in the register or in the home."""

import pytest

from hpo.core.errors import HpoError, Refused, UserError
from hpo.core.outcome import outcome_of
from hpo.core.unread_claims import CLAIMED_BEFORE, UNREAD
from hpo.ledger.searches import read_history
from hpo.use_cases.auditing.opened import compare_register
from hpo.use_cases.dataset.split_dataset import split_dataset_of
from hpo.use_cases.model import register_policy, scoring
from hpo.use_cases.model.evaluation import score_winner
from hpo.use_cases.model.home_openings import openings_in_home
from hpo.use_cases.resume import resume_search
from tests.use_cases.model.test_register_policy import searched, spec_of, table  # noqa: F401


def refused_for_changed_rows(home):
    test = home.root.parent / "test.csv"
    kept = test.read_text()
    table(test, 5, 80)
    with pytest.raises(Refused, match="changed since it was sealed"):
        score_winner(home, "one")
    test.write_text(kept)


def counted(home):
    """The openings of the same test part that the home itself knows of, whatever the register says."""
    spec = spec_of(home)
    prepared = split_dataset_of(spec.data, spec.base, home).prepared
    return openings_in_home(home, prepared, None)


@pytest.mark.slow
def test_changed_data_is_not_an_opening_in_the_home(searched):  # noqa: F811
    home, ledger = searched("one")
    refused_for_changed_rows(home)
    history = read_history(ledger)
    assert history.claim is not None
    assert history.warnings[-1].startswith(f"{UNREAD}: data: the test part of csv changed")
    assert counted(home) == []
    assert not outcome_of("one", history).claimed
    compared = compare_register(ledger, [], str(home.root))
    assert (compared.notes, compared.findings) == ((UNREAD,), ())
    with pytest.raises(Refused, match="although it has not been opened"):
        resume_search("one", home=home, more_trials=1)
    score_winner(home, "one")
    history = read_history(ledger)
    assert history.score.look == 1
    assert history.warnings[-1] == CLAIMED_BEFORE
    (opening,) = register_policy.all_openings()
    assert opening.state == "completed"
    assert [known.look for known in counted(home)] == [1]


def test_a_source_that_cannot_be_read_is_not_an_opening(searched, monkeypatch):  # noqa: F811
    def gone(*arguments):
        raise UserError("data: test.csv does not exist")

    home, _ = searched("one")
    with monkeypatch.context() as patch:
        patch.setattr(scoring, "open_test", gone)
        with pytest.raises(HpoError, match="does not exist; `hpo test` scores the same model"):
            score_winner(home, "one")
    assert [opening.state for opening in register_policy.all_openings()] == ["withdrawn"]
    assert counted(home) == []


def test_an_interrupted_attempt_counts_although_a_later_one_was_refused(searched, monkeypatch):  # noqa: F811
    whole = scoring.open_test

    def dies(*arguments):
        whole(*arguments)
        raise KeyboardInterrupt

    home, _ = searched("one")
    with monkeypatch.context() as patch:
        patch.setattr(scoring, "open_test", dies)
        with pytest.raises(KeyboardInterrupt):
            score_winner(home, "one")
    refused_for_changed_rows(home)
    assert [opening.state for opening in register_policy.all_openings()] == ["opening"]
    assert len(counted(home)) == 1


@pytest.mark.slow
def test_an_attempt_that_is_interrupted_after_a_refused_one_counts(searched, monkeypatch):  # noqa: F811
    home, _ = searched("one")
    refused_for_changed_rows(home)
    with monkeypatch.context() as patch:
        patch.setattr(scoring, "assess", lambda *arguments: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            score_winner(home, "one")
    refused_for_changed_rows(home)
    assert len(counted(home)) == 1
