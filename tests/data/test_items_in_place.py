"""A large map-style data set stays where it is: its items are read when they are used, and never stored."""

import json
from pathlib import Path

import numpy as np
import pytest

from hpo.core.home import Home
from hpo.data import prepared, second_reading, source_reading
from hpo.data.examples import open_examples
from hpo.data.leaks import find_leaks
from hpo.data.sealed_part import open_test
from hpo.data.split import split
from trainables.data import map_style, row_sample
from trainables.functions.datasets import Dataset

CODE = """
import numpy as np

READ = []

class Scans:
    def __init__(self, rows):
        self.rows = rows
    def __len__(self):
        return len(self.rows)
    def __getitem__(self, index):
        row = self.rows[index]
        READ.append(row)
        scan = np.random.default_rng(row).integers(0, 256, (8, 8), dtype=np.uint8)
        return {"scan": scan, "note": f"scan {row}", "age": row / 2, "label": row % 2}

def scans(part, shift=0):
    return Scans(range(300) if part == "development" else range(300 - shift, 400))

def pairs(part):
    class Pairs(Scans):
        def __getitem__(self, index):
            item = super().__getitem__(index)
            return item["scan"], item["age"]
    return Pairs(range(300) if part == "development" else range(300, 400))
"""


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(map_style, "LEAST", 1000)
    monkeypatch.setattr(map_style, "anonymous_bytes", lambda: 0)
    (tmp_path / "scans_source.py").write_text(CODE)
    return tmp_path


def read(base: Path, function: str = "scans", **arguments: object) -> prepared.Prepared:
    home = Home(base / "home")
    data = prepared.read(source_reading.read_source(f"scans_source:{function}", arguments, home, base))
    assert data is not None
    return data


def test_items_come_back_as_the_data_set_gives_them(base):
    data = read(base)
    assert not (data.folder / prepared.INPUTS).exists()
    dataset = Dataset(open_examples(data.folder, np.array([5, 8])))
    item = dataset[1]
    assert (item["note"], item["age"], item["label"], item["scan"].shape) == ("scan 8", 4.0, 0, (8, 8))
    assert dataset.inputs["age"].tolist() == [2.5, 4.0]
    assert dataset.targets.tolist() == [1, 0]


def test_a_data_set_in_memory_is_stored_once_for_all_workers(base, monkeypatch):
    monkeypatch.setattr(map_style, "anonymous_bytes", lambda: 1 << 30)
    assert (read(base).folder / prepared.INPUTS).exists()


def test_opening_reads_no_item_and_a_batch_only_its_own(base):
    import scans_source

    data = read(base, "pairs")
    scans_source.READ.clear()
    examples = open_examples(data.folder, np.arange(300))
    assert (examples.inputs.shape, examples.inputs.dtype, len(examples.inputs)) == (
        (300, 8, 8),
        np.uint8,
        300,
    )
    assert scans_source.READ == []
    assert examples.inputs[[3, 7]].shape == (2, 8, 8)
    assert scans_source.READ == [3, 7]
    assert examples.inputs[-2:].shape == (2, 8, 8)
    assert data.info.task == "regression"


def test_equal_items_are_found_and_the_test_part_opens_as_it_was(base, monkeypatch):
    monkeypatch.setattr(row_sample, "MOST_ROWS", 50)
    data = read(base, shift=20)
    parts = split(data.targets(), validation=0.2, seed=0)
    leaks = find_leaks(data, parts, "scans_source:scans", {"shift": 20}, base)
    assert leaks.train_test + leaks.validation_test == 20
    json.dumps(leaks.to_json())
    examples = open_test("scans_source:scans", {"shift": 20}, base, data.test, data.cut_file)
    assert (len(examples), examples.inputs[0]["note"]) == (120, b"scan 280")
    second_reading.read_again("scans_source:scans", {"shift": 20}, base, data.folder)
    assert read(base, shift=20).fingerprint == data.fingerprint
