"""Large memory maps stay where they are: nothing is copied, checks still work, changes are refused."""

import dataclasses
import json
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from hpo.core.errors import Refused, UserError
from hpo.core.home import Home
from hpo.data import prepared, second_reading, source_reading
from hpo.data.cut import Cut
from hpo.data.examples import open_examples
from hpo.data.leaks import find_leaks
from hpo.data.recorded_cuts import CutsOnRecord
from hpo.data.sealed_part import open_test
from hpo.data.split import split
from hpo.data.validation_rows import share_in_common, sketch_of
from trainables.data import file_map, row_sample, user_sources
from trainables.data.content import SourcePaths
from trainables.data.digests import row_digests
from trainables.data.file_map import FileMap
from trainables.data.user_sources import UserSource

CODE = """
import numpy as np
from pathlib import Path

def parts(part, file, shift=0, test=True):
    inputs = np.load(file, mmap_mode="r")
    labels = np.arange(len(inputs)) % 2
    rows = slice(0, 300) if part == "development" else slice(300 - shift, None)
    return (inputs[rows], labels[rows]) if part == "development" or test else None

def every_other(part, file):
    inputs = np.load(file, mmap_mode="r")[int(part == "test") :: 2]
    return inputs, np.arange(len(inputs)) % 2
"""


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(file_map, "LEAST", 1000)
    (tmp_path / "mapped_source.py").write_text(CODE)
    pixels = np.random.default_rng(0).integers(0, 256, (400, 6, 6), dtype=np.uint8)
    np.save(tmp_path / "pixels.npy", pixels)
    np.save(tmp_path / "table.npy", np.random.default_rng(0).normal(size=(400, 5)).astype(np.float32))
    return tmp_path


def read(base: Path, function: str = "parts", file: str = "pixels.npy", **more: object) -> prepared.Prepared:
    arguments = {"file": str(base / file), **more}
    home = Home(base / "home")
    data = prepared.read(source_reading.read_source(f"mapped_source:{function}", arguments, home, base))
    assert data is not None
    return data


def test_inputs_stay_in_their_file_and_workers_map_them(base):
    data = read(base)
    assert not (data.folder / prepared.INPUTS).exists()
    examples = open_examples(data.folder, np.arange(10))
    assert np.array_equal(examples.inputs[7], np.load(base / "pixels.npy")[7])
    assert (data.n, data.test.n, data.info.kind) == (300, 100, "array")
    assert "stay where they are" in data.warnings[0]
    examples.inputs[0] = 0
    assert np.load(base / "pixels.npy")[0].any()  # writes stay private


def test_slices_with_a_step_are_found_in_their_file(base):
    data = read(base, "every_other")
    assert np.array_equal(data.inputs(), np.load(base / "pixels.npy")[::2])


def test_a_small_map_and_one_that_may_differ_from_its_file_are_copied(base, monkeypatch):
    assert FileMap.of(np.load(base / "pixels.npy", mmap_mode="c")) is None
    monkeypatch.setattr(file_map, "LEAST", 1 << 30)
    data = read(base)
    assert (data.folder / prepared.INPUTS).exists()
    assert not data.warnings


def test_a_search_on_record_reads_its_data_as_it_did_at_first(base):
    paths = SourcePaths(base, base, reader=5)
    arguments = {"file": str(base / "pixels.npy")}
    assert not UserSource.of("mapped_source:parts", arguments, paths).development().in_place
    newest = SourcePaths(base, base)
    again = UserSource.of("mapped_source:parts", arguments, newest).development()
    before = UserSource.of("mapped_source:parts", arguments, paths).development()
    assert np.array_equal(again.digests(), before.digests())


def test_a_file_that_changed_is_refused_until_it_is_read_again(base):
    data = read(base)
    file = base / "pixels.npy"
    pixels = np.load(file)
    pixels[5] = 0
    np.save(file, pixels)
    os.utime(file, ns=(1, 1))
    with pytest.raises(UserError, match="has changed since it was read"):
        open_examples(data.folder, np.arange(3))
    assert read(base).fingerprint != data.fingerprint


def test_the_same_rows_in_another_file_are_the_same_data(base):
    data = read(base)
    (base / "pixels.npy").rename(base / "moved.npy")
    moved = read(base, file="moved.npy")
    assert moved.fingerprint == data.fingerprint
    assert open_examples(moved.folder, np.arange(3)).inputs.shape == (300, 6, 6)


@pytest.mark.parametrize("file", ["pixels.npy", "table.npy"])
def test_equal_rows_are_found_in_all_rows_though_values_are_checked_in_a_sample(base, monkeypatch, file):
    monkeypatch.setattr(row_sample, "MOST_ROWS", 60)
    data = read(base, file=file, shift=30)
    parts = split(data.targets(), validation=0.2, seed=0)
    arguments = {"file": str(base / file), "shift": 30}
    leaks = find_leaks(data, parts, "mapped_source:parts", arguments, base)
    assert leaks.train_test + leaks.validation_test == 30
    assert leaks.stops
    assert data.sample.n == len(np.load(data.folder / prepared.SAMPLE / prepared.ROWS)) <= 60
    json.dumps(leaks.to_json())


def test_beyond_a_stated_number_of_rows_a_sample_is_compared_and_the_warning_says_so(base, monkeypatch):
    monkeypatch.setattr(row_sample, "MOST_DIGESTED", 100)
    data = read(base, shift=200)
    assert "in 100 of 300 rows" in data.warnings[0]
    digests, rows = data.digests()
    assert len(digests) == len(rows) <= 100
    parts = split(data.targets(), validation=0.2, seed=0)
    arguments = {"file": str(base / "pixels.npy"), "shift": 200}
    leaks = find_leaks(data, parts, "mapped_source:parts", arguments, base)
    assert 0 < leaks.train_test + leaks.validation_test <= 100
    examples = open_test("mapped_source:parts", arguments, base, data.test, data.cut_file)
    assert len(examples) == 300
    sketch = sketch_of(data, parts.validation, b"k" * 32)
    assert share_in_common(sketch, sketch) == 1


def test_beyond_a_stated_size_rows_of_that_size_are_digested_and_the_warning_says_so(base, monkeypatch):
    small = read(base)
    monkeypatch.setattr(row_sample, "MOST_DIGESTED_BYTES", 150 * 36)
    data = read(base, shift=200)
    assert "in 150 of 300 rows (5.4 kB)" in data.warnings[0]
    assert "a change of other rows is not noticed" in data.warnings[0]
    digests, rows = data.digests()
    assert len(digests) == len(rows) == 150
    monkeypatch.setattr(row_sample, "MOST_DIGESTED_BYTES", 300 * 36)
    assert read(base).fingerprint == small.fingerprint  # what is not larger keeps its identity


def test_a_small_test_part_of_large_data_is_digested_whole_and_its_copies_are_found(base, monkeypatch):
    monkeypatch.setattr(row_sample, "MOST_DIGESTED_BYTES", 150 * 36)
    data = read(base, shift=20)
    assert len(prepared.mapped(data.test.digests)) == data.test.n == 120
    digested = data.digests()[1]
    copies = prepared.mapped(data.test.copies)
    assert copies.tolist() == [row for row in range(280, 300) if row in digested]
    assert len(copies)


@pytest.mark.parametrize("test", [True, False])
def test_large_data_of_an_earlier_version_is_read_as_it_was_then(base, monkeypatch, test):
    arguments = {"file": str(base / "pixels.npy"), "test": test}
    monkeypatch.setattr(row_sample, "BY_BYTES", 99)  # as the reader of that version did
    earlier = read(base, test=test)
    monkeypatch.undo()
    monkeypatch.setattr(file_map, "LEAST", 1000)
    monkeypatch.setattr(row_sample, "MOST_DIGESTED_BYTES", 36)
    (earlier.folder / prepared.READ_BY).unlink()
    if test:
        cut = Cut.read(earlier.cut_file)
        earlier.cut_file.write_bytes(dataclasses.replace(cut, reader=8).to_bytes())
    second_reading.read_again("mapped_source:parts", arguments, base, earlier.folder)
    recorded = CutsOnRecord(recorded=earlier.fingerprint)
    home = Home(base / "home")
    again = source_reading.read_source("mapped_source:parts", arguments, home, base, cuts=recorded)
    assert again == earlier.folder
    if test:
        assert len(open_test("mapped_source:parts", arguments, base, earlier.test, earlier.cut_file)) == 100
    assert read(base, test=test).fingerprint != earlier.fingerprint


def test_the_development_part_is_not_digested_to_open_the_test_part(base, monkeypatch):
    data = read(base)
    digested = []

    def noted(rows, *more):
        digested.append(len(rows))
        return row_digests(rows, *more)

    monkeypatch.setattr(user_sources, "row_digests", noted)
    arguments = {"file": str(base / "pixels.npy")}
    open_test("mapped_source:parts", arguments, base, data.test, data.cut_file)
    assert digested == [100]


@pytest.mark.parametrize("test", [True, False])
def test_the_source_is_read_again_and_the_test_part_opened_as_it_was(base, test):
    data = read(base, test=test)
    arguments = {"file": str(base / "pixels.npy"), "test": test}
    second_reading.read_again("mapped_source:parts", arguments, base, data.folder)
    assert (data.folder / prepared.REPEATED).exists()
    if test:
        examples = open_test("mapped_source:parts", arguments, base, data.test, data.cut_file)
        assert np.array_equal(examples.inputs, np.load(base / "pixels.npy")[300:])
        pixels = np.load(base / "pixels.npy")
        pixels[350] = 1
        np.save(base / "pixels.npy", pixels)
        with pytest.raises(Refused, match="changed since it was sealed"):
            open_test("mapped_source:parts", arguments, base, data.test, data.cut_file)


def read_and_checked(base: Path, file: str) -> bool:
    data = read(base, "every_other", file)
    parts = split(data.targets(), validation=0.2, seed=0)
    arguments = {"file": str(base / file)}
    leaks = find_leaks(data, parts, "mapped_source:every_other", arguments, base)
    second_reading.read_again("mapped_source:every_other", arguments, base, data.folder)
    return leaks.stops


def test_reading_and_checking_a_large_map_takes_little_memory(base, monkeypatch):
    """NumPy reports its own memory to tracemalloc, and not the pages of a file that it maps."""
    monkeypatch.setattr(row_sample, "MOST_BYTES", 1 << 20)
    read_and_checked(base, "pixels.npy")  # whatever is imported then
    rows = 600
    large = np.lib.format.open_memmap(base / "large.npy", "w+", np.uint8, (rows, 256, 256))
    large[:, 0, :8] = np.random.default_rng(0).integers(0, 256, (rows, 8))  # the rest is a hole in the file
    large.flush()
    tracemalloc.start()
    try:
        assert not read_and_checked(base, "large.npy")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert large.nbytes > 37 << 20
    assert peak < 24 << 20
