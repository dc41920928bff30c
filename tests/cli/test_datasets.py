"""``hpo data`` describes the data, and of the test part only its size and fingerprint."""

import json

from hpo.cli.datasets import fact_rows

SPLIT = {"fingerprint": "f" * 64, "data": "d" * 64, "counts": {"train": 80, "validation": 20}, "test": None}
TABLE = {
    "kind": "table",
    "task": "regression",
    "shape": [3],
    "classes": {},
    "columns": ["a", "b", "c"],
    "practice": False,
    "split": SPLIT,
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


def test_digits(hpo, tmp_path):
    ran = hpo("data", "digits", "--set", "data.validation=0.25", "--home", str(tmp_path), "--json")
    assert ran.returncode == 0, ran.stderr
    shown = json.loads(ran.stdout)
    counts = shown["split"]["counts"]
    assert sum(counts.values()) == sum(shown["classes"].values())
    assert counts["train"] > 2 * counts["validation"]
    assert set(shown["split"]["test"]) == {"n", "fingerprint"}
    assert shown["practice"]


def test_missing_data_is_an_error(hpo, tmp_path):
    spec = ("data", "fashion_mnist", "--set", "data.arguments.root=/nowhere", "--home", str(tmp_path))
    ran = hpo(*spec)
    assert ran.returncode == 2
    assert "/nowhere" in ran.stderr
    assert "Traceback" not in ran.stderr
