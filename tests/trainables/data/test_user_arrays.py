"""Arrays of a user's function keep their types, except in searches that were recorded before."""

import numpy as np
import pytest

from hpo.core.errors import UserError
from hpo.core.home import Home
from hpo.core.trainable import AS_FLOATS
from hpo.data.source_reading import read_source
from trainables.data.content import SourcePaths
from trainables.data.user_sources import UserSource

CODE = """
import numpy as np

def images(part):
    return np.arange(2 * 4 * 4, dtype=np.uint8).reshape(2, 4, 4), np.array([0, 1])

def table(part):
    return np.arange(6).reshape(2, 3), np.array([0, 1])

def torch_images(part):
    return np.zeros((2, 3, 16, 16), np.uint8), np.array([0, 1])

def torch_floats(part):
    return np.zeros((2, 3, 16, 16), np.float32), np.array([0, 1])

def encoded(part, classes):
    return {"inputs": np.zeros((4, 3)), "targets": np.array(classes), "groups": np.array(classes)}

def gaps(part, columns=()):
    inputs = np.random.default_rng(0).normal(size=(40, 9))
    for column in columns:
        inputs[:9, column] = -999
    return inputs, np.arange(40) % 2

def narrow(part):
    return {"inputs": np.zeros((2, 3, 16, 16), np.uint8), "targets": np.array([0, 1]), "kind": "image"}

def labelled(part, labels, classes=None):
    more = {} if classes is None else {"classes": classes}
    return {"inputs": np.zeros((len(labels), 3)), "targets": np.array(labels), **more}

def one_hot(part, width=2, dtype=float):
    random = np.random.default_rng(len(part))
    return random.normal(size=(40, 3)), np.eye(width, dtype=dtype)[random.integers(0, 2, 40)]

def floats(part, task=None):
    more = {} if task is None else {"task": task}
    return {"inputs": np.zeros((4, 3)), "targets": np.array([0.0, 1.0, 1.0, 0.0]), **more}

def masked(part):
    return np.ma.masked_array(np.zeros((4, 3)), np.eye(4)[:, :3]), np.array([0, 1, 1, 0])

def milliseconds(part, huge=1.0):
    inputs = np.random.default_rng(0).normal(size=(40, 3))
    inputs[:, 1] = 1.7e12 + 1000 * inputs[:, 1]
    inputs[:, 2] *= huge
    return inputs, np.arange(40) % 2

def constant(part):
    return np.zeros((4, 3)), np.zeros(4, int)

def ragged(part):
    return [[1, 2], [3]], np.array([0, 1])

def fields(part):
    return np.zeros(4, dtype=[("height", "f4"), ("weight", "f4")]), np.array([0, 1, 1, 0])

def upright(part):
    return np.zeros((4, 3)), np.array([[0], [1], [1], [0]])

def shuffled(part, seed):
    import pandas as pd
    table = pd.DataFrame(np.arange(12.0).reshape(4, 3))
    return table, pd.Series([0, 1, 1, 0]).sample(frac=1, random_state=seed)

def huge(part):
    return np.zeros((4, 3)), np.array([1e299, 2e299, -1e299, 0.5])

def leaving(part):
    raise SystemExit(3)

def worded(part, **words):
    return {"inputs": np.zeros((4, 3)), "targets": np.array([0, 1, 1, 0]), **words}

def masks(part):
    return np.zeros((3, 4, 4), np.uint8), np.ones((3, 4, 4), np.uint8)
"""


@pytest.fixture
def read(tmp_path, monkeypatch):
    (tmp_path / "own_arrays.py").write_text(CODE)
    paths = SourcePaths(tmp_path, tmp_path)
    return lambda name, **more: UserSource.of(f"own_arrays:{name}", more, paths).development()


def test_bytes_stay_bytes_and_their_rows_are_recognised_as_before(read):
    now, before = read("images"), read("images", **{AS_FLOATS: True})
    assert (now.inputs.dtype, before.inputs.dtype) == (np.uint8, np.float32)
    assert now.digests().tolist() == before.digests().tolist()


def test_a_table_is_float32(read):
    assert read("table").inputs.dtype == np.float32


def test_targets_of_any_shape_are_left_as_they_are(read):
    content = read("masks")
    assert (content.info.task, content.targets.shape, content.targets.dtype) == ("other", (3, 4, 4), np.uint8)


@pytest.mark.parametrize("arguments", [{}, {"dtype": "int64"}, {"dtype": "bool"}, {"width": 90}])
def test_several_targets_of_rows_of_a_table_are_read_with_both_parts(tmp_path, read, arguments):
    assert read("masks")
    found = read_source("own_arrays:one_hot", arguments, Home(tmp_path / "home"), tmp_path)
    assert found is not None


def test_columns_that_single_precision_rounds_away_are_named(read, recwarn):
    assert read("milliseconds").warnings == (
        "single precision rounds away differences in the columns 1; subtract an offset or divide by a scale "
        "before returning them",
    )
    with pytest.raises(UserError, match="column 2 is infinite in row 0"):
        read("milliseconds", huge=1e300)
    assert not recwarn.list


def test_targets_of_one_value_are_named(read):
    assert "the target is 0 in every row" in read("constant").warnings[0]


def test_a_function_that_leaves_the_process_is_named(read):
    with pytest.raises(UserError, match=r"leaving\('development'\) failed: SystemExit: 3"):
        read("leaving")


def test_a_masked_array_is_refused(read):
    with pytest.raises(UserError, match="inputs as a masked array, whose mask would be lost"):
        read("masked")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ragged", "returned inputs that are not an array"),
        ("fields", "with the fields height, weight; return"),
    ],
)
def test_rows_that_are_not_an_array_are_refused(read, name, words):
    with pytest.raises(UserError, match=words):
        read(name)


@pytest.mark.parametrize(
    ("word", "value", "legal"),
    [
        ("kind", "tabel", "image, table, array"),
        ("task", "regresion", "classification, regression, other"),
    ],
)
def test_a_kind_or_task_that_does_not_exist_is_refused(read, word, value, legal):
    with pytest.raises(UserError, match=f"own_arrays:worded returned {word} '{value}'; legal: {legal}$"):
        read("worded", **{word: value})


def test_targets_that_may_be_classes_are_named(read):
    assert any("return targets[:, 0]" in warning for warning in read("upright").warnings)
    assert any("return targets.argmax(axis=1)" in warning for warning in read("one_hot").warnings)


def test_huge_targets_are_refused_without_a_warning_of_numpy(tmp_path, read, recwarn):
    assert read("masks")
    with pytest.raises(UserError, match="target of row 0 is not a finite number"):
        read_source("own_arrays:huge", {}, Home(tmp_path / "home"), tmp_path)
    assert not recwarn.list


def test_an_index_in_another_order_is_named(read):
    words = "the same index in different orders"
    assert any(words in warning for warning in read("shuffled", seed=1).warnings)


def test_whole_numbers_stored_as_floats_are_named(read):
    assert "whole numbers stored as floats and are treated as regression" in read("floats").warnings[0]
    assert not read("floats", task="regression").warnings


def test_an_array_that_may_be_images_with_their_channels_first_is_named(read):
    (warning,) = read("torch_floats").warnings
    assert warning.startswith(
        "inputs of float32 with the shape [n, 3, 16, 16] seem to be images with their channels first"
    )


def test_numbers_that_may_stand_for_missing_values_are_named(read):
    assert not read("gaps").warnings
    (warning,) = read("gaps", columns=[2]).warnings
    assert warning.startswith("column 2: 9 values are -999, the others -")
    assert warning.endswith("if it stands for a missing value, return NaN")
    many = read("gaps", columns=list(range(9))).warnings
    assert len(many) == 5
    assert many[-1].endswith("return NaN; so do numbers in 4 more columns")


def test_bytes_are_the_text_that_they_encode(read):
    found = read("encoded", classes=["\u00e4".encode(), b"b", b"b", b"b"])
    assert found.info.classes == ("b", "\u00e4")
    assert found.groups.tolist() == ["\u00e4", "b", "b", "b"]
    assert found.warnings == ("the targets are bytes, which are read as the text that they encode",)
    with pytest.raises(UserError, match="targets of bytes that are not a text in UTF-8"):
        read("encoded", classes=[b"\xff", b"b", b"b", b"b"])


def test_images_with_their_channels_first_are_refused(read):
    with pytest.raises(UserError, match=r"shape \[2, 3, 16, 16\], which seem to have their channels first"):
        read("torch_images")
    assert read("narrow").info.shape == (3, 16, 16)


@pytest.mark.parametrize(
    ("labels", "words"),
    [([1, 2, 3], "labels 1, 2, 3, so that class 0"), ([0, 7, 2], "labels 0, 2, 7, so that class 1")],
)
def test_labels_that_skip_values_are_refused_unless_the_classes_are_named(read, labels, words):
    with pytest.raises(UserError, match=words):
        read("labelled", labels=labels)
    assert len(read("labelled", labels=labels, classes=list("abcdefgh")).info.classes) == 8
    assert read("labelled", labels=["x", "z"]).info.classes == ("x", "z")
