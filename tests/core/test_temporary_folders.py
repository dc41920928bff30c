"""Temporary folders are private and removed, by the next process if not by their own."""

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from hpo.core import temporary_folders
from hpo.core.errors import HpoError
from hpo.core.temporary_folders import remove_abandoned, temporary_folder

ROOT = Path(__file__).parents[2]
KILLED = """
import os, signal
from hpo.core.temporary_folders import temporary_folder
with temporary_folder("test-") as folder:
    (folder / "below").mkdir()
    (folder / "below" / "rows.npy").write_text("rows")
    print(folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_is_its_owners_alone_and_gone_afterwards(place):
    with temporary_folder("test-") as folder:
        assert folder.parent == place
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "file").touch()
    assert list(place.iterdir()) == []


def test_what_a_killed_process_leaves_is_removed_by_the_next_one(place):
    environment = {**os.environ, "TMPDIR": str(place), "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, "-c", KILLED], env=environment, capture_output=True, text=True, check=False
    )
    left = Path(ran.stdout.strip())
    assert (left / "below" / "rows.npy").exists()
    with temporary_folder() as folder:
        assert set(place.iterdir()) == {folder}


def test_folders_of_living_processes_of_others_and_links_stay(place):
    (place / "hpo-foreign").mkdir()
    (place / "elsewhere").mkdir()
    (place / "elsewhere" / temporary_folders.HELD).touch()
    (place / "hpo-link").symlink_to(place / "elsewhere")
    with temporary_folder() as first, temporary_folder() as second:
        remove_abandoned(place)
        assert first.exists()
        assert second.exists()
    remove_abandoned(place)
    assert {path.name for path in place.iterdir()} == {"hpo-foreign", "hpo-link", "elsewhere"}


def test_a_path_that_must_be_short_is_found_elsewhere_than_in_a_long_tmpdir(place, monkeypatch):
    with temporary_folder(longest=30) as folder:
        assert len(str(folder)) <= 30
        assert folder.parent in map(Path, ("/tmp", "/var/tmp", "/dev/shm"))
    with pytest.raises(HpoError, match=r"TMPDIR .* at most 3 characters"), temporary_folder(longest=16):
        pass
