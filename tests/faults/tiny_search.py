"""A small real search that can be killed: its folder, its processes, its record."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psutil

from hpo.core import events
from hpo.core.home import Home
from hpo.ledger.store import Store

ROOT = Path(__file__).parent.parent.parent

DATA = """
import numpy as np

def waves(part):
    random = np.random.default_rng(0 if part == "development" else 1)
    inputs = random.uniform(-3, 3, size=(80, 2)).astype("float32")
    return inputs, np.sin(inputs).sum(axis=1)
"""

MODEL = """
import time
import numpy as np
from hpo.core.parts import Grammar, Hyperparameter
from hpo.core.trainable import Metric


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
            time.sleep(recipe["seconds"])
            line = line - recipe["rate"] * inputs.T @ (inputs @ line - targets) / len(train)
            model = Fitted(line)
            mse = self.score(model.predict(validation), validation.targets[validation.rows])["mse"]
            context.report({"validation/mse": mse}, model, lambda line=line: {"line": line})

    def load(self, recipe, weights, info):
        return Fitted(weights["line"])

    def score(self, outputs, targets):
        return {"mse": float(((outputs - targets) ** 2).mean())}


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
    """A folder with a spec, and what happens in it."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.home = Home.at(folder / ".hpo")
        for name, text in (("tiny_data.py", DATA), ("tiny_model.py", MODEL), ("tiny.yaml", SPEC)):
            (folder / name).write_text(text)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen:
        """Start the command in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "hpo.cli.main", *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        )

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        """Run the command to its end."""
        process = self.start(*arguments, **environment)
        out, err = process.communicate(timeout=240)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def record(self, name: str = "tiny-1") -> list[events.Recorded]:
        """Everything on record."""
        store = Store.at(self.home.ledger)
        record = list(store.open(name).read())
        store.close()
        return record

    def wait_for(self, process: subprocess.Popen, reached, seconds: float = 120) -> None:
        """Wait until a condition holds of the record, looking often."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if process.poll() is not None:
                raise AssertionError(f"it ended before: {process.communicate()}")
            if self.home.ledger.exists() and reached(self._record_if_any()):
                return
            time.sleep(0.005)
        raise AssertionError("the moment never came")

    def _record_if_any(self) -> list[events.Recorded]:
        store = Store.at(self.home.ledger)
        try:
            return list(store.open("tiny-1").read()) if store.names() else []
        finally:
            store.close()

    def runs(self) -> list[tuple[str, str, str]]:
        """(search id, run, status) of every run that MLflow has."""
        query = """
            SELECT search.value, which.value, runs.status FROM runs
            JOIN tags AS search ON search.run_uuid = runs.run_uuid AND search.key = 'hpo.id'
            JOIN tags AS which ON which.run_uuid = runs.run_uuid AND which.key = 'hpo.run'
        """
        with sqlite3.connect(self.home.tracking) as store:
            rows = store.execute(query).fetchall()
        store.close()
        return rows


def left_behind(folder: Path, seconds: float = 20) -> list[str]:
    """Command lines of processes that still work in a folder, after they had time to go."""
    end = time.monotonic() + seconds
    while (left := [*_working_in(folder)]) and time.monotonic() < end:
        time.sleep(0.1)
    return left


def _working_in(folder: Path):
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.cwd().startswith(str(folder)):
                yield " ".join(process.cmdline())[:200]
        except psutil.Error:
            continue


def kill(process: subprocess.Popen, number: int = signal.SIGKILL) -> None:
    """Send a signal to the driver alone, and wait for its end."""
    process.send_signal(number)
    process.communicate(timeout=60)


def decisions(record: list[events.Recorded]) -> list[str]:
    """What was decided and reported, without clocks and without what only resuming adds."""
    kinds = (events.TrialStarted, events.Reported, events.TrialEnded, events.FinalistsNamed)
    return [_text(each.event) for each in record if isinstance(each.event, kinds)]


def _text(event: events.Event) -> str:
    fields = {name: value for name, value in events.body(event).items() if name != "seconds"}
    return f"{type(event).__name__} {fields!r}"
