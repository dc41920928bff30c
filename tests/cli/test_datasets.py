"""``hpo data`` describes the data, and of the test part only its size and fingerprint."""

import json

import pytest

from hpo.cli.data_report import column_row, image_rows, quantiles
from hpo.cli.datasets import fact_rows

DIGITS = 1797
"""Images of the data set."""
SPLIT = {"fingerprint": "f" * 64, "data": "d" * 64, "counts": {"train": 80, "validation": 20}, "test": None}
TABLE = {
    "kind": "table",
    "task": "regression",
    "shape": [3],
    "classes": {},
    "columns": ["a", "b", "c"],
    "practice": False,
    "split": SPLIT,
    "test_part": "",
    "warnings": ["two rows are alike"],
}


def test_a_table_without_a_test_part():
    assert list(fact_rows("csv", TABLE)) == [
        ("data", "csv: regression of tables, 3 columns"),
        ("3 columns", "a, b, c"),
        ("train", "80 examples"),
        ("validation", "20 examples"),
        ("test", "none"),
        ("fingerprint", "ffffffffffffffff (split), dddddddddddddddd (data)"),
        ("warning", "two rows are alike"),
    ]


def test_many_classes_are_counted():
    many = {**TABLE, "kind": "image", "shape": [32, 32, 3], "columns": []}
    many["classes"] = {str(number): 5 for number in range(100)}
    rows = dict(fact_rows("cifar100", many))
    assert rows["data"] == "cifar100: regression of images, 32 x 32 x 3"
    assert rows["100 classes"].endswith("29 (5), and 70 more in the development part")


def test_a_test_part_that_was_given_says_so():
    split = {**SPLIT, "test": {"n": 30, "fingerprint": "e" * 64}}
    rows = dict(fact_rows("csv", {**TABLE, "split": split, "test_part": "given"}))
    assert rows["test"] == "30 examples, sealed, given separately"


def test_a_column_and_its_reason():
    column = {"name": "zip", "taken_for": "number", "why": "all values are numbers", "missing": 1200}
    row = column_row({**column, "distinct": 5000, "notes": ["it is odd"]})
    assert row == ("zip", "number *", "1,200", "5,000", "all values are numbers")


def test_images_as_stored_and_as_given():
    images = {"n": 9, "sizes": {"8 x 6": 2, "6 x 8": 7}, "modes": {"RGB": 9}, "bits": 8, "turned": 2}
    rows = list(image_rows({**images, "given": [4, 4, 3], "conversions": ["2 images are scaled"]}))
    assert rows == [
        ("sizes", "6 x 8 (7), 8 x 6 (2)"),
        ("pixels", "RGB (9); 8 bits per channel are used"),
        ("orientation", "2 turned upright by their EXIF orientation"),
        ("given as", "4 x 4 x 3 (height, width, channels)"),
        ("converted", "2 images are scaled"),
    ]


def test_the_distribution_of_a_target():
    target = {"least": 0.0, "lower_quartile": 1.5, "median": 2.25, "upper_quartile": 3.0, "greatest": 4e6}
    words = "least 0, lower quartile 1.5, median 2.25, upper quartile 3, greatest 4,000,000; mean 2, spread 1"
    assert quantiles({**target, "mean": 2.0, "std": 1.0}) == words


def test_digits(hpo, tmp_path):
    ran = hpo("data", "digits", "--set", "data.validation=0.25", "--home", str(tmp_path), "--json")
    assert ran.returncode == 0, ran.stderr
    shown = json.loads(ran.stdout)
    counts, classes = shown["split"]["counts"], shown["classes"]
    assert list(classes) == [str(number) for number in range(10)]
    assert sum(counts.values()) == sum(classes.values()) == DIGITS - shown["split"]["test"]["n"]
    assert counts["train"] == pytest.approx(3 * counts["validation"], abs=10)
    assert set(shown["split"]["test"]) == {"n", "fingerprint"}
    stored = {"n": sum(counts.values()), "sizes": {"8 x 8": sum(counts.values())}, "given": [8, 8, 1]}
    assert shown["taken_for"].pop("images").items() >= stored.items()
    assert shown["taken_for"]["target"] == classes
    for varying in ("split", "classes", "taken_for"):
        del shown[varying]
    assert shown == {
        "kind": "image",
        "task": "classification",
        "shape": [8, 8, 1],
        "columns": [],
        "practice": True,
        "test_part": "rows",
        "warnings": [],
    }


def test_missing_data_is_an_error(hpo, tmp_path):
    spec = ("data", "fashion_mnist", "--set", "data.arguments.root=/nowhere", "--home", str(tmp_path))
    ran = hpo(*spec)
    assert ran.returncode == 2
    assert "/nowhere" in ran.stderr
    assert "Traceback" not in ran.stderr
