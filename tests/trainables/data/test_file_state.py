"""The state of files: which changes it shows, and when it does not claim to show all."""

import os
from pathlib import Path

import pytest

from trainables.data.file_state import SETTLED, state_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.csv", "below/a.csv", "below/deep/c.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1\n")
    return tmp_path


def later(folder: Path) -> float:
    """A moment long after every file was written."""
    return max(path.stat().st_ctime for path in folder.rglob("*")) + 10.0


def test_every_file_has_a_line_sorted_by_its_path(folder: Path) -> None:
    state = state_of([folder], later(folder))
    assert state is not None
    assert [line.split(" ")[0] for line in state] == [
        str(folder / name) for name in ("b.csv", "below/a.csv", "below/deep/c.csv")
    ]
    one = (folder / "b.csv").stat()
    assert state[0] == f"{folder}/b.csv 2 {one.st_mtime_ns} {one.st_ctime_ns} {one.st_ino}"
    assert state_of([folder / "below", folder / "nothing", folder / "b.csv"], later(folder)) == state


@pytest.mark.parametrize("change", ["content", "size", "name", "another file", "one file less", "its times"])
def test_every_change_shows(folder: Path, change: str) -> None:
    before, file = state_of([folder], later(folder)), folder / "below" / "a.csv"
    if change == "content":
        kept = file.stat()
        file.write_text("2\n")
        os.utime(file, ns=(kept.st_atime_ns, kept.st_mtime_ns))  # as a copying program sets it
    elif change == "size":
        file.write_text("1\n2\n")
    elif change == "name":
        file.rename(folder / "below" / "z.csv")
    elif change == "another file":
        (folder / "below" / "z.csv").write_text("")
    elif change == "one file less":
        file.unlink()
    else:
        os.utime(file, (1.0, 1.0))
    assert state_of([folder], later(folder)) != before


def test_a_file_that_was_changed_just_now_may_change_again_without_a_sign(folder: Path) -> None:
    os.utime(folder / "b.csv", (later(folder) + 100.0,) * 2)
    changed = (folder / "b.csv").stat().st_mtime
    assert state_of([folder], changed + 0.5 * SETTLED) is None
    assert state_of([folder], changed - 0.5 * SETTLED) is None, "clocks of two machines may differ"
    assert state_of([folder], changed + 2 * SETTLED) is not None


def test_links_that_lead_back_are_followed_once(folder: Path) -> None:
    (folder / "below" / "again").symlink_to(folder, target_is_directory=True)
    state = state_of([folder], later(folder))
    assert state is not None
    assert len(state) == 3
