"""How a batch is shared among processes."""

import itertools

import pytest

from hpo.core.distributed import Distributed
from hpo.core.errors import UserError
from trainables.data_parallel import OneProcess, SeveralProcesses, processes_of


def parts(count, world):
    places = [Distributed.on_one_node(rank, world, "cpu") for rank in range(world)]
    return [list(range(count))[SeveralProcesses(place).part(count)] for place in places]


@pytest.mark.parametrize("world", [2, 3, 4, 7])
def test_every_row_of_a_batch_is_in_one_part_and_no_part_has_a_single_row(world):
    for count in range(1, 60):
        shared = parts(count, world)
        assert list(itertools.chain(*shared)) == list(range(count))
        assert count == 1 or all(len(part) != 1 for part in shared)


def test_parts_of_a_whole_batch_are_equal():
    assert parts(8, 4) == [[0, 1], [2, 3], [4, 5], [6, 7]]


def test_a_batch_that_cannot_be_shared_equally_is_refused():
    place = Distributed.on_one_node(0, 4, "cuda")
    assert place.device == "cuda:0"
    with pytest.raises(UserError, match="30 rows cannot be shared equally by 4 processes"):
        processes_of(place, 30)
    assert isinstance(processes_of(None, 30), OneProcess)
    assert isinstance(processes_of(place, 32), SeveralProcesses)
