"""A small real search that can be killed: its folder, its processes, its record."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psutil

from hpo.core import events
from hpo.core.home import Home, SearchFolder
from hpo.core.json_values import fields_of
from hpo.core.record import Recorded
from hpo.ledger.store import LedgerStore
from hpo.use_cases.model.register_policy import all_openings

ROOT = Path(__file__).parent.parent.parent

DATA = """
import sys
from pathlib import Path

import numpy as np

def waves(part):
    if part == "test":  # who looks at it, for the tests to count
        with (Path(__file__).parent / "looks.txt").open("a") as looks:
            looks.write(sys.argv[0] + "\\n")
    random = np.random.default_rng(0 if part == "development" else 1)
    inputs = random.uniform(-3, 3, size=(80, 2)).astype("float32")
    return inputs, np.sin(inputs).sum(axis=1)
"""

MODEL = """
import os
import sys
import time
from pathlib import Path

import numpy as np
from hpo.core.grammar import Grammar, Hyperparameter
from hpo.core.trainable import Metric


if sys.argv[0].endswith("evaluation.py"):
    time.sleep(float(os.environ.get("TINY_IMPORT_SECONDS", 0)))


class Line:
    grammar = Grammar((
        Hyperparameter("rate", "float", 0.1, low=1e-6, high=10.0, log=True),
        Hyperparameter("seconds", "float", 0.0, low=0, high=10),
    ))
    metrics = (Metric("mse", "min"),)

    def train(self, recipe, train, validation, context):
        kept = context.restored()
        random = np.random.default_rng(context.seed)
        line = random.normal(size=train.inputs.shape[1]) if kept is None else kept["line"].copy()
        inputs, targets = train.inputs[train.rows], train.targets[train.rows]
        for _ in context.epochs():
            time.sleep(recipe["seconds"] + moment())
            while beside("hold"):
                time.sleep(0.02)
            line = line - recipe["rate"] * inputs.T @ (inputs @ line - targets) / len(train)
            model = Fitted(line)
            mse = self.score(model.predict(validation), validation.targets[validation.rows])["mse"]
            context.report({"validation/mse": mse}, model, lambda line=line: state(line))

    def load(self, recipe, weights, info):
        time.sleep(float(os.environ.get("TINY_LOAD_SECONDS", 0)))
        return Fitted(weights["line"])

    def score(self, outputs, targets):
        return {"mse": float(((outputs - targets) ** 2).mean())}


def moment():
    return 0 if beside("hurry") else float(os.environ.get("TINY_SECONDS", 0))


def beside(name):
    return Path(__file__).with_name(name).exists()


def state(line):
    return {"line": line, "ballast": np.zeros(int(os.environ.get("TINY_BALLAST", 1)))}


class Fitted:
    def __init__(self, line):
        self.line = line

    def predict(self, examples):
        return examples.inputs[examples.rows] @ self.line

    def weights(self):
        return {"line": self.line}
"""

SPEC = """
version: 1
data: {source: "tiny_data:waves"}
trainable: tiny_model:Line
recipe: {seconds: 0.02}
space: {rate: {loguniform: [0.001, 0.5]}}
scheduler: {name: asha, max_epochs: 9, first_rung: 1}
budget: {trials: 12}
resources: {trials_at_once: 1}
finalists: {count: 2, seeds: 2}
limits: {checkpoint_epochs: 1}
"""


class Place:
    """A folder with a spec, and the commands that run in it."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.home = Home.at(folder / ".hpo")
        self._started: list[subprocess.Popen] = []
        self._seen: list[tuple[str, dict]] = []
        for name, text in (("tiny_data.py", DATA), ("tiny_model.py", MODEL), ("tiny.yaml", SPEC)):
            (folder / name).write_text(text)

    @property
    def search(self) -> SearchFolder:
        """The folder of the search that most tests disturb."""
        return self.home.search("tiny-1")

    def start(
        self, *arguments: str, within: tuple[str, ...] = (), python: str = sys.executable, **environment: str
    ) -> subprocess.Popen:
        """Start the command in a process group of its own, through another command if one is given."""
        process = subprocess.Popen(
            [*within, python, "-m", "hpo.cli.main", *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            pipesize=1 << 20,  # a search does not wait for a test that reads its events at the end
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        )
        self._started.append(process)
        return process

    def path(self, folder: Path) -> str:
        """Return the module search path of Python with a folder first."""
        return os.pathsep.join((str(folder), str(ROOT)))

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        """Run the command to its end."""
        process = self.start(*arguments, **environment)
        out, err = process.communicate(timeout=300)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def resumed(self, *arguments: str, name: str = "tiny-1", **environment: str) -> float:
        """Resume to the end; return the seconds until the first new event."""
        before, began = len(self.record(name)), time.time()
        done = self.run("resume", name, "--json", *arguments, **environment)
        assert done.returncode == 0, done.stderr
        new = [e for e in self.record(name)[before:] if not isinstance(e.event, NOT_WORK)]
        return new[0].time - began if new else 0.0

    def record(self, name: str = "tiny-1") -> list[Recorded]:
        """Everything on record."""
        if not self.home.is_used:
            return []
        store = LedgerStore.of(self.home)
        try:
            return list(store.open(name).read()) if name in store.names() else []
        finally:
            store.close()

    def wait_for(self, process: subprocess.Popen, reached, seconds: float = 200) -> None:
        """Wait until a condition holds for the folder."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if process.poll() is not None:
                raise AssertionError(f"it ended before: {process.communicate()}")
            if reached(self):
                return
            time.sleep(0.01)
        raise AssertionError("the moment never came")

    @contextmanager
    def held(self):
        """Let no training finish an epoch meanwhile."""
        (self.folder / "hold").touch()
        try:
            yield
        finally:
            (self.folder / "hold").unlink()

    def hurry(self) -> None:
        """Let epochs take no ``TINY_SECONDS`` any more, since nothing else will happen to the search."""
        (self.folder / "hurry").touch()

    def glance(self) -> list[tuple[str, dict]]:
        """Return kinds and fields of recorded events, read while the search runs."""
        if self.home.database:
            return [(type(each.event).__name__, fields_of(each.event)) for each in self.record()]
        query = "SELECT kind, body FROM events WHERE search = 1 AND seq > ? ORDER BY seq"
        if self.home.ledger.exists():
            opened = sqlite3.connect(f"file:{self.home.ledger}?mode=ro", uri=True)
            with closing(opened) as ledger, suppress(sqlite3.OperationalError):  # it is being created
                found = ledger.execute(query, (len(self._seen),)).fetchall()
                self._seen += [(kind, json.loads(body)) for kind, body in found]
        return self._seen

    def runs(self) -> list[tuple[str, str, str]]:
        """(id, run, status) of every run that MLflow has."""
        query = """
            SELECT runs.run_uuid, which.value, runs.status FROM runs
            JOIN tags AS which ON which.run_uuid = runs.run_uuid AND which.key = 'hpo.run'
        """
        if not self.home.tracking.exists():
            return []
        with closing(sqlite3.connect(self.home.tracking)) as store:
            return store.execute(query).fetchall()

    def processes(self, word: str) -> list[psutil.Process]:
        """Return processes of the search with a text in their command line."""
        return [each for each in _working_in(self.folder) if word in " ".join(each.cmdline())]

    def end(self) -> None:
        """End the processes that a failed test left, so that they do not disturb others."""
        for process in (*self._started, *_working_in(self.folder)):
            process.kill()
        for started in self._started:
            started.wait()
            for stream in (started.stdout, started.stderr):
                stream.close()

    def wait_until_gone(self, seconds: float = 30) -> None:
        """Wait until the processes left by a killed driver have ended."""
        left = left_behind(self.folder, seconds)
        assert left == []

    def openings(self) -> int:
        """Return how often the test part was opened, by the register."""
        return len(all_openings())

    def reads(self) -> int:
        """How often the evaluator read the test part; beside it only the custodian may, to digest it."""
        looks = self.folder / "looks.txt"
        names = [Path(line).name for line in looks.read_text().splitlines()] if looks.exists() else []
        assert set(names) <= {"custodian.py", "evaluation.py"}
        return names.count("evaluation.py")


def undisturbed_record(folder: Path, spec: str = SPEC) -> list[Recorded]:
    """Run a search that nothing disturbs; return its record.

    It has a register of its own: in one that several fixtures share, the opening for the first of them would
    keep the test part sealed for all others.
    """
    place = Place(folder)
    (folder / "tiny.yaml").write_text(spec)
    try:
        done = place.run("submit", "tiny.yaml", "--json", HPO_REGISTER=str(folder / "register.db"))
    finally:
        place.end()
    assert done.returncode == 0, done.stderr
    record = place.record()
    assert number(record, events.TestScored) == 1
    return record


NOT_WORK = (events.SearchResumed, events.Warned, events.WorkersReady, events.SearchEnded)
"""Return what a resumed search prints before it continues."""


ANNOUNCEMENTS = ("your code, which this command runs: ", "at the end the ")
"""How the lines begin that say before a search what it will do, and which code of the user it runs."""


def without_announcements(err: str) -> str:
    """Return what a command printed to standard error apart from what it says beforehand."""
    return "".join(line for line in err.splitlines(keepends=True) if not line.startswith(ANNOUNCEMENTS))


def left_behind(folder: Path, seconds: float = 60) -> list[str]:
    """Command lines of processes that still work in a folder, after they had time to go."""
    end = time.monotonic() + seconds
    while (left := [*_working_in(folder)]) and time.monotonic() < end:
        time.sleep(0.1)
    return [" ".join(process.cmdline())[:200] for process in left]


def _working_in(folder: Path):
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.cwd().startswith(str(folder)):
                yield process
        except psutil.Error:
            continue


def kill(process: subprocess.Popen, number: int = signal.SIGKILL) -> None:
    """Send a signal to the driver alone, and wait for its end."""
    process.send_signal(number)
    process.communicate(timeout=60)


def decisions(record: list[Recorded]) -> list[str]:
    """Return decisions and reports, without times, digests of the spec and events added only by resuming."""
    kinds = (
        events.TrialStarted,
        events.Reported,
        events.TrialPaused,
        events.TrialTakenUp,
        events.TrialEnded,
        events.FinalistsNamed,
    )
    return [_text(each.event) for each in record if isinstance(each.event, kinds)]


def _text(event: events.Event) -> str:
    fields = {k: v for k, v in fields_of(event).items() if k not in ("seconds", "made_with")}
    return f"{type(event).__name__} {fields!r}"


def number(record: list[Recorded], kind: type) -> int:
    """How often a kind of event is on record."""
    return sum(isinstance(each.event, kind) for each in record)


def after(kind: type, count: int = 1, **fields):
    """The moment at which a number of events of a kind are on record."""

    def reached(place: Place) -> bool:
        found = [body for name, body in place.glance() if name == kind.__name__]
        return sum(all(body[key] == value for key, value in fields.items()) for body in found) >= count

    return reached


def has_workers(number: int):
    """The moment at which a search may have a number of workers, and no longer another."""

    def reached(place: Place) -> bool:
        numbers = [body["workers"] for kind, body in place.glance() if kind == "WorkersReady"]
        return numbers[-1:] == [number]

    return reached


def three_checkpoints(place: Place) -> bool:
    """The training under way has this many events on record."""
    kinds = [kind for kind, _ in place.glance()]
    last = len(kinds) - kinds[::-1].index("TrialStarted") if "TrialStarted" in kinds else 0
    return kinds[last:].count("Checkpointed") >= 3 and "TrialEnded" not in kinds[last:]
