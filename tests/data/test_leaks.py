import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpo.core.home import Home
from hpo.core.trainable import DataInfo, Examples
from hpo.data.custodian import prepare
from hpo.data.leak_report import Leaks
from hpo.data.leaks import find_leaks
from hpo.data.revealing_columns import revealing_columns
from hpo.data.split import split

Scenes = Callable[[int], np.ndarray]

CODE = """
import numpy as np
def images(part, folder):
    both = np.load(folder + "/images.npz")
    return {"inputs": both[part], "targets": np.arange(len(both[part])) % 4}
def rows(part, folder):
    both = np.load(folder + "/rows.npz")
    return {"inputs": both[part], "targets": both[part + "_labels"], "groups": both[part + "_groups"]}
def plain(part, folder, test=True):
    random = np.random.default_rng(len(part))
    inputs = random.normal(size=(80, 4)).astype("float32")
    return (inputs, (inputs[:, 0] > 0).astype(int)) if test or part != "test" else None
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "own_parts.py").write_text(CODE)
    return tmp_path


def look(base: Path, source: str, **options: Any) -> Leaks:
    arguments = {"folder": str(base)}
    data = prepare(source, arguments, Home(base / "home"), base)
    parts = split(data.targets(), validation=0.25, seed=0)
    return find_leaks(data, parts, source, arguments, base, **options)


def test_planted_copies_of_images(base: Path, scenes: Scenes) -> None:
    pictures = scenes(480)
    development, test = pictures[:400], pictures[400:].copy()
    train = split(np.arange(400) % 4, validation=0.25, seed=0).train
    held = split(np.arange(400) % 4, validation=0.25, seed=0).validation
    test[:6] = development[train[:6]]
    test[6:8] = development[held[:2]]
    test[8:20] = np.clip(development[train[20:32], :, ::-1].astype(int) + 9, 0, 255).astype(np.uint8)
    development[held[10]] = development[train[40]]
    development[held[11]] = np.clip(development[train[41]].astype(int) - 9, 0, 255).astype(np.uint8)
    np.savez(base / "images.npz", development=development, test=test)
    found = look(base, "own_parts:images")
    assert (found.train_test, found.validation_test, found.train_validation) == (6, 2, 1)
    assert found.near_train_test == 18
    assert found.near_train_validation == 2
    assert found.stops
    assert found.findings()[0] == "6 training rows are also in the test part"
    json.dumps(found.to_json())
    quick = look(base, "own_parts:images", near=False)
    assert quick.near_train_test is None
    assert quick.train_test == 6


def test_rows_groups_and_contradictions(base: Path) -> None:
    random = np.random.default_rng(0)
    development = random.normal(size=(80, 3)).astype(np.float32)
    labels, groups = np.arange(80) % 2, np.arange(80) // 2
    development[41] = development[40]  # the same inputs, another label
    test, test_groups = random.normal(size=(40, 3)).astype(np.float32), np.arange(100, 140)
    test_groups[:3] = [0, 1, 2]
    np.savez(
        base / "rows.npz",
        development=development,
        development_labels=labels,
        development_groups=groups,
        test=test,
        test_labels=np.arange(40) % 2,
        test_groups=test_groups,
    )
    found = look(base, "own_parts:rows")
    assert found.contradicting == 2
    assert found.groups_test == 3
    assert found.groups_train_validation > 0
    assert (found.near_train_test, found.near_validation_test, found.near_train_validation) == (0, 0, 0)
    assert found.stops, "groups are shared with the test part"
    assert len(found.findings()) >= 3
    assert "groups in several parts" in found.sought
    assert any("the data names no times" in text for text in found.not_sought)


def saved_rows(base: Path, development: np.ndarray, test: np.ndarray) -> None:
    arrays = {"development": development.astype(np.float32), "test": test.astype(np.float32)}
    for part, rows in tuple(arrays.items()):
        arrays |= {f"{part}_labels": np.arange(len(rows)) % 2, f"{part}_groups": np.arange(len(rows))}
    arrays["test_groups"] = arrays["test_groups"] + len(development)
    np.savez(base / "rows.npz", **arrays)


def test_near_copies_of_table_rows_are_counted_between_all_parts(base: Path) -> None:
    random = np.random.default_rng(3)
    rows = random.normal(size=(700, 7))
    development, test = rows[:500], rows[500:]
    parts = split(np.arange(500) % 2, validation=0.25, seed=0)
    test[:12] = development[parts.train[:12]] + random.normal(size=(12, 7)) * 1e-3
    test[12:17] = development[parts.validation[:5]].round(2)
    test[17:20, 1:] = development[parts.train[20:23], 1:]
    development[parts.validation[10], 1:] = development[parts.train[40], 1:]
    saved_rows(base, development, test)
    found = look(base, "own_parts:rows")
    assert (found.near_train_test, found.near_validation_test, found.near_train_validation) == (15, 5, 1)
    assert found.changed_column == "0"
    assert not found.stops
    assert found.findings()[0] == (
        "15 training rows equal a row of the test part except for noise, rounding or one or two columns, "
        "most often 0"
    )


def test_equal_rows_of_few_values_stop_nothing(base: Path) -> None:
    random = np.random.default_rng(4)
    rows = random.integers(0, 4, (400, 5))
    saved_rows(base, rows[:300], rows[300:])
    found = look(base, "own_parts:rows")
    assert found.train_test > 0
    assert not found.stops
    assert found.findings() == []
    assert any("columns have few values" in note for note in found.notes)


def test_copied_rows_of_few_values_stop_a_search(base: Path) -> None:
    rows = np.random.default_rng(4).integers(0, 4, (400, 8))
    rows[300:380] = rows[:80]
    saved_rows(base, rows[:300], rows[300:])
    found = look(base, "own_parts:rows")
    assert found.stops
    assert "training rows are also in the test part" in found.findings()[0]


PARTS = """
import numpy as np
def shifted(part, folder):
    random = np.random.default_rng(len(part))
    inputs, labels = random.normal(size=(400, 5)), random.integers(0, 2, 400)
    if part == "test":
        inputs[:, 1] *= 100
        inputs[:, 2] = np.nan
        labels = (random.random(400) < 0.9).astype(int)
    return {"inputs": inputs, "targets": labels}
def timed(part, folder):
    random = np.random.default_rng(len(part))
    times = np.arange(200) if part == "development" else np.r_[np.arange(180, 200), np.arange(200, 300)]
    return {"inputs": random.normal(size=(len(times), 4)), "targets": times % 2, "times": times}
"""


def test_columns_and_targets_that_differ_in_the_test_part_are_named(base: Path) -> None:
    (base / "own_shifts.py").write_text(PARTS)
    found = look(base, "own_shifts:shifted")
    assert list(found.shifted) == ["1", "2", "the target"]
    assert found.shifted["2"] == 1
    assert "column 1 is distributed differently in the test part, by up to" in found.findings()[0]


def test_test_rows_before_the_latest_training_row_are_counted(base: Path) -> None:
    (base / "own_times.py").write_text(PARTS)
    found = look(base, "own_times:timed")
    assert found.early == 19
    assert found.findings() == ["19 test rows are earlier than the latest row outside the test part"]


@pytest.mark.parametrize("name", ["wine", "iris", "breast_cancer", "diabetes"])
def test_clean_data_has_no_findings(name: str, tmp_path: Path) -> None:
    data = prepare(name, {}, Home(tmp_path / "home"), tmp_path)
    parts = split(data.targets(), validation=0.2, seed=0)
    found = find_leaks(data, parts, name, {}, tmp_path)
    assert found.findings() == []
    assert not found.stops


def table(inputs: np.ndarray, targets: np.ndarray, task: str) -> Examples:
    classes = tuple(map(str, range(int(targets.max()) + 1))) if task == "classification" else ()
    columns = tuple("abcdefgh"[: inputs.shape[1]])
    info = DataInfo("table", task, inputs.shape[1:], classes, columns)
    return Examples(inputs.astype(np.float32), targets, np.arange(len(targets)), info)


def test_a_column_that_reveals_the_target_is_found() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 400)
    inputs = random.normal(size=(400, 4))
    inputs[:, 1] = labels * 10 + random.normal(size=400) * 0.1
    inputs[:, 2] = labels + random.normal(size=400)  # informative, but not revealing
    inputs[random.random(400) < 0.1, 3] = np.nan
    found = revealing_columns(table(inputs, labels, "classification")).whole
    assert list(found) == ["b"]
    assert found["b"] == pytest.approx(1, abs=0.02)
    values = random.normal(size=2000).astype(np.float32)
    numbers = random.normal(size=(2000, 2))
    numbers[:, 0] = np.exp(values)
    assert list(revealing_columns(table(numbers, values, "regression")).whole) == ["a"]


@pytest.mark.parametrize("agreeing", [0.97, 0.95, 0.9])
def test_a_noisy_copy_of_the_label_is_worth_a_look(agreeing: float) -> None:
    random = np.random.default_rng(1)
    labels, inputs = random.integers(0, 3, 1000), random.normal(size=(1000, 4))
    inputs[:, 2] = np.where(random.random(1000) < agreeing, labels, random.integers(0, 3, 1000))
    found = revealing_columns(table(inputs, labels, "classification"))
    assert (dict(found.whole), dict(found.partial)) == ({}, {})
    assert [note.split()[:2] for note in found.notes] == [["column", "c"]]


@pytest.mark.parametrize("absent", [np.nan, 0.0])
def test_a_column_that_reveals_the_target_of_some_rows_is_found(absent: float) -> None:
    random = np.random.default_rng(2)
    labels, values, there = random.integers(0, 3, 1000), random.normal(size=1000), random.random(1000) < 0.3
    inputs = random.normal(size=(1000, 4))
    inputs[:, 1] = np.where(there, labels + 1, absent)
    found = revealing_columns(table(inputs, labels, "classification"))
    assert found.partial == {"b": pytest.approx(0.3, abs=0.05)}
    inputs[:, 1] = np.where(there, values * 7, absent)
    found = revealing_columns(table(inputs, values.astype(np.float32), "regression"))
    assert list(found.partial) == ["b"]


def test_a_flag_of_one_class_is_worth_a_look() -> None:
    random = np.random.default_rng(3)
    labels, inputs = random.integers(0, 3, 600), random.normal(size=(600, 3))
    inputs[:, 0] = labels == 1
    (note,) = revealing_columns(table(inputs, labels, "classification")).notes
    assert note == "column a alone predicts whether the class is '1': worth a look"


@pytest.mark.parametrize("test", [True, False])
def test_a_report_says_whether_there_is_a_test_part_and_was_searched(base: Path, test: bool) -> None:
    arguments = {"folder": str(base), "test": test}
    data = prepare("own_parts:plain", arguments, Home(base / "home"), base)
    parts = split(data.targets(), validation=0.25, seed=0)
    found = find_leaks(data, parts, "own_parts:plain", arguments, base)
    lacking = "the data has no test part: the search will end with only a validation score"
    assert (data.test is not None) is test
    assert (lacking in found.notes) is not test
    assert (
        found.sought[0] == f"equal rows in {'train, validation and test' if test else 'train and validation'}"
    )
    shift = "columns distributed differently in the test part"
    assert (shift in found.sought) is test
    assert (found.near_train_test is not None) is test


@pytest.mark.parametrize("name", ["wine", "breast_cancer", "iris", "diabetes"])
def test_ordinary_columns_are_not_reported(name: str, tmp_path: Path) -> None:
    data = prepare(name, {}, Home(tmp_path / "home"), tmp_path)
    parts = split(data.targets(), validation=0.2, seed=0)
    found = find_leaks(data, parts, name, {}, tmp_path)
    assert (found.columns, found.partial_columns) == ({}, {})
    assert not any("worth a look" in note for note in found.notes)


def test_digits_are_too_small_for_near_copies(tmp_path: Path) -> None:
    data = prepare("digits", {}, Home(tmp_path / "home"), tmp_path)
    parts = split(data.targets(), validation=0.2, seed=0)
    found = find_leaks(data, parts, "digits", {}, tmp_path)
    assert found.near_train_test is None
    assert "too small" in found.notes[0]


def test_one_row_is_counted_in_the_singular() -> None:
    counts = dict.fromkeys(("train_test", "validation_test", "near_train_test", "near_validation_test"), 0)
    one = Leaks(
        train_validation=1,
        contradicting=2,
        near_train_validation=1,
        groups_train_validation=1,
        groups_test=2,
        columns={},
        kind="table",
        **counts,
    )
    assert one.findings() == [
        "1 validation row is also in the train part",
        "2 groups have rows both in the test part and outside it",
        "1 group has rows in both train and validation",
        "1 validation row equals a row of the train part except for noise, rounding or one or two columns",
        "2 rows have the same inputs as another row but a different label",
    ]


@pytest.mark.parametrize("also", [0.0, 0.1])
def test_a_column_that_is_missing_for_one_class_is_worth_a_look(also: float) -> None:
    random = np.random.default_rng(4)
    labels, inputs = random.integers(0, 3, 600), random.normal(size=(600, 3))
    inputs[(labels == 2) | (random.random(600) < also), 1] = np.nan
    notes = revealing_columns(table(inputs, labels, "classification")).notes
    told = ("column b is missing where the class is '2' and hardly anywhere else: worth a look",)
    assert notes == (() if also else told)
