"""Streams of tokens: cut in one piece, compared wherever a block begins, left in their file."""

from pathlib import Path

import numpy as np
import pytest

import hpo
from hpo.core.errors import UserError
from hpo.core.home import Home
from hpo.data import prepared, source_reading
from hpo.data.examples import open_examples
from hpo.data.leaks import find_leaks
from hpo.data.stream_copies import copied_blocks
from hpo.spec.data_fields import Data
from hpo.use_cases.dataset.split_dataset import split_prepared
from trainables.data import file_map
from trainables.functions.datasets import Dataset

CODE = """
import numpy as np
import hpo

def text(part, file, block=64):
    return hpo.Stream(np.load(file, mmap_mode="r"), block).part(part)
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "streamed.py").write_text(CODE)
    return tmp_path


def read(base: Path, tokens: np.ndarray) -> tuple[prepared.Prepared, dict[str, object]]:
    np.save(base / "tokens.npy", tokens)
    arguments = {"file": str(base / "tokens.npy")}
    folder = source_reading.read_source("streamed:text", arguments, Home(base / "home"), base)
    data = prepared.read(folder)
    assert data is not None
    return data, arguments


def random_tokens(length: int = 20_000) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 500, length).astype(np.uint16)


def test_every_part_is_one_piece_in_the_order_of_the_stream(base):
    tokens = random_tokens()
    data, _ = read(base, tokens)
    split = split_prepared(Data(source="streamed:text", validation=0.2), data, equal_apart=False).split
    train, validation = (
        Dataset(open_examples(data.folder, rows)) for rows in (split.train, split.validation)
    )
    joined = np.concatenate([train.tokens, validation.tokens])
    assert np.array_equal(joined, tokens[: len(joined)])
    block, following = train[3]
    assert (block.dtype, block.tolist()[1:]) == (np.uint16, following.tolist()[:-1])
    assert data.test.n == 31
    some = Dataset(open_examples(data.folder, np.array([0, 7])))  # as `hpo try` takes a share of the rows
    assert np.array_equal(some.tokens, np.concatenate([tokens[:64], tokens[7 * 64 : 8 * 64]]))


def test_blocks_of_characters_of_different_texts_are_not_equal_rows(base):
    letters = np.random.default_rng(1).integers(0, 4, 20_000).astype(np.uint16)
    data, arguments = read(base, letters)
    split = split_prepared(Data(source="streamed:text", validation=0.2), data, equal_apart=False).split
    leaks = find_leaks(data, split, "streamed:text", arguments, base)
    assert (leaks.train_test, leaks.train_validation, leaks.stops) == (0, 0, False)


@pytest.mark.parametrize("in_place", [False, True])
def test_text_that_is_also_in_the_test_part_is_found_wherever_it_begins(base, monkeypatch, in_place):
    if in_place:
        monkeypatch.setattr(file_map, "LEAST", 1000)
    tokens = random_tokens()
    tokens[18_500:19_140] = tokens[1017:1657]
    data, arguments = read(base, tokens)
    assert (data.folder / prepared.IN_PLACE).exists() == in_place
    split = split_prepared(Data(source="streamed:text", validation=0.2), data, equal_apart=False).split
    leaks = find_leaks(data, split, "streamed:text", arguments, base)
    assert 9 <= leaks.train_test <= 11
    assert leaks.stops


def test_of_very_long_streams_the_same_windows_are_chosen_on_both_sides(monkeypatch):
    monkeypatch.setattr("hpo.data.stream_copies.MOST_WINDOWS", 2000)
    ours = random_tokens().reshape(-1, 100)
    theirs = ours[50:100].copy()
    copied = copied_blocks(ours, theirs, np.arange(len(ours)), np.arange(len(theirs)))
    assert len(copied) > 45
    assert set(copied) <= set(range(50, 100))


@pytest.mark.parametrize(
    ("tokens", "block", "words"),
    [
        (np.zeros(100), 8, "whole numbers in one dimension"),
        (np.zeros(10, int), 8, "fewer than two blocks"),
        (np.zeros(100, int), 1, "at least 2 tokens"),
    ],
)
def test_what_is_not_a_stream_is_refused(tokens, block, words):
    with pytest.raises(UserError, match=words):
        hpo.Stream(tokens, block)
