"""Map-style data sets as arrays, and back as the items that they were."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from hpo.core.errors import UserError
from hpo.core.trainable import Examples
from hpo.data.prepared import info_from_json, info_to_json
from trainables.data.content import SourcePaths
from trainables.data.iterated_items import IteratedItems
from trainables.data.map_style import is_map_style, read_items
from trainables.functions.datasets import Dataset


@pytest.fixture
def content(tmp_path):
    return lambda items, like=None: read_items(items, "data", SourcePaths(tmp_path, tmp_path), like)


def as_items(content, rows=None):
    info = info_from_json(info_to_json(content.info))
    rows = np.arange(len(content)) if rows is None else np.array(rows)
    return Dataset(Examples(content.inputs, content.targets, rows, info))


def test_pairs_of_a_tensor_and_a_label(content):
    items = [(torch.full((1, 2, 2), float(i)), i % 3) for i in range(6)]
    read = content(items)
    assert (read.inputs.dtype, read.inputs.shape, read.info.task) == (
        np.float32,
        (6, 1, 2, 2),
        "classification",
    )
    picture, label = as_items(read, [4, 5])[0]
    assert torch.equal(picture, items[4][0])
    assert (label, type(label)) == (1, int)


def test_bytes_stay_bytes(content):
    read = content([(np.full((4, 4), i, np.uint8), 0.5 * i) for i in range(5)])
    assert (read.inputs.dtype, read.info.task) == (np.uint8, "regression")
    assert as_items(read)[3][0].dtype == np.uint8


def test_dictionaries_with_several_inputs_and_several_labels(content):
    items = [
        {"image": torch.ones(2, 2) * i, "age": i + 0.5, "note": "é" * i, "label": torch.tensor([i, 1, 0])}
        for i in range(4)
    ]
    read = content(items)
    assert (read.info.task, read.info.target, read.targets.shape) == ("other", "label", (4, 3))
    item = as_items(read)[3]
    assert list(item) == ["image", "age", "note", "label"]
    assert (item["age"], item["note"]) == (3.5, "ééé")
    assert torch.equal(item["image"], items[3]["image"])
    assert torch.equal(item["label"], items[3]["label"])
    assert len(read.traits) == 4 + 1 + 1
    assert len(read.digests()) == 4


def test_labels_that_are_texts_get_the_classes_of_the_development_part(content):
    development = content([{"x": [1.0, 2.0], "y": word} for word in ("cat", "dog", "cat")])
    test = content([{"x": [1.0, 2.0], "y": "dog"}], development.info)
    assert development.info.classes == ("cat", "dog")
    assert test.targets.tolist() == [1]
    assert as_items(test)[0]["y"] == "dog"
    with pytest.raises(UserError, match="label 'cow' does not occur in the development part"):
        content([{"x": [1.0, 2.0], "y": "cow"}], development.info)


def test_a_pandas_table_is_its_rows(content):
    read = content(pd.DataFrame({"a": [1, 2, 3], "b": [0.5, 1.5, 2.5], "target": [0, 1, 0]}))
    assert as_items(read)[1] == {"a": 2, "b": 1.5, "target": 1}


class Drawn:
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return torch.rand(2), index


@pytest.mark.parametrize(
    ("items", "text"),
    [
        (Drawn(), "field 0 of item 0 differs between two readings.*augmentation"),
        ([], "has no items"),
        (
            [(np.zeros((2, 2)), 0), (np.zeros(2), 0)],
            r"field 0 of item 1 is float64 \(2,\), and of item 0 float64",
        ),
        ([(1, np.zeros(2)), (1, np.zeros(3))], "targets and images equal shapes, so pad or crop them"),
        (
            [(np.zeros((3, 8, 8), "u1"), 0), (np.zeros((3, 8, 9), "u1"), 1)],
            r"is uint8 \(3, 8, 9\), and of item 0 uint8 \(3, 8, 8\); .* so resize them in the data set",
        ),
        (
            [(Image.new("RGB", (8, 6)), 0), (Image.new("L", (8, 6)), 1)],
            r"is uint8 \(6, 8\), and of item 0 uint8 \(6, 8, 3\); .* so resize them in the data set",
        ),
        ([(np.zeros(2, "f4"), 0), (np.zeros(2), 0)], "items must have equal types"),
        ([{"a": 1, "b": 2}], "exactly one of them must be the target, named target, targets, label"),
        ([{"a": 1, "y": 2}, {"b": 1, "y": 2}], "item 1 has the fields b, y; item 0 has others"),
        ([np.zeros(2)], "an item is ndarray; legal: a tuple"),
        ([(object(), 1)], "field 0 is object, which cannot be stored"),
        ([("a", 1), (2, 1)], "field 0 of item 1 is int, not a text"),
    ],
)
def test_what_cannot_be_stored_is_refused_with_its_place(content, items, text):
    with pytest.raises(UserError, match=text):
        content(items)


SENTENCES = [
    {"ids": torch.arange(length), "marks": [0.5] * length, "text": "a" * length, "label": length % 2}
    for length in (3, 1, 4)
]


def test_inputs_of_different_shapes_come_back_in_their_own(content):
    read = content(SENTENCES)
    for row, item in enumerate(SENTENCES):
        given = as_items(read)[row]
        assert torch.equal(given["ids"], item["ids"])
        assert (given["marks"].tolist(), given["text"], given["label"]) == tuple(item.values())[1:]
    assert read.warnings[0].startswith("field ids has shapes from 1 to 4, so a DataLoader needs a collate_fn")
    assert len(read.traits) == 3 + 3 + 1
    alone = content([(np.ones((length, 2), "f4"), 0.5) for length in (2, 5)])
    assert as_items(alone)[0][0].shape == (2, 2)
    assert alone.info.shape == ()
    graphs = [{"nodes": np.ones((n, 3)), "edges": np.ones((2, 5 - n), "i8"), "y": n % 2} for n in (2, 4)]
    edges = [as_items(content(graphs))[row]["edges"] for row in range(2)]
    assert [found.shape for found in edges] == [(2, 3), (2, 1)]


def test_a_row_is_recognised_beside_longer_ones(content):
    development = content([(item["ids"], item["label"]) for item in SENTENCES])
    test = content([(torch.arange(1), 0), (torch.zeros(1, dtype=torch.int64), 1)], development.info)
    longer = content([(torch.arange(length), 0) for length in (1, 9)], development.info)
    assert test.info.fields == development.info.fields
    assert len(test.traits) == len(development.traits) == 3
    assert development.digests()[1].tolist() == test.digests()[0].tolist() == longer.digests()[0].tolist()
    assert len(np.unique(development.digests(), axis=0)) == 3
    padded = content([(torch.tensor([0, 0]), 0), (torch.tensor([0]), 0)])
    assert padded.digests()[0].tolist() != padded.digests()[1].tolist()


def test_the_development_part_decides_whether_shapes_differ(content):
    development = content([(torch.zeros(2), 0), (torch.ones(2), 1)])
    with pytest.raises(UserError, match="pad or crop them"):
        content([(torch.zeros(2), 0), (torch.ones(3), 1)], development.info)


def test_arrays_and_mappings_are_not_map_style():
    assert not any(map(is_map_style, [np.zeros(2), {}, (1, 2), "text", None]))
    assert is_map_style(torch.utils.data.TensorDataset(torch.zeros(2)))


def test_an_iterable_is_read_item_by_item(content):
    begun = []

    def items():
        begun.append(None)
        for i in range(5):
            yield {"x": np.full(3, i, np.uint8), "note": "a" * i, "y": i % 2}

    read = content(IteratedItems(items))
    assert (len(read), read.info.task) == (5, "classification")
    assert [as_items(read)[i]["note"] for i in range(5)] == ["", "a", "aa", "aaa", "aaaa"]
    assert len(begun) <= 6


def test_an_iterable_that_can_be_read_only_once_is_refused(content):
    once = iter([(np.zeros(2), 1)] * 3)
    with pytest.raises(UserError, match="must return it again"):
        content(IteratedItems(lambda: once))
