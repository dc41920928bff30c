"""Shares of workers: laws that hold for any claims, and the cases that users can expect."""

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.core.sharing import Claim, shares


@st.composite
def claims(draw, room=None):
    """Some searches; by default each of them fits another number of times."""
    number = draw(st.integers(1, 6))
    rooms = st.integers(1, 24) if room is None else st.just(draw(room))
    priority, weight = st.integers(-1, 1), st.integers(1, 5)
    return [
        Claim(search, draw(st.integers(1, 30)), draw(rooms), draw(priority), draw(weight))
        for search in draw(st.permutations(range(1, number + 1)))
    ]


ALIKE = claims(room=st.integers(1, 24))


def used(some, held):
    return sum(Fraction(held[claim.search], claim.room) for claim in some)


@given(claims(), st.randoms())
def test_each_holds_one_at_least_and_no_more_than_it_can_use_and_the_order_does_not_matter(some, chance):
    held = shares(some)
    assert set(held) == {claim.search for claim in some}
    assert all(1 <= held[claim.search] <= claim.demand for claim in some)
    shuffled = list(some)
    chance.shuffle(shuffled)
    assert shares(shuffled) == held


@given(claims())
def test_nothing_is_given_twice_and_nothing_is_left_that_somebody_could_use(some):
    held = shares(some)
    left = 1 - used(some, held)
    assert left >= 0 or all(count == 1 for count in held.values())
    assert not any(held[c.search] < c.demand and Fraction(1, c.room) <= left for c in some)


@given(ALIKE)
def test_among_equals_nobody_has_more_for_its_weight_than_one_who_lacks_workers_would_have(some):
    held = shares(some)
    for poor in some:
        for rich in some:
            if held[poor.search] < poor.demand and poor.priority == rich.priority and held[rich.search] > 1:
                before = Fraction(held[rich.search] - 1, rich.weight)
                assert before <= Fraction(held[poor.search], poor.weight)


@given(ALIKE)
def test_a_lower_priority_holds_one_worker_while_a_higher_one_lacks_some(some):
    held = shares(some)
    lacking = [claim.priority for claim in some if held[claim.search] < claim.demand]
    assert all(held[c.search] == 1 for c in some if lacking and c.priority < max(lacking))


@given(ALIKE, st.integers(0, 5))
def test_more_weight_or_priority_never_takes_workers_away(some, which):
    first = some[which % len(some)]
    others = [claim for claim in some if claim is not first]
    heavier = Claim(first.search, first.demand, first.room, first.priority, first.weight + 1)
    higher = Claim(first.search, first.demand, first.room, first.priority + 1, first.weight)
    before = shares(some)[first.search]
    assert shares([*others, heavier])[first.search] >= before
    assert shares([*others, higher])[first.search] >= before


@given(st.integers(1, 40), st.integers(1, 40))
def test_alone_a_search_holds_what_it_can_use(demand, room):
    assert shares([Claim(1, demand, room)]) == {1: min(demand, max(1, room))}


def held(*some, slots=4):
    """Shares of searches, each given as (demand, priority, weight)."""
    return list(shares(Claim(n, one[0], slots, *one[1:]) for n, one in enumerate(some)).values())


def test_what_users_can_expect():
    assert held((4,), (4,)) == [2, 2]
    assert held((4, 0), (4, 1)) == [1, 3]
    assert held((4,), (1,)) == [3, 1]
    assert held((8, 0, 3), (8, 0, 1), slots=8) == [6, 2]
    assert held((10,), (30,), slots=8) == [4, 4]
    assert held((2,), (9,), (9,), slots=9) == [2, 4, 3]
    assert held(*[(4,)] * 6) == [1] * 6


def test_trainings_of_different_needs_are_compared_by_their_share_of_the_whole():
    small, large = Claim(1, 99, room=8), Claim(2, 99, room=2)
    assert shares([small, large]) == {1: 4, 2: 1}
    assert shares([small, Claim(2, 99, room=4)]) == {1: 4, 2: 2}


def test_many_searches_are_shared_in_a_moment():
    chance = random.Random(0)
    some = [Claim(n, 100, 100, chance.randrange(3), chance.randrange(1, 9)) for n in range(60)]
    assert sum(shares(some).values()) == 100


@pytest.mark.parametrize("numbers", [(0, 1), (1, 0), (1, 1, 0, 0), (1, 1, 0, 1001)])
def test_numbers_that_make_no_sense_are_refused(numbers):
    with pytest.raises(ValueError, match="legal: demand and room from 1"):
        Claim(1, *numbers)
