import json
import mmap
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hpo.core.errors import HpoError
from hpo.core.home import Home
from hpo.data.custodian import prepare
from hpo.data.examples import open_examples


def test_rows_come_with_shared_arrays(tmp_path: Path) -> None:
    found = prepare("digits", {}, Home(tmp_path / "home"), tmp_path)
    part = open_examples(found.folder, np.array([3, 1]))
    assert len(part) == 2
    assert part.inputs.shape == (1438, 8, 8, 1)
    assert isinstance(owner(part.inputs), mmap.mmap)
    assert part.info == found.info
    np.testing.assert_array_equal(part.targets, found.targets())


def owner(array: object) -> object:
    """What the memory of an array belongs to."""
    while (base := array.obj if isinstance(array, memoryview) else getattr(array, "base", None)) is not None:
        array = base
    return array


def test_writes_are_private(tmp_path: Path) -> None:
    found = prepare("wine", {}, Home(tmp_path / "home"), tmp_path)
    part = open_examples(found.folder, np.arange(5))
    part.inputs[0] = -1
    assert not np.any(open_examples(found.folder, np.arange(5)).inputs[0] == -1)


def test_a_folder_without_data_is_named(tmp_path: Path) -> None:
    with pytest.raises(HpoError, match=str(tmp_path)):
        open_examples(tmp_path, np.arange(3))


TOUCH = """
import json, sys
from pathlib import Path
import numpy as np, psutil
from hpo.data.examples import open_examples
before = psutil.Process().memory_full_info().uss
part = open_examples(Path(sys.argv[1]), np.arange(3))
total = int(part.inputs.sum())
sys.stdout.write(json.dumps([total, 0]) + "\\n"); sys.stdout.flush()
sys.stdin.readline()
sys.stdout.write(json.dumps([total, psutil.Process().memory_full_info().uss - before]))
"""


def test_processes_share_the_pages(tmp_path: Path) -> None:
    megabytes = 40
    folder = tmp_path / "part"
    folder.mkdir()
    np.save(folder / "inputs.npy", np.ones((megabytes, 1024, 1024, 1), np.uint8))
    np.save(folder / "targets.npy", np.zeros(megabytes, np.int64))
    info = {
        "kind": "image",
        "task": "classification",
        "shape": [1024, 1024, 1],
        "classes": ["a"],
        "columns": [],
        "categories": {},
        "practice": False,
    }
    (folder / "manifest.json").write_text(json.dumps({"info": info}))
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", TOUCH, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert json.loads(worker.stdout.readline())[0] == megabytes << 20
    for worker in workers:  # measured while all of them hold the mapping
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
    grown = [json.loads(worker.communicate(timeout=60)[0])[1] for worker in workers]
    assert min(grown) < 10 << 20, grown
