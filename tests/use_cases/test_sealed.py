"""Driver and workers cannot read the test part, and it is opened once."""

import json
import os
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hpo.core import events, formatting
from hpo.core.home import Home
from hpo.ledger.store import LedgerStore
from tests.use_cases.mean_model import MEAN_MODEL

pytestmark = pytest.mark.timeout(600)

ROOT = Path(__file__).parent.parent.parent
CANARY = 123456.78125
"""A value that occurs only in one test row; exact in float32."""

DATA = """
import json, os, sys
from pathlib import Path
import numpy as np

HERE = Path(__file__).parent

def canary(part):
    with open(HERE / "loads.jsonl", "a") as log:
        log.write(json.dumps({"part": part, "pid": os.getpid(), "command": sys.orig_argv}) + "\\n")
    return np.load(HERE / f"{part}.inputs.npy"), np.load(HERE / f"{part}.targets.npy")
"""
MODEL = f"""
import json, os, sys
from pathlib import Path
{MEAN_MODEL}
FOLDER = Path(__file__).parent / "opened"
FOLDER.mkdir(exist_ok=True)

def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        os.write(LOG, os.fsencode(arguments[0]) + b"\\n")

if any("ray" in word.lower() for word in sys.orig_argv) or "default_worker" in " ".join(sys.orig_argv):
    LOG = os.open(FOLDER / f"{{os.getpid()}}.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    sys.addaudithook(watch)


class Watched(Mean):
    def train(self, recipe, train, validation, context):
        assert train.inputs.max() < 1000
        super().train(recipe, train, validation, context)
"""
SPEC = """
version: 1
data: {source: "canary_data:canary"}
trainable: canary_model:Watched
space: {shift: {uniform: [-1.0, 1.0]}}
scheduler: {name: asha, max_epochs: 3, first_rung: 1}
budget: {trials: 4}
finalists: {count: 2, seeds: 2}
"""
DRIVER = """
import os, sys
opened = []
sys.addaudithook(lambda event, a: opened.append(str(a[0])) if event == "open" else None)
from hpo.cli.main import main
try:
    main(["submit", "canary.yaml", "--no-test", "--json"])
finally:
    with open("driver.txt", "w") as log:
        log.write("\\n".join(opened))
"""


def run(folder, *command):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A search that ended with its test part sealed, watched in driver and workers."""
    import numpy as np

    folder = tmp_path_factory.mktemp("canary")
    random = np.random.default_rng(0)
    for part, n in (("development", 60), ("test", 40)):
        inputs = random.normal(size=(n, 3)).astype("float32")
        if part == "test":
            inputs[7, 1] = CANARY
        np.save(folder / f"{part}.inputs.npy", inputs)
        np.save(folder / f"{part}.targets.npy", random.normal(size=n))
    for name, text in (("canary_data.py", DATA), ("canary_model.py", MODEL), ("canary.yaml", SPEC)):
        (folder / name).write_text(text)
    done = run(folder, "-c", DRIVER)
    assert done.returncode == 0, done.stderr
    return folder


def test_only_the_custodian_loads_the_test_part(searched):
    loads = [json.loads(line) for line in (searched / "loads.jsonl").read_text().splitlines()]
    assert any(load["part"] == "test" for load in loads)
    assert all("hpo.data.custodian" in load["command"] for load in loads)


def test_neither_driver_nor_workers_open_a_file_of_the_source(searched):
    driver = (searched / "driver.txt").read_text().splitlines()
    assert any(name.endswith("canary.yaml") for name in driver)
    workers = [log.read_text().splitlines() for log in (searched / "opened").iterdir()]
    assert any(name.endswith("inputs.npy") for log in workers for name in log)
    sealed = {
        str(searched / f"{part}.{kind}.npy")
        for part in ("development", "test")
        for kind in ("inputs", "targets")
    }
    assert sealed.isdisjoint(driver)
    assert all(sealed.isdisjoint(log) for log in workers)


def test_the_canary_is_not_in_the_home(searched):
    needles = [struct.pack("<f", CANARY), struct.pack("<d", CANARY), str(CANARY).encode()]
    files = [path for path in (searched / ".hpo").rglob("*") if path.is_file()]
    assert len(files) > 5
    found = [path for path in files if any(needle in path.read_bytes() for needle in needles)]
    assert found == []


def test_exactly_one_of_eight_simultaneous_requests_opens_it(searched):
    with ThreadPoolExecutor(8) as pool:
        requests = [
            pool.submit(run, searched, "-m", "hpo.cli.main", "test", "canary-1", "--json") for _ in range(8)
        ]
        done = [each.result() for each in requests]
    codes = sorted(each.returncode for each in done)
    assert codes == [0] + [3] * 7, [each.stderr[-300:] for each in done]
    record = list(LedgerStore.at(Home.at(searched / ".hpo").ledger).open("canary-1").read())
    kinds = [type(each.event) for each in record]
    assert kinds.count(events.TestClaimed) == kinds.count(events.TestScored) == 1
    again = run(searched, "-m", "hpo.cli.main", "test", "canary-1")
    score = next(e.event for e in record if isinstance(e.event, events.TestScored))
    assert again.returncode == 3
    assert f"mse {formatting.score(score.scores['mse']['value'])} " in again.stderr
