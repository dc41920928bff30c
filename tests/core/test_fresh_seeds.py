"""The numbering of trainings on fresh seeds, and what a seed counts by."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.core.events import Cause, End
from hpo.core.fresh_seeds import FreshSeeds, title_of
from hpo.core.training_state import RETRAINED, Training

FOLDS = st.one_of(st.none(), st.integers(2, 12))


def training(replicate, value, end=End.FINISHED, cause=None):
    return Training(3, replicate, {}, {}, 0, "finalist", value=value, end=end, cause=cause)


@given(folds=FOLDS, seed=st.integers(1, 50), data=st.data())
def test_a_number_gives_back_its_seed_and_fold(folds, seed, data):
    fresh = FreshSeeds(folds)
    fold = data.draw(st.integers(0, fresh.trainings_per_seed - 1))
    assert fresh.seed_and_fold(fresh.replicate(seed, fold)) == (seed, fold)


@given(folds=FOLDS, most=st.integers(1, 60))
def test_trainings_are_numbered_from_1_seed_by_seed(folds, most):
    fresh = FreshSeeds(folds)
    places = [fresh.seed_and_fold(replicate) for replicate in range(1, most + 1)]
    assert places == sorted(set(places))
    assert places[0] == (1, 0)


def test_a_seed_that_reported_good_epochs_and_then_failed_has_no_value():
    """The value of a training that failed is that of its best epoch."""
    failed = training(2, 0.99, End.FAILED, Cause.DIVERGED)
    values = FreshSeeds().by_seed([training(0, 0.5), training(1, 0.7), failed, training(3, 0.9, None)])
    assert list(values) == [1, 2]
    assert values[1] == 0.7
    assert math.isnan(values[2])


def test_one_failed_fold_leaves_its_seed_without_a_value_and_a_missing_one_out():
    runs = [training(1, 0.5), training(2, 0.75), training(3, 0.5), training(4, 0.9, End.INTERRUPTED)]
    values = FreshSeeds(2).by_seed([*reversed(runs), training(5, 0.5)])
    assert list(values) == [1, 2]
    assert values[1] == pytest.approx(0.625)
    assert math.isnan(values[2])


def test_trainings_have_the_titles_that_readers_see():
    assert title_of(training(0, 0.5), FreshSeeds()) == "trial 3"
    assert title_of(training(2, 0.5), FreshSeeds()) == "trial 3 seed 2"
    assert title_of(training(4, 0.5), FreshSeeds(3)) == "trial 3 seed 2 fold 1 of 3"
    again = Training(3, 3, {}, {}, 0, RETRAINED)
    assert title_of(again, FreshSeeds()) == "trial 3 on all rows"


def test_a_spec_on_record_without_the_fields_has_neither_folds_nor_repeats_to_change():
    assert FreshSeeds.of({}) == FreshSeeds.of({"finalists": None}) == FreshSeeds(None, True)
    assert FreshSeeds.of({"finalists": {"folds": 5, "repeated": False}}) == FreshSeeds(5, False)
