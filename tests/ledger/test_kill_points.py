"""Whenever a process is killed, what it was told to be written is written, and a test part is opened once."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent
KILLS = 1000


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(
    shutil.which("cc") is None, reason="kill points are set by a small C library, and cc is missing"
)
def test_killed_at_any_change_of_the_disk_nothing_is_lost_and_nothing_is_opened_twice(tmp_path):
    library = tmp_path / "kill_points.so"
    source = HERE / "kill_points.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    environment = {**os.environ, "LD_PRELOAD": str(library)}
    memory = Path("/dev/shm")  # a kill loses nothing that was written, so a disk would only be slower
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        command = [sys.executable, "-m", "tests.ledger.kill_points", folder, str(KILLS)]
        ran = subprocess.run(
            command, env=environment, cwd=HERE.parents[1], capture_output=True, text=True, check=False
        )
    assert ran.returncode == 0, ran.stderr[-3000:]
    counted = json.loads(ran.stdout)
    assert counted["kills"] >= KILLS
    assert counted["points"] > 50
