import json
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from hpo.core.errors import HpoError, UserError
from hpo.core.home import Home
from hpo.data import prepared
from hpo.data.custodian import prepare, require_same_rows
from hpo.data.examples import open_examples
from hpo.data.sealed_part import open_test
from trainables.data.digests import as_keys, row_digests

CANARY = """
import numpy as np

def letters(part, rows=60, shift=0):
    random = np.random.default_rng({"development": 1, "test": 2}[part] + shift)
    inputs = random.integers(0, 250, (rows, 4, 4, 1), dtype=np.uint8)
    targets = np.arange(rows) % 3
    if part == "test":
        inputs[7] = 251  # the canary: a value that the development part never has
    return {"inputs": inputs, "targets": np.array(["a", "b", "c"])[targets]}

def partial(part):
    labels = np.arange(12) % 3 if part == "development" else np.zeros(4, int)
    return np.random.default_rng(len(part)).normal(size=(len(labels), 3)), np.array(["a", "b", "c"])[labels]

def broken(part):
    raise KeyError("no such thing")

def loud(part):
    print("this must not mix with the answer")
    return np.zeros((9, 2)), np.arange(9) % 2

def untested(part):
    return None if part == "test" else (np.zeros((9, 2)), np.arange(9) % 2)

def slow(part, flag):
    import pathlib, time
    pathlib.Path(flag).write_text("reading")
    time.sleep(300)

def dies(part):
    import os
    os.kill(os.getpid(), 9)
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "spec").mkdir()
    (tmp_path / "spec" / "own_letters.py").write_text(textwrap.dedent(CANARY))
    return tmp_path / "spec"


def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_digits_are_read_once_and_reused(tmp_path: Path) -> None:
    first = prepare("digits", {}, home(tmp_path), tmp_path)
    written = (first.folder / "inputs.npy").stat().st_mtime_ns
    second = prepare("digits", {}, home(tmp_path), tmp_path)
    assert second == first
    assert (first.folder / "inputs.npy").stat().st_mtime_ns == written
    assert first.test is not None
    assert (first.n, first.test.n) == (1438, 359)
    assert sum(first.class_counts) == first.n
    assert first.info.practice


def test_a_damaged_folder_is_read_again(tmp_path: Path) -> None:
    first = prepare("wine", {}, home(tmp_path), tmp_path)
    inputs = np.array(open_examples(first.folder, np.arange(first.n)).inputs)
    (first.folder / "inputs.npy").write_bytes(b"cut")
    second = prepare("wine", {}, home(tmp_path), tmp_path)
    assert second == first
    np.testing.assert_array_equal(open_examples(second.folder, np.arange(second.n)).inputs, inputs)


def test_only_digests_of_the_test_part_are_kept(tmp_path: Path, base: Path) -> None:
    found = prepare("own_letters:letters", {}, home(tmp_path), base)
    assert found.test is not None
    sealed = open_test("own_letters:letters", {}, base, found.test)
    canary = sealed.inputs[7].tobytes()
    assert np.all(sealed.inputs[7] == 251)
    kept = [file for file in (tmp_path / "home").rglob("*") if file.is_file()]
    assert len(kept) >= 4
    for file in kept:
        assert canary not in file.read_bytes(), file
    assert 251 not in open_examples(found.folder, np.arange(found.n)).inputs
    manifest = json.loads((found.folder / "manifest.json").read_text())
    counts = {"n", "shared_groups"}
    assert set(manifest["test"]) == counts | {"fingerprint", "targets", "digests", "hashes", "copies"}
    digests = np.load(found.test.digests)
    assert set(as_keys(digests).tolist()) == set(as_keys(row_digests(sealed.inputs)).tolist())
    assert np.all(np.diff(digests[:, 0].astype(float)) >= 0), "the order of the rows must not show"


def test_the_classes_of_a_users_source(tmp_path: Path, base: Path) -> None:
    found = prepare("own_letters:letters", {"rows": 90}, home(tmp_path), base)
    assert found.info.classes == ("a", "b", "c")
    assert found.class_counts == (30, 30, 30)
    assert found.info.kind == "image"


def test_classes_that_the_test_part_lacks_are_named(tmp_path: Path, base: Path) -> None:
    found = prepare("own_letters:partial", {}, home(tmp_path), base)
    assert found.warnings == ("test part: 2 of 3 classes have no row: b, c",)


def test_output_of_a_source_is_not_taken_as_its_answer(tmp_path: Path, base: Path) -> None:
    found = prepare("own_letters:loud", {}, home(tmp_path), base)
    assert (found.n, found.info.kind, found.info.task) == (9, "table", "classification")


@pytest.mark.parametrize(
    ("source", "arguments", "words"),
    [
        ("digit", {}, ["'digit' does not exist", "legal: digits"]),
        ("digits", {"size": 3}, ["data.arguments.size", "does not exist"]),
        ("fashion_mnist", {}, ["data.arguments.root", "missing"]),
        ("fashion_mnist", {"root": "nowhere"}, ["fashion_mnist", "nowhere", "download"]),
        ("own_letters:broken", {}, ["own_letters:broken('development')", "KeyError", "no such thing"]),
        ("own_letters:absent", {}, ["own_letters:absent", "cannot be imported"]),
        ("no_module:f", {}, ["no_module:f", "cannot be imported"]),
        ("own_letters:letters", {"bad": 1}, ["own_letters:letters", "unexpected keyword"]),
    ],
)
def test_a_users_mistake_is_one_sentence(
    tmp_path: Path, base: Path, source: str, arguments: dict[str, object], words: list[str]
) -> None:
    with pytest.raises(UserError) as caught:
        prepare(source, arguments, home(tmp_path), base)
    for word in words:
        assert word in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert not list((tmp_path / "home").glob("data/.partial*"))


def test_the_death_of_a_reader_is_reported(tmp_path: Path, base: Path) -> None:
    with pytest.raises(HpoError, match="SIGKILL"):
        prepare("own_letters:dies", {}, home(tmp_path), base)
    # Its leftovers are removed by the next reading of the same request.
    with pytest.raises(HpoError, match="SIGKILL"):
        prepare("own_letters:dies", {}, home(tmp_path), base)
    assert len(list((tmp_path / "home").glob("data/.partial*"))) == 1


def test_data_without_a_test_part(tmp_path: Path, base: Path) -> None:
    found = prepare("own_letters:untested", {}, home(tmp_path), base)
    assert found.test is None
    assert prepared.read(found.folder) == found


ASK = """
import sys
from pathlib import Path
from hpo.core.home import Home
from hpo.data.custodian import prepare, require_same_rows
base = Path(sys.argv[1])
try:
    prepare("own_letters:slow", {"flag": sys.argv[3]}, Home(Path(sys.argv[2])), base)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("whom", ["group", "asker"])
def test_ctrl_c_leaves_no_process_and_nothing_half_written(tmp_path: Path, base: Path, whom: str) -> None:
    flag = tmp_path / "flag"
    asker = subprocess.Popen(
        [sys.executable, "-c", ASK, str(base), str(tmp_path / "home"), str(flag)], start_new_session=True
    )
    limit = time.monotonic() + 60
    while not flag.exists():
        assert time.monotonic() < limit
        assert asker.poll() is None
        time.sleep(0.01)
    children = psutil.Process(asker.pid).children(recursive=True)
    assert children
    if whom == "group":
        os.killpg(asker.pid, signal.SIGINT)
    else:
        os.kill(asker.pid, signal.SIGINT)
    assert asker.wait(60) == 130
    ended, alive = psutil.wait_procs(children, timeout=30)
    assert not alive
    assert len(ended) == len(children)
    assert not list((tmp_path / "home" / "data").glob(".partial*"))


def _prepare(at: tuple[str, str, str]) -> str:
    source, root, base = at
    return prepare(source, {}, Home(Path(root)), Path(base)).fingerprint


@pytest.mark.parametrize("source", ["digits", "own_letters:letters"])
def test_eight_processes_at_once(tmp_path: Path, base: Path, source: str) -> None:
    context = multiprocessing.get_context("fork")
    with context.Pool(8) as pool:
        found = pool.map(_prepare, [(source, str(tmp_path / "home"), str(base))] * 8)
    assert len(set(found)) == 1
    data = tmp_path / "home" / "data"
    assert len([each for each in data.iterdir() if not each.name.startswith((".", "known"))]) == 1
    assert not list(data.glob(".partial*"))


AUDIT = """
import sys
from pathlib import Path
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
from hpo.core.home import Home
from hpo.data.custodian import prepare, require_same_rows
base = Path(sys.argv[1])
for _ in range(2):
    prepare("own_files:read", {"folder": str(base)}, Home(base / "home"), base)
    prepare("digits", {}, Home(base / "home"), base)
touched = [name for name in opened if name.endswith(("secret.npy", "digits.csv.gz", "own_files.py"))]
assert not touched, touched
assert any(name.endswith("manifest.json") for name in opened)
assert "torch" not in sys.modules and "sklearn" not in sys.modules and "own_files" not in sys.modules
"""


def test_the_calling_process_opens_no_file_of_the_source(tmp_path: Path) -> None:
    np.save(tmp_path / "secret.npy", np.ones((5, 2), np.float32))
    (tmp_path / "own_files.py").write_text(
        "import numpy as np\n"
        "def read(part, folder):\n"
        "    inputs = np.load(folder + '/secret.npy') + (part == 'test')\n"
        "    return inputs, np.arange(5) % 2\n"
    )
    subprocess.run([sys.executable, "-c", AUDIT, str(tmp_path)], check=True, timeout=120)


RESTLESS = """
import os
import numpy as np

def steady(part):
    return np.arange(18.0).reshape(9, 2) + (part == "test"), np.arange(9) % 2

def drawn(part):
    return np.random.default_rng().normal(size=(9, 2)), np.arange(9) % 2

def relabelled(part):
    return np.arange(18.0).reshape(9, 2), np.random.default_rng().permutation(np.arange(9) % 3)

def drawn_test(part):
    random = np.random.default_rng(0 if part == "development" else None)
    return random.normal(size=(9, 2)), np.arange(9) % 2
"""


@pytest.mark.parametrize(
    ("name", "part"),
    [("drawn", "development and test"), ("relabelled", "development"), ("drawn_test", "test")],
)
def test_a_function_that_returns_other_rows_each_time_is_refused(tmp_path, name, part):
    (tmp_path / "restless.py").write_text(RESTLESS)
    source, home = f"restless:{name}", Home(tmp_path / "home")
    data = prepare(source, {}, home, tmp_path)
    with pytest.raises(UserError, match=f"other rows for the {part} part when it was called a second time"):
        require_same_rows(data, source, {}, tmp_path)


def test_a_steady_function_is_read_again_once(tmp_path):
    (tmp_path / "restless.py").write_text(RESTLESS)
    data = prepare("restless:steady", {}, Home(tmp_path / "home"), tmp_path)
    require_same_rows(data, "restless:steady", {}, tmp_path)
    (tmp_path / "restless.py").unlink()
    require_same_rows(data, "restless:steady", {}, tmp_path)


READ = """
import sys
from pathlib import Path
from hpo.core.home import Home
from hpo.data.source_reading import read_source
arguments = {"file": "table.csv", "target": "y"}
read_source("csv", arguments, Home(Path("home").absolute()), Path.cwd(), bytes(32))
sys.exit(f"imported {slow}" if (slow := {"pandas", "scipy", "sklearn", "torch"} & {*sys.modules}) else 0)
"""


def test_reading_a_table_imports_nothing_that_takes_longer_than_reading_it(tmp_path: Path) -> None:
    rows = "".join(
        f"{k % 7 / 4},{'' if k == 3 else k * k % 11},{'ab'[k % 3 == 0]},city {k % 3}\n" for k in range(60)
    )
    (tmp_path / "table.csv").write_text(f"height,weight,y,city\n{rows}")
    done = subprocess.run(
        [sys.executable, "-c", READ], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
