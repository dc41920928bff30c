"""Rows of an opened test part stay out of the development part of later searches, in any home."""

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hpo.cli import main as command
from hpo.core.home import Home
from hpo.core.json_values import JsonObject
from hpo.data.cut import Cut
from hpo.ledger.opening import Opening
from hpo.ledger.store import LedgerStore
from hpo.spec import read_spec
from hpo.use_cases.dataset.register_access import open_register
from hpo.use_cases.dataset.split_dataset import SplitDataset, split_dataset_of
from hpo.use_cases.model.opened_rows import moved_rows, new_dataset_of
from hpo.use_cases.model.register_policy import recognition_of, rows_of, source_of
from hpo.use_cases.submit import open_search

SPEC = """
version: 1
data: {source: csv, arguments: {file: rows.csv, target: y, task: regression}}
trainable: tabular
objective: {metric: mean_squared_error}
space: {learning_rate: {loguniform: [0.001, 0.1]}}
scheduler: {max_epochs: 3}
budget: {trials: 3}
"""
SPEC_OF_IMAGES = """
version: 1
data: {source: image_folder, arguments: {root: images}}
trainable: image_classifier
space: {learning_rate: {loguniform: [0.001, 0.1]}}
scheduler: {max_epochs: 3}
budget: {trials: 3}
"""
N = 400


def table(n: int = N, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    columns = {name: random.normal(size=n).round(6) for name in "abcdefgh"}
    return {
        **columns,
        "who": random.integers(0, n // 5, n).astype(float),
        "day": np.arange(n, dtype=float) + 1000 * seed,
        "y": columns["a"] + columns["b"],
    }


def save(path: Path, columns: dict[str, np.ndarray]) -> None:
    rows = (",".join(map(repr, map(float, row))) for row in zip(*columns.values(), strict=True))
    path.write_text("\n".join([",".join(columns), *rows]) + "\n")


def joined(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([values, other[name]]) for name, values in one.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "spec.yaml").write_text(SPEC)
    save(tmp_path / "rows.csv", table())
    return tmp_path


def read(folder: Path, home: str, *settings: str, anew: bool = False) -> tuple[SplitDataset, list[str]]:
    spec, place = read_spec(str(folder / "spec.yaml"), list(settings)), Home(folder / home).create()
    dataset, stray = new_dataset_of(spec.data, spec.base, place, anew=anew)
    return dataset, moved_rows(spec, place, dataset.prepared, stray)


def look(folder: Path, home: str, *settings: str) -> SplitDataset:
    """Read the data and open its test part on record."""
    spec = read_spec(str(folder / "spec.yaml"), list(settings))
    open_register()
    dataset, _ = read(folder, home, *settings)
    register, prepared = open_register(), dataset.prepared
    assert prepared.test is not None
    opening = Opening(
        key="k" + home,
        fingerprint=prepared.test.fingerprint,
        n=prepared.test.n,
        by="me",
        search="first",
        home=home,
        source=source_of(spec.data, spec.base),
        recipe="r",
        reason="x",
    )
    recognition = recognition_of(spec.data, prepared, spec.base, register.key)
    register.begin(opening, rows_of(prepared.test), recognition, prepared.cut_file.read_bytes())
    return dataset


def sealed_rows(dataset: SplitDataset) -> np.ndarray:
    cut = Cut.read(dataset.prepared.cut_file)
    assert cut is not None
    return cut.test


def test_an_opened_part_stays_sealed_when_the_file_grows_and_is_read_in_another_home(folder: Path) -> None:
    before = sealed_rows(look(folder, "one"))
    more = table(300, 1)
    save(
        folder / "rows.csv", {name: np.concatenate([values, more[name]]) for name, values in table().items()}
    )
    dataset, moved = read(folder, "two")
    assert moved == []
    assert (sealed_rows(dataset)[:N] == before).all()
    assert 30 < sealed_rows(dataset)[N:].sum() < 90


def test_a_copy_elsewhere_with_a_column_more_and_rows_shuffled_is_cut_the_same(folder: Path) -> None:
    before = sealed_rows(look(folder, "one"))
    order = np.random.default_rng(2).permutation(N)
    columns = {name: values[order] for name, values in table().items()}
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "spec.yaml").write_text(SPEC)
    save(
        elsewhere / "rows.csv", {"number": np.arange(N) * 7.5, **columns, "sum": columns["a"] + columns["c"]}
    )
    dataset, moved = read(elsewhere, "two")
    assert moved == []
    assert (sealed_rows(dataset) == before[order]).all()


@pytest.mark.parametrize(
    "setting",
    ["test_share=0.1", *(pytest.param(name, marks=pytest.mark.slow) for name in ("groups=who", "time=day"))],
)
def test_another_rule_would_put_opened_rows_into_development(folder: Path, setting: str) -> None:
    before = sealed_rows(look(folder, "one"))
    dataset, moved = read(folder, "two", f"data.arguments.{setting}")
    stray = int((before & ~sealed_rows(dataset)).sum())
    assert 0 < stray < 80
    assert moved[0].startswith(f"{stray} rows of the test part opened for first at ")
    assert "cut by another rule or share" in moved[0]


def test_a_larger_share_that_keeps_opened_rows_sealed_does_not_stop_a_search(folder: Path) -> None:
    before = sealed_rows(look(folder, "one"))
    dataset, moved = read(folder, "two", "data.arguments.test_share=0.3")
    assert moved == []
    assert sealed_rows(dataset)[before].all()
    assert sealed_rows(dataset).sum() == 120


def test_another_target_moves_no_row(folder: Path) -> None:
    before = sealed_rows(look(folder, "one"))
    dataset, moved = read(folder, "two", "data.arguments.target=c")
    assert moved == []
    assert (sealed_rows(dataset) == before).all()


def test_recognised_rows_that_cannot_be_matched_are_named(folder: Path) -> None:
    look(folder, "one")
    rounded = {
        name: np.round(values, 3) if name in "abcdefghy" else values for name, values in table().items()
    }
    order = np.random.default_rng(3).permutation(N)
    for name in ("who", "day"):
        del rounded[name]
    save(folder / "rows.csv", {name: values[order] for name, values in rounded.items()})
    _, moved = read(folder, "two")
    assert moved[0].startswith("about 80 rows of the test part opened for first at ")
    assert "cannot be found one by one" in moved[0]


def test_a_new_split_is_cut_as_for_the_first_time(folder: Path) -> None:
    look(folder, "one")
    more = table(300, 1)
    save(
        folder / "rows.csv", {name: np.concatenate([values, more[name]]) for name, values in table().items()}
    )
    dataset, moved = read(folder, "two", "data.arguments.test_share=0.1", anew=True)
    assert sealed_rows(dataset).sum() == 70
    assert "fall into the development part" in moved[0]


def test_a_home_keeps_its_cut_before_anything_was_opened(folder: Path) -> None:
    before = sealed_rows(read(folder, "one")[0])
    more = table(300, 1)
    save(
        folder / "rows.csv", {name: np.concatenate([more[name], values]) for name, values in table().items()}
    )
    assert (sealed_rows(read(folder, "one")[0])[300:] == before).all()


def test_opened_rows_moved_into_the_development_file_are_counted(folder: Path) -> None:
    given = ("data.arguments.test_file=test.csv",)
    save(folder / "test.csv", table(100, 4))
    look(folder, "one", *given)
    opened = table(100, 4)
    save(folder / "rows.csv", joined(table(), {name: values[:40] for name, values in opened.items()}))
    save(folder / "test.csv", {name: values[40:] for name, values in opened.items()})
    _, moved = read(folder, "two", *given)
    assert moved[0].startswith("40 rows of the test part opened for first at ")


def hpo(*typed: str) -> int:
    with pytest.raises(SystemExit) as ended:
        command.main(list(typed))
    return int(ended.value.code or 0)


def test_check_and_submit_stop_with_exit_code_3(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    look(folder, "one")
    capfd.readouterr()
    spec, home = str(folder / "spec.yaml"), ("--home", str(folder / "two"))
    share = ("--set", "data.arguments.test_share=0.1")
    for typed in (("check", spec, "--data", *share), ("submit", spec, *share, "--no-test")):
        assert hpo(*typed, *home) == 3
        error = capfd.readouterr().err
        assert "40 rows of the test part opened for first" in error
        assert "--new-split" in error
    assert hpo("check", spec, *share, *home) == 3  # this home has read the data by now
    assert "40 rows of the test part opened for first" in capfd.readouterr().err
    assert hpo("submit", spec, *share, "--new-split", *home) == 2
    assert "--new-split needs --reason TEXT" in capfd.readouterr().err
    assert hpo("check", spec, "--data", *home) == 0
    assert hpo("data", spec, *share, *home, "--json") == 0
    shown: JsonObject = json.loads(capfd.readouterr().out.strip().splitlines()[-1])
    assert shown


def test_a_warm_start_from_a_search_that_was_developed_on_test_rows_is_refused(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    spec, home = str(folder / "spec.yaml"), Home(folder / "one").create()
    first = read_spec(spec, [])
    open_search(
        LedgerStore.at(home.ledger), first, split_dataset_of(first.data, first.base, home), "first", {}
    )
    others = ("--set", "data.arguments.groups=who", "--set", "warm_start=[first]", "--home", str(home.root))
    for typed in (("check", spec, "--data"), ("submit", spec, "--no-test"), ("check", spec)):
        assert hpo(*typed, *others) == 3
        error = capfd.readouterr().err
        assert re.search(r"\d+ rows of the test part were development rows of first, from which", error), (
            error
        )
        assert "--new-split" in error
    same = ("--set", "warm_start=[first]", "--home", str(home.root))
    assert hpo("check", spec, "--data", *same) == 0


def images(root: Path, ending: str, names: Sequence[str]) -> None:
    random = np.random.default_rng(0)
    for row, name in enumerate(names):
        pixels = np.kron(random.integers(0, 256, (8, 8, 3), dtype=np.uint8), np.ones((8, 8, 1), np.uint8))
        path = root / f"class{row % 2}" / f"{name}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)


def test_images_saved_anew_under_their_names_keep_their_side_and_others_are_refused(tmp_path: Path) -> None:
    names = [f"{row:03d}" for row in range(60)]
    (tmp_path / "spec.yaml").write_text(SPEC_OF_IMAGES)
    images(tmp_path / "images", "png", names)
    before = sealed_rows(look(tmp_path, "one"))
    shutil.rmtree(tmp_path / "images")
    images(tmp_path / "images", "jpg", names)
    dataset, moved = read(tmp_path, "two")
    assert (sealed_rows(dataset) == before).all()
    assert moved == []
    shutil.rmtree(tmp_path / "images")
    images(tmp_path / "images", "jpg", [f"photo {name}" for name in names])
    _, moved = read(tmp_path, "three")
    assert "are in this data, but cannot be found one by one" in moved[0]
