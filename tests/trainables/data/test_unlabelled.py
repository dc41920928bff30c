"""Data without targets is read as the data that a model was trained on was read."""

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from hpo.core.errors import UserError
from hpo.core.trainable import DataInfo
from trainables.data.unlabelled import read_unlabelled

IMAGES = DataInfo("image", "classification", (8, 6, 1), ("cat", "dog"))
TABLE = DataInfo(
    "table", "regression", (3,), columns=("size", "colour", "age"), categories={"colour": ("blue", "red")}
)
CSV = "id,age,colour,size\n7,30,red,1.5\n8,,green,2\n9,32,,3\n"
ROWS = np.array([[1.5, 1, 30], [2, 2, np.nan], [3, np.nan, 32]], np.float32)


def picture(path, size=(6, 8), value=100):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, value).save(path)


def test_images_of_any_depth_are_named_by_their_paths(tmp_path):
    picture(tmp_path / "b" / "deep" / "two.png", value=200)
    picture(tmp_path / "a.png")
    (tmp_path / "notes.txt").write_text("no image")
    found = read_unlabelled(tmp_path, IMAGES, {})
    assert found.names == ("a.png", "b/deep/two.png")
    assert found.inputs.shape == (2, 8, 6, 1)
    assert [int(image.mean()) for image in found.inputs] == [100, 200]


def test_another_size_is_refused_unless_training_images_were_scaled_too(tmp_path):
    picture(tmp_path / "a.png", (12, 16))
    with pytest.raises(UserError, match="is 12 x 16; the model was trained on images of 6 x 8"):
        read_unlabelled(tmp_path, IMAGES, {})
    scaled = read_unlabelled(
        tmp_path, DataInfo("image", "classification", (8, 8, 1), ("a", "b")), {"size": 8}
    )
    assert scaled.inputs.shape == (1, 8, 8, 1)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_columns_are_matched_by_name_and_others_left_out(tmp_path, kind):
    path = tmp_path / f"rows.{kind}"
    if kind == "csv":
        path.write_text(CSV)
    else:
        columns = {"size": [1.5, 2.0, 3.0], "colour": ["red", "green", None], "age": [30.0, None, 32.0]}
        parquet.write_table(pa.table(columns), path)
    found = read_unlabelled(path, TABLE, {})
    np.testing.assert_array_equal(found.inputs, ROWS)
    assert found.names == ("0", "1", "2")
    assert found.warnings == ("column colour: 1 values are unknown categories",)


def test_missing_values_and_separators_are_those_of_training(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("size;colour;age\n1;red;?\n")
    found = read_unlabelled(path, TABLE, {"delimiter": ";", "missing": ["?"], "target": "price"})
    np.testing.assert_array_equal(found.inputs, np.array([[1, 1, np.nan]], np.float32))


def test_arrays_are_taken_as_they_are(tmp_path):
    images = np.arange(2 * 8 * 6, dtype=np.uint8).reshape(2, 8, 6)
    np.save(tmp_path / "x.npy", images)
    np.testing.assert_array_equal(read_unlabelled(tmp_path / "x.npy", IMAGES, {}).inputs[..., 0], images)
    np.save(tmp_path / "y.npy", ROWS.astype(np.float64))
    np.testing.assert_array_equal(read_unlabelled(tmp_path / "y.npy", TABLE, {}).inputs, ROWS)


@pytest.mark.parametrize("code", [3.0, -1.0, 0.5])
def test_an_unknown_category_code_is_refused(tmp_path, code):
    rows = ROWS.copy()
    rows[1, 1] = code
    np.save(tmp_path / "rows.npy", rows)
    with pytest.raises(UserError, match=rf"row 1 has {code:g} in the categorical column colour \(1 such"):
        read_unlabelled(tmp_path / "rows.npy", TABLE, {})


def array(path, values):
    np.save(path / "x.npy", values, allow_pickle=True)
    return path / "x.npy"


@pytest.mark.parametrize(
    ("make", "info", "words"),
    [
        (lambda p: p / "nowhere", TABLE, "nowhere does not exist"),
        (lambda p: p, IMAGES, "has no images; legal endings"),
        (lambda p: p, TABLE, r"legal: a \.csv or \.parquet table, or an \.npy array"),
        (lambda p: array(p, np.zeros((2, 4))), TABLE, r"shape \(2, 4\); legal: nx3"),
        (lambda p: array(p, np.zeros((0, 3))), TABLE, "with n at least 1"),
        (lambda p: array(p, np.zeros((2, 8, 6))), IMAGES, "must be uint8"),
        (lambda p: array(p, np.array([[1, np.inf, 0]])), TABLE, "row 0 has an infinite value"),
        (lambda p: array(p, np.array([{}, {}])), TABLE, "cannot be read as an array"),
        (lambda p: array(p, np.array([["a", "b", "c"]])), TABLE, "is not numeric"),
    ],
)
def test_unsuitable_files_are_refused(tmp_path, make, info, words):
    with pytest.raises(UserError, match=words):
        read_unlabelled(make(tmp_path), info, {})


def test_a_missing_column_and_a_text_among_numbers_are_named(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("size,colour\n1,red\n")
    with pytest.raises(UserError, match="has no column age; it has size, colour"):
        read_unlabelled(path, TABLE, {})
    path.write_text("size,colour,age\n1,red,old\n")
    with pytest.raises(UserError, match="column age must be numeric"):
        read_unlabelled(path, TABLE, {})


def test_a_broken_image_is_named(tmp_path):
    picture(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:40])
    with pytest.raises(UserError, match=r"1 files cannot be decoded: .*b\.png"):
        read_unlabelled(tmp_path, IMAGES, {})


def test_numbers_that_are_written_for_people_are_read_as_in_training(tmp_path):
    (tmp_path / "new.csv").write_text('age,size\n"$1,200","0,5"\n$7,"12,5"\n')
    info = DataInfo("table", "regression", (2,), (), ("age", "size"))
    found = read_unlabelled(tmp_path / "new.csv", info, {})
    assert found.inputs.tolist() == [[1200.0, 0.5], [7.0, 12.5]]


@pytest.mark.parametrize("names", [("a", "b"), ("b'a'", "b'b'")])
def test_bytes_are_read_as_in_training(tmp_path, names):
    parquet.write_table(pa.table({"v": [b"a", b"b"]}), tmp_path / "t.parquet")
    info = DataInfo("table", "classification", (1,), ("no", "yes"), ("v",), {"v": names})
    found = read_unlabelled(tmp_path / "t.parquet", info, {"target": "y"})
    assert found.inputs[:, 0].tolist() == [0, 1]
    assert not found.warnings
