"""Files larger than memory are mapped, writes stay private, and arrays are what they were."""

import numpy as np
import psutil
import pytest

from hpo.data.prepared import mapped
from trainables.data.file_map import FileMap


@pytest.fixture
def huge(tmp_path):
    """A sparse file of an array that is larger than memory and swap."""
    memory = psutil.virtual_memory().total + psutil.swap_memory().total
    rows = 2 * memory // (1 << 20)
    array = np.lib.format.open_memmap(tmp_path / "huge.npy", "w+", np.float32, (rows, 1 << 18))
    array[-1, -1] = 7
    array.flush()
    return tmp_path / "huge.npy"


def test_a_file_larger_than_memory_is_mapped_where_it_is(huge):
    whole = np.load(huge, mmap_mode="r")
    found = FileMap.of(whole[1:])
    assert found is not None
    array = found.open()
    assert array.shape == (len(whole) - 1, 1 << 18)
    assert array[-1, -1] == 7
    array[0, 0] = 3
    assert array[0, 0] == 3
    assert whole[1, 0] == 0


def test_a_copy_in_a_home_larger_than_memory_is_mapped(huge):
    array = mapped(huge)
    assert array[-1, -1] == 7
    array[0, 0] = 3
    assert np.load(huge, mmap_mode="r")[0, 0] == 0


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.int16).reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array([(1, b"a"), (2, b"b")], [("x", "i4"), ("y", "S3")]),
        np.zeros((0, 4)),
        np.float32(5),
    ],
)
def test_arrays_are_what_they_were(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    back = mapped(tmp_path / "a.npy")
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert np.array_equal(back, array)
