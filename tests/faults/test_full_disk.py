"""A full disk, on its own small file system: reported plainly, without damage, resumable."""

import shutil
import subprocess

import pytest

from hpo.core import events
from tests.faults.promises import check, note
from tests.faults.tiny_search import Place, after, left_behind

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

MEBIBYTE = 2**20


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a file system of 96 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=96m,mode=700", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield Place(folder)
        assert left_behind(folder) == []
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(place, leave=0):
    """Fill a disk except for some bytes; return the file."""
    file = place.folder / "filler"
    with file.open("wb") as filler:
        room = shutil.disk_usage(place.folder).free - leave
        try:
            while room > 0:
                room -= filler.write(b"x" * min(room, MEBIBYTE // 4))
                filler.flush()
        except OSError:
            pass  # it is full now
    return file


def test_too_little_disk_space_is_reported_before_anything_starts(small_disk):
    file = fill(small_disk, leave=20 * MEBIBYTE)
    done = small_disk.run("submit", "tiny.yaml")
    assert done.returncode == 1
    assert "has 20 MiB left" in done.stderr or "has 19 MiB left" in done.stderr
    assert "free some space" in done.stderr
    assert small_disk.record() == []
    file.unlink()


@pytest.mark.faults
@pytest.mark.parametrize(
    ("leave", "said"), [(12 * MEBIBYTE, "MiB left and a search needs"), (0, "is full; free some space")]
)
@pytest.mark.parametrize("moment", ["a trial", "a finalist"])
def test_a_full_disk_ends_the_search_with_a_message_and_damages_nothing(
    leave, said, moment, small_disk, undisturbed
):
    reached = {"a trial": after(events.Reported, 9), "a finalist": after(events.Reported, replicate=1)}
    process = small_disk.start("submit", "tiny.yaml", "--json")
    small_disk.wait_for(process, reached[moment])
    file = fill(small_disk, leave)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said in err or "MiB left and a search needs" in err
    assert "hpo resume tiny-1" in err
    assert "Traceback" not in err
    again = small_disk.run("resume", "tiny-1")
    assert again.returncode == 1
    assert "free some space" in again.stderr
    assert "Traceback" not in again.stderr
    file.unlink()
    killed, runs = small_disk.record(), small_disk.runs()
    assert not [e for e in killed if isinstance(e.event, events.TrialEnded) and e.event.cause]
    seconds = small_disk.resumed()
    check("disk full", small_disk, undisturbed, killed, runs, seconds)


@pytest.mark.faults
def test_a_disk_that_fills_up_while_data_is_read(small_disk):
    (small_disk.folder / "tiny_data.py").write_text(
        "import numpy as np\n\n"
        "def waves(part):\n"
        "    many = 9_000_000 if part == 'development' else 10\n"
        "    inputs = np.random.default_rng(len(part)).normal(size=(many, 2)).astype('float32')\n"
        "    return inputs, inputs.sum(axis=1)\n"
    )
    done = small_disk.run("submit", "tiny.yaml")
    assert done.returncode == 1
    assert "No space left" in done.stderr or "is full" in done.stderr
    assert "Traceback" not in done.stderr
    assert small_disk.record() == []
    left = sum(file.stat().st_size for file in small_disk.home.root.rglob("*") if file.is_file())
    assert left < MEBIBYTE
    note("disk full while data is read", small_disk)
