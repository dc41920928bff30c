"""The cost of a search beyond its training.

Two questions, each answered in one run with alternating sides, start-up given separately:

1. Trivial trainings (3 epochs that do nothing): milliseconds per trial of this project's machinery, ledger
   and MLflow mirror on, compared with Ray Tune with its defaults and with reused actors.
2. Real trainings: wall time of a search compared with the same trainings (recipes, seeds and epochs as
   recorded) in two plain one-thread processes.

    python benchmarks/overhead.py --fashion FOLDER --json overhead.json

FOLDER holds torchvision's FashionMNIST; without it that part is skipped.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hpo.core.outcome import Watcher

EPOCHS = 3
WORKERS = 2
HERE = Path(__file__).resolve()


# -- trivial trainings -----------------------------------------------------------------------------


def ours(trials: int, watch: Watcher | None = None) -> dict[str, float]:
    """Run a search of trivial trainings as `hpo submit` does, with ledger and mirror."""
    from hpo import spec as specs
    from hpo.core import events
    from hpo.core.home import Home
    from hpo.ledger.store import LedgerStore
    from hpo.use_cases.search.run_options import RunOptions
    from hpo.use_cases.submit import Submission, submit_search

    began = time.time()
    with tempfile.TemporaryDirectory() as folder:
        home = Home.at(Path(folder) / "home")
        document = {
            "version": 1,
            "data": {"source": "digits"},
            "trainable": "trivial:Trivial",
            "space": {"x": {"uniform": [0.0, 1.0]}},
            "scheduler": {"name": "none", "max_epochs": EPOCHS},
            "budget": {"trials": trials},
            "finalists": {"count": 1, "seeds": 1},
            "resources": {"trials_at_once": WORKERS},
        }
        submission = Submission(
            specs.parse_spec(document, base=HERE.parent), home, options=RunOptions(unseal=False)
        )
        outcome = submit_search(submission, watch)
        record = list(LedgerStore.at(home.ledger).open(outcome.search).read())
    trials_only = [e for e in record if getattr(e.event, "replicate", 0) == 0]
    first = next(e.time for e in trials_only if isinstance(e.event, events.Reported))
    last = max(e.time for e in trials_only if isinstance(e.event, events.TrialEnded))
    return {"ms": (last - first) / trials * 1000, "startup": first - began}


def rays(trials: int, reuse: bool) -> dict[str, float]:
    """Run the same trainings with Ray Tune itself."""
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AIR_NEW_OUTPUT": "0"}
    import ray
    from ray import tune

    class Trivial(tune.Trainable):
        def step(self):
            return {"score": self.config["x"] * self.iteration, "done": self.iteration + 1 >= EPOCHS}

        def reset_config(self, new_config):
            return True

        def save_checkpoint(self, checkpoint_dir):
            return None

    def trivial(config):
        for epoch in range(EPOCHS):
            tune.report({"score": config["x"] * epoch})

    class FirstResult(tune.Callback):
        at = 0.0

        def on_trial_result(self, **_):
            FirstResult.at = FirstResult.at or time.time()

    began = time.time()
    ray.init(
        address="local", num_cpus=WORKERS, include_dashboard=False, logging_level="ERROR", log_to_driver=False
    )
    with tempfile.TemporaryDirectory() as folder:
        tuner = tune.Tuner(
            Trivial if reuse else trivial,
            param_space={"x": tune.uniform(0, 1)},
            tune_config=tune.TuneConfig(
                num_samples=trials, max_concurrent_trials=WORKERS, reuse_actors=reuse
            ),
            run_config=tune.RunConfig(storage_path=folder, callbacks=[FirstResult()], verbose=0),
        )
        tuner.fit()
        ended = time.time()
        ray.shutdown()
    return {"ms": (ended - FirstResult.at) / trials * 1000, "startup": FirstResult.at - began}


SIDES = {"ours": ours, "stock": lambda n: rays(n, reuse=False), "reused": lambda n: rays(n, reuse=True)}


SHORT = {
    "data.source": "fashion_part:few_pieces",
    "data.validation": 0.2,  # 6,000 images to train on: epochs of a second or more
    "budget.trials": 12,
    "budget.hours": "null",
    "finalists.count": 1,
    "finalists.seeds": 2,
}
"""Shortens the shipped Fashion-MNIST search; long enough to measure the overhead per epoch."""

STOCK_TRIALS = 30
"""By default Ray Tune starts a process for every trial, a second or more each; a few are enough."""


def trivial_costs(trials: int, repeats: int) -> dict[str, dict[str, list[float]]]:
    """Run every side in its own process, one after the other, several times."""
    found: dict[str, dict[str, list[float]]] = {side: {"ms": [], "startup": []} for side in SIDES}
    for _ in range(repeats):
        for side in SIDES:
            count = min(trials, STOCK_TRIALS) if side == "stock" else trials
            command = [sys.executable, str(HERE), "--side", side, "--trials", str(count)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(done.stderr)
            for name, value in json.loads(done.stdout.splitlines()[-1]).items():
                found[side][name].append(value)
    return found


# -- real trainings --------------------------------------------------------------------------------


@dataclass
class Recorded:
    """The trainings of a search, and the time from its first epoch to its last."""

    seconds: float
    startup: float
    staging: object
    objective: object
    trainings: list[tuple[dict, int, int, int]] = field(default_factory=list)


def searched(document: dict, base: Path, home_folder: Path) -> Recorded:
    """Run a search and read its trainings from the record."""
    from hpo import spec as specs
    from hpo.core import events
    from hpo.core.home import Home
    from hpo.ledger.store import LedgerStore
    from hpo.use_cases.dataset.split_dataset import split_dataset_of
    from hpo.use_cases.dataset.staging import DataStaging
    from hpo.use_cases.inspect import load_search
    from hpo.use_cases.search.run_options import RunOptions
    from hpo.use_cases.submit import Submission, submit_search

    began = time.time()
    home = Home.at(home_folder)
    spec = specs.parse_spec(document, base=base)
    outcome = submit_search(Submission(spec, home, options=RunOptions(unseal=False)))
    record = list(LedgerStore.at(home.ledger).open(outcome.search).read())
    reports = [e for e in record if isinstance(e.event, events.Reported)]
    start = reports[0].time - reports[0].event.seconds
    end = max(e.time for e in record if isinstance(e.event, events.TrialEnded))
    dataset = split_dataset_of(spec.data, spec.base, home)
    staging = DataStaging.of(
        spec.trainable, spec.base, dataset.prepared.folder, {"search": dataset.split}, home.root / "plain"
    )
    trainings = [
        (dict(t.recipe), t.seed, t.epoch, spec.horizon)
        for t in load_search(outcome.search, home).history.trainings.values()
    ]
    return Recorded(end - start, start - began, staging, spec.objective, trainings)


class PlainContext:
    """The minimum a training needs: a horizon, a seed, and the epoch at which the search ended it."""

    device, threads = "cpu", 1

    class Enough(BaseException):
        """Raised when the recorded epochs have been trained."""

    def __init__(self, seed: int, last: int, horizon: int):
        self.seed, self.horizon, self._last = seed, horizon, last
        self._epoch = 0

    def epochs(self):
        return iter(range(1, self.horizon + 1))

    def restored(self):
        return None

    def report(self, metrics, model, state=None):
        self._epoch += 1
        if self._epoch >= self._last:
            raise self.Enough


def plain_worker(staging, todo, ready) -> None:
    """Run the trainings in the queue, one after the other."""
    from hpo.core.recipe import Recipe

    stage = staging()
    parts = stage.parts("search")
    ready.wait()
    while (training := todo.get()) is not None:
        recipe, seed, last, horizon = training
        try:
            stage.trainable.train(
                Recipe(recipe), parts.train, parts.validation, PlainContext(seed, last, horizon)
            )
        except PlainContext.Enough:
            continue


def plain(recorded: Recorded) -> float:
    """Run the same trainings in two plain processes; return the seconds once both are ready."""
    context = multiprocessing.get_context("spawn")
    todo, ready = context.Queue(), context.Barrier(WORKERS + 1)
    for training in recorded.trainings:
        todo.put(training)
    for _ in range(WORKERS):
        todo.put(None)
    os.environ["OMP_NUM_THREADS"] = "1"
    workers = [
        context.Process(target=plain_worker, args=(recorded.staging, todo, ready)) for _ in range(WORKERS)
    ]
    for worker in workers:
        worker.start()
    ready.wait()
    began = time.time()
    for worker in workers:
        worker.join()
    return time.time() - began


def real_ratio(document: dict, base: Path, repeats: int) -> dict[str, list[float]]:
    """Time the search and the plain loop, alternating."""
    found: dict[str, list[float]] = {"search": [], "plain": [], "ratio": [], "startup": []}
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            recorded = searched(document, base, Path(folder) / "home")
            seconds = plain(recorded)
        found["search"].append(recorded.seconds)
        found["plain"].append(seconds)
        found["ratio"].append(recorded.seconds / seconds)
        found["startup"].append(recorded.startup)
    return found


def document_of(name: str, **changes) -> tuple[dict, Path]:
    """Return a shipped spec's document with some fields changed."""
    from hpo import spec as specs

    spec = specs.read_spec(name, [f"{key}={value}" for key, value in changes.items()])
    return dict(spec.document), spec.base


def fashion_of(root: Path) -> tuple[dict, Path]:
    """Return the shipped Fashion-MNIST search on a part of the data."""
    document, _ = document_of("fashion_mnist", **SHORT)
    document["data"]["arguments"] = {"root": str(root), "images": 7_500}
    document["base"] = str(Path(__file__).parent)
    return document, Path(__file__).parent


def shown(name: str, values: list[float], unit: str) -> str:
    """Format the median and range over the repeats."""
    spread = f"({min(values):.2f} to {max(values):.2f}, n = {len(values)})"
    return f"{name:28} {statistics.median(values):9.2f} {unit:6} {spread}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--fashion", type=Path, help="folder that holds torchvision's FashionMNIST")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", choices=["trivial", "digits", "fashion"])
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(SIDES[options.side](options.trials)))
        return
    result: dict[str, float] = {}
    if options.only in (None, "trivial"):
        for side, values in trivial_costs(options.trials, options.repeats).items():
            result[f"{side}_ms"] = statistics.median(values["ms"])
            print(shown(f"{side}, a trial", values["ms"], "ms"))
            print(shown(f"{side}, start-up", values["startup"], "s"))
    specs = {"digits": document_of("digits")}
    if options.fashion:
        specs["fashion"] = fashion_of(options.fashion.resolve())
    for name, (document, base) in specs.items():
        if options.only in (None, name):
            values = real_ratio(document, base, options.repeats)
            result[f"{name}_ratio"] = statistics.median(values["ratio"])
            for key, unit in (("search", "s"), ("plain", "s"), ("ratio", ""), ("startup", "s")):
                print(shown(f"{name}, {key}", values[key], unit))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
