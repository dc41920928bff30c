"""New items are read in the types and shapes, and with the digests, of the data that a model knows."""

import json

import numpy as np
import pytest

from hpo.core.errors import UserError
from hpo.core.trainable import DataInfo
from trainables.data.content import SourcePaths
from trainables.data.map_style import read_items
from trainables.data.unlabelled import read_unlabelled
from trainables.data.unlabelled_items import item_types

RANDOM = np.random.default_rng(0)
ITEMS = {
    "ragged": [
        {"input_ids": list(range(1, 2 + k % 4)), "mask": np.ones(1 + k % 4, np.int8), "labels": k % 2}
        for k in range(12)
    ],
    "several inputs": [
        {"image": RANDOM.integers(0, 256, (4, 4), np.uint8), "age": np.float32(k), "on": k > 3, "y": k / 2}
        for k in range(12)
    ],
    "texts": [{"text": "word " * (1 + k % 3), "note": f"\u00e9{k}", "label": "ab"[k % 2]} for k in range(12)],
    "one input": [{"x": RANDOM.normal(size=3).astype(np.float32), "label": k % 2} for k in range(12)],
}


def as_lines(items, path):
    path.write_text("".join(json.dumps(item, default=lambda value: value.tolist()) + "\n" for item in items))
    return path


@pytest.mark.parametrize("kind", ITEMS)
def test_they_are_what_the_data_set_would_have_given(kind, tmp_path):
    known = read_items(ITEMS[kind], "source", SourcePaths(tmp_path, tmp_path), None)
    file = as_lines(ITEMS[kind], tmp_path / "new.jsonl")
    types = item_types(known.inputs.dtype, known.info)
    rows = read_unlabelled(file, known.info, {}, types)
    assert rows.inputs.dtype == known.inputs.dtype
    assert rows.inputs.tobytes() == known.inputs.tobytes()
    assert (rows.digests == known.digests()).all()
    assert rows.labelled
    bare = [{name: of for name, of in item.items() if name != known.info.target} for item in ITEMS[kind]]
    assert not read_unlabelled(as_lines(bare, file), known.info, {}, types).labelled


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no items"),
        ("[1]", "line 1 is list; legal: an object with x, n"),
        ('{"x": [1, 2], "n": 1}\n{"x": [1, 2]}', "line 2 has no n; legal: an object with x, n"),
        ('{"x": [1, 2]', "line 1 is not JSON"),
        (
            '{"x": [[1], [1, 2]], "n": 1}',
            "line 1: field x is .*; legal: a list of numbers, or of equal",
        ),
        ('{"x": ["a"], "n": 1}', "line 1: field x is .*; legal: a list of numbers"),
        ('{"x": [1, 2], "n": "one"}', 'line 1: field n is "one"; legal: int'),
        ('{"x": [1, 2], "n": true}', "line 1: field n is true; legal: int"),
        ('{"x": [1, 2], "n": 1}\n{"x": [1], "n": 1}', "field x of item 1 is float32 .1,., and of item 0"),
    ],
)
def test_what_is_no_such_item_is_named_with_its_line(text, message, tmp_path):
    info = DataInfo("items", "regression", (), fields={"x": "tensor", "n": "int", "y": "float"}, target="y")
    file = tmp_path / "new.jsonl"
    file.write_text(text)
    with pytest.raises(UserError, match=message):
        read_unlabelled(file, info, {}, {"x": "<f4", "n": "<i8"})


def test_other_files_are_refused_with_what_a_line_has_to_hold(tmp_path):
    info = DataInfo("items", "regression", (), fields={"x": "tensor", "y": "float"}, target="y")
    (tmp_path / "new.csv").write_text("x\n1\n")
    with pytest.raises(
        UserError, match=r"legal: a \.jsonl file, each line an object with x, or an \.npy array"
    ):
        read_unlabelled(tmp_path / "new.csv", info, {})
