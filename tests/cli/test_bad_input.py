"""Data that cannot be trained on is reported before training, without a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SPEC = {
    "version": 1,
    "trainable": "image_classifier",
    "space": {"learning_rate": {"loguniform": [0.001, 0.1]}},
    "scheduler": {"name": "asha", "max_epochs": 3},
    "budget": {"trials": 3},
    "finalists": {"count": 1, "seeds": 2},
}


def spec(folder: Path, source: str, trainable: str = "image_classifier", **arguments: object) -> str:
    file = folder / "spec.yaml"
    data = {"source": source, "arguments": arguments}
    file.write_text(json.dumps({**SPEC, "data": data, "trainable": trainable}))
    return str(file)


def pictures(folder: Path, **counts: int) -> Path:
    random = np.random.default_rng(0)
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = random.integers(0, 256, (12, 12, 3), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


def table(folder: Path, *odd: str, target: str = "{}") -> str:
    lines = [f"{number / 7:.3f},{'uvw'[number % 3]},{target.format(number % 2)}" for number in range(60)]
    (folder / "table.csv").write_text("\n".join(["a,b,y", *lines, *odd, ""]))
    return "table.csv"


def broken_file(folder: Path) -> str:
    images = pictures(folder / "images", cat=8, dog=8)
    (images / "cat" / "3.png").write_bytes(b"no image")
    return spec(folder, "image_folder", root="images")


def class_of_one(folder: Path) -> str:
    pictures(folder / "images", cat=8, dog=1)
    return spec(folder, "image_folder", root="images")


def different_sizes(folder: Path) -> str:
    images = pictures(folder / "images", cat=8, dog=8)
    Image.new("RGB", (20, 10)).save(images / "dog" / "3.png")
    return spec(folder, "image_folder", root="images")


def text_for_a_number(folder: Path) -> str:
    file = table(folder, "1.0,u,oops", target="0.5{}")
    return spec(folder, "csv", "tabular", file=file, target="y", task="regression")


def a_text_for_each_row(folder: Path) -> str:
    lines = "".join(f"{number},name {number}\n" for number in range(60))
    (folder / "table.csv").write_text(f"a,y\n{lines}")
    return spec(folder, "csv", "tabular", file="table.csv", target="y")


def one_class(folder: Path) -> str:
    return spec(folder, "csv", "tabular", file=table(folder, target="same"), target="y")


def label_outside(folder: Path) -> str:
    (folder / "labels.py").write_text(
        "import numpy as np\n"
        "def given(part):\n"
        "    labels = np.arange(30) % 3\n"
        "    labels[5] = 7\n"
        "    inputs = np.random.default_rng(len(part)).random((30, 4))\n"
        "    return {'inputs': inputs, 'targets': labels, 'classes': ['a', 'b', 'c']}\n"
    )
    return spec(folder, "labels:given", "tabular")


def classes_for_values(folder: Path) -> str:
    return spec(folder, "diabetes", "tabular")


def a_table_for_images(folder: Path) -> str:
    return spec(folder, "iris")


BAD = {
    broken_file: "3.png",
    class_of_one: "class 'dog' has 1 example",
    different_sizes: "3.png is 20 x 10",
    text_for_a_number: "the target y must be numeric for regression; see row 61",
    a_text_for_each_row: "the target y has 48 different values in 48 rows, too many for classes",
    one_class: "the target y is 'same' in every row",
    label_outside: "label 7 of row 5 is outside 0 to 2",
    classes_for_values: "objective.metric: accuracy is not a metric of regression",
    a_table_for_images: "trainable: image_classifier takes images",
}


@pytest.mark.parametrize(("make", "message"), BAD.items(), ids=[make.__name__ for make in BAD])
def test_bad_input_is_reported_and_nothing_is_started(hpo, tmp_path, make, message):
    ran = hpo("submit", make(tmp_path), "--home", str(tmp_path / "home"), cwd=tmp_path)
    assert ran.returncode == 2, ran.stdout + ran.stderr
    assert message in ran.stderr
    assert "Traceback" not in ran.stderr
    assert hpo("list", "--home", str(tmp_path / "home"), "--json").stdout.strip() == "[]"


def test_a_missing_gpu_is_reported(hpo, tmp_path):
    needs = ("--set", "resources={gpus: 99, processes: 1}")
    ran = hpo("submit", spec(tmp_path, "digits"), *needs, "--home", str(tmp_path))
    assert ran.returncode == 2
    assert "resources.gpus: a trial needs 99, this machine has" in ran.stderr


def test_an_unseen_category_is_counted(hpo, tmp_path):
    (tmp_path / "test.csv").write_text("a,b,y\n" + "".join(f"{n}.5,zzz,{n % 2}\n" for n in range(40)))
    spec_file = spec(tmp_path, "csv", "tabular", file=table(tmp_path), target="y", test_file="test.csv")
    ran = hpo("check", spec_file, "--data", "--home", str(tmp_path / "home"))
    assert ran.returncode == 0, ran.stderr
    assert "column b: 40 values are not categories of the development part and count as unknown" in ran.stdout
