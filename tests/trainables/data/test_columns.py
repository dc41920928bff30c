"""Digests of rows are made of canonical texts, so these are the same however fast they are computed."""

import math

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.data.columns import canonical, known, mask_without_pandas, numbers

NUMBERS = st.from_regex(r"-?[0-9]{1,15}(\.[0-9]{1,20})?([eE][-+]?[0-9]{1,2})?", fullmatch=True)
ODD = st.sampled_from([" 1", "+1", "1_000", ".5", "5.", "nan", "inf", "1e999", "", "abc", "0x10", "-0", None])


def expected(text):
    try:
        number = float(text.strip())
    except ValueError:
        return text.strip()
    return "" if math.isnan(number) else repr(number + 0.0)


@given(st.lists(NUMBERS, max_size=20), st.lists(ODD, max_size=2))
def test_texts_are_canonical_by_the_number_that_python_reads(numbers, odd):
    texts = [*numbers, *odd]
    found = canonical(pa.array(texts, pa.string()))
    assert found == ["" if text is None else expected(text) for text in texts]


@pytest.mark.parametrize("kind", ["float64", "float32", "int64", "uint64", "int8"])
def test_numbers_are_canonical_by_their_value(kind):
    random = np.random.default_rng(0)
    info = np.iinfo(kind) if kind.startswith(("int", "uint")) else None
    values = (
        random.normal(size=500).astype(kind) if info is None else np.array([info.min, 0, 1, info.max], kind)
    )
    found = canonical(pa.array([*values.tolist(), None], pa.from_numpy_dtype(np.dtype(kind))))
    assert found == [*(repr(float(value) + 0.0) for value in values.tolist()), ""]


def test_zeros_and_missing_numbers_have_one_form():
    assert canonical(pa.array([0.0, -0.0, np.nan, None, np.inf])) == ["0.0", "0.0", "", "", "inf"]


@pytest.mark.parametrize(
    "column",
    [
        *(pa.array([1, None, 3]), pa.array([2**63 - 1, 5]), pa.array([2**64 - 1], pa.uint64())),
        *(pa.array([1.5, math.nan, None])[1:], pa.array([1, 2, None, 4], pa.int8())[1:3]),
        *(pa.array([None, True, False, True])[2:], pa.array([1.5], pa.float16()), pa.array([], pa.int32())),
        *(pa.nulls(3, pa.int64()), pa.nulls(2)),
    ],
)
def test_numbers_are_those_that_arrow_gives(column):
    np.testing.assert_array_equal(numbers(column), pc.cast(column, pa.float64(), safe=False).to_numpy(False))
    np.testing.assert_array_equal(known(column), column.is_valid().to_numpy(False))


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 1001])
def test_masks_are_those_that_arrow_makes(n):
    mask = np.random.default_rng(n).random(n) < 0.5
    assert mask_without_pandas(mask).equals(pa.array(mask))
