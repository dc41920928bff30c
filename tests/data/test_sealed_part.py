import dataclasses
from pathlib import Path

import numpy as np
import pytest

from hpo.core.errors import Refused
from hpo.core.home import Home
from hpo.data.custodian import prepare
from hpo.data.prepared import Prepared
from hpo.data.sealed_part import open_test
from trainables.data.digests import is_comparable, key_name, labelled_digest, row_digests

CODE = """
import numpy as np
def read(part, test_file, flipped=0):
    table = np.load(test_file) if part == "test" else np.arange(40, dtype=np.float32).reshape(20, 2)
    return table, (table[:, 0] // 2 + flipped * (part == "test")).astype(int) % 2
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "own_table.py").write_text(CODE)
    np.save(tmp_path / "test.npy", np.arange(100, 140, dtype=np.float32).reshape(20, 2))
    return tmp_path


def arguments(base: Path) -> dict[str, str]:
    return {"test_file": str(base / "test.npy")}


def sealed(base: Path) -> Prepared:
    return prepare("own_table:read", arguments(base), Home(base / "home"), base)


def test_the_sealed_part_is_the_one_opened(base: Path) -> None:
    found = sealed(base)
    assert found.test is not None
    examples = open_test("own_table:read", arguments(base), base, found.test)
    assert len(examples) == 20
    np.testing.assert_array_equal(examples.inputs, np.load(base / "test.npy"))
    np.testing.assert_array_equal(examples.rows, np.arange(20))
    assert examples.info == found.info


def test_sorting_the_rows_changes_nothing(base: Path) -> None:
    found = sealed(base)
    np.save(base / "test.npy", np.load(base / "test.npy")[::-1])
    assert found.test is not None
    assert len(open_test("own_table:read", arguments(base), base, found.test)) == 20
    assert sealed(base).test.fingerprint == found.test.fingerprint  # type: ignore[union-attr]


def test_changed_test_data_is_refused_with_the_share_still_present(base: Path) -> None:
    found = sealed(base)
    table = np.load(base / "test.npy")
    table[:5] += 0.5
    np.save(base / "test.npy", table[:18])
    assert found.test is not None
    with pytest.raises(Refused, match=r"had 20 examples and now has 18; 65\.0% of the original"):
        open_test("own_table:read", arguments(base), base, found.test)


def test_the_record_decides_even_if_the_data_was_prepared_again(base: Path) -> None:
    first = sealed(base)
    np.save(base / "test.npy", np.load(base / "test.npy")[:19])
    second = sealed(base)
    assert first.test is not None
    assert second.test is not None
    recorded = dataclasses.replace(second.test, n=first.test.n, fingerprint=first.test.fingerprint)
    with pytest.raises(Refused, match=r"had 20 examples and now has 19\. Restore"):
        open_test("own_table:read", arguments(base), base, recorded)


def test_changed_targets_of_the_test_part_are_refused_with_both_fingerprints(base: Path) -> None:
    found = sealed(base)
    assert found.test is not None
    mended = {**arguments(base), "flipped": 1}
    with pytest.raises(Refused, match=f"targets of the test part .* was {found.test.targets[:16]} and is"):
        open_test("own_table:read", mended, base, found.test)
    unrecorded = dataclasses.replace(found.test, targets="")
    assert len(open_test("own_table:read", mended, base, unrecorded)) == 20


def test_a_search_on_corrected_test_targets_can_open_them_and_an_earlier_one_cannot(base: Path) -> None:
    labels = base / "labels.txt"
    code = CODE.replace('flipped * (part == "test")', f"int(np.loadtxt({str(labels)!r})) * (part == 'test')")
    (base / "own_labels.py").write_text(code)

    def prepared(flipped: str) -> Prepared:
        labels.write_text(flipped)
        return prepare("own_labels:read", arguments(base), Home(base / "home"), base)

    before, after = prepared("0"), prepared("1")
    assert before.test is not None
    assert after.test is not None
    assert (after.folder, after.fingerprint) == (before.folder, before.fingerprint)
    assert len(open_test("own_labels:read", arguments(base), base, after.test)) == 20
    with pytest.raises(Refused, match=f"targets of the test part .* was {before.test.targets[:16]} and is"):
        open_test("own_labels:read", arguments(base), base, before.test)


def test_targets_are_digested_under_the_key_of_the_register(base: Path) -> None:
    key, other = bytes(range(32)), bytes(32)
    found = prepare("own_table:read", arguments(base), Home(base / "home"), base, key)
    assert found.test is not None
    name, digest = found.test.targets.split(":")
    assert (name, len(digest)) == (key_name(key), 64)
    table = np.load(base / "test.npy")
    targets = (table[:, 0] // 2).astype(np.int64) % 2
    assert digest not in (labelled_digest(row_digests(table), targets), key.hex())
    mended = {**arguments(base), "flipped": 1}
    assert len(open_test("own_table:read", arguments(base), base, found.test, key=key)) == 20
    with pytest.raises(Refused, match=f"targets of the test part .* was {digest[:16]} and is"):
        open_test("own_table:read", mended, base, found.test, key=key)
    assert not is_comparable(found.test.targets, other)
    assert len(open_test("own_table:read", mended, base, found.test, key=other)) == 20


PHOTOGRAPHS = """
import io
import numpy as np
from PIL import Image

def read(part, faint=False):
    random = np.random.default_rng(part == "test")
    pictures = [Image.fromarray(random.integers(0, 256, (60, 40 + n, 3), dtype=np.uint8)) for n in range(10)]
    small = np.stack([np.asarray(picture.resize((8, 8))) for picture in pictures])
    if faint and part == "test":
        pictures[3].putpixel((7, 7), (1, 2, 3))
    files = [io.BytesIO() for _ in pictures]
    for picture, file in zip(pictures, files):
        picture.save(file, "PNG")
    return {"inputs": small, "targets": np.arange(10) % 2, "originals": [file.getvalue() for file in files]}
"""


def test_changed_originals_of_the_test_part_are_refused_though_the_small_images_are_the_same(
    tmp_path: Path,
) -> None:
    (tmp_path / "own_photographs.py").write_text(PHOTOGRAPHS)
    found = prepare("own_photographs:read", {}, Home(tmp_path / "home"), tmp_path)
    assert found.test is not None
    examples = open_test("own_photographs:read", {}, tmp_path, found.test)
    with pytest.raises(Refused, match=f"targets or original images of .* was {found.test.targets[:16]} and"):
        open_test("own_photographs:read", {"faint": True}, tmp_path, found.test)
    without = labelled_digest(row_digests(examples.inputs), examples.targets)
    earlier = dataclasses.replace(found.test, targets=without)
    assert len(open_test("own_photographs:read", {"faint": True}, tmp_path, earlier)) == 10
