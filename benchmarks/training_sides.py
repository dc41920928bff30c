"""The sides of `benchmarks/real_training.py`: the same recipes searched by four systems, each on its own.

- ``random``: full trainings in two plain processes, without any framework;
- ``ray``: Ray Tune with its OptunaSearch (TPE) and ASHA, actors reused;
- ``optuna``: two processes that share a study on SQLite, TPE and the Hyperband pruner;
- ``ours``: `hpo.submit` of a spec that names neither sampler nor scheduler.

That benchmark starts it once for each side and seed; the reports of a side's trainings go to a file.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
HORIZON, FIRST_RUNG, FACTOR, WORKERS = 27, 3, 3, 2
SHARE = 4_000 / 24_000

MODELS: dict[str, dict[str, Any]] = {
    "mlp": {"name": "mlp", "depth": 1, "width": 64},
    "cnn": {"name": "cnn", "stages": 2, "channels": 8},
}
SPACE = {
    "learning_rate": {"loguniform": [1.0e-4, 1.0]},
    "batch_size": {"choice": [32, 64, 128, 256, 512]},
    "optimizer": {"choice": ["nesterov", "adamw"]},
    "optimizer.momentum": {"uniform": [0.5, 0.99]},
    "regularize.weight_decay.rate": {"loguniform": [1.0e-6, 1.0e-1]},
    "regularize.dropout.p": {"uniform": [0.0, 0.5]},
    "loss.label_smoothing": {"uniform": [0.0, 0.3]},
}


def document_of(model: str, root: str, seed: int, trainings: int) -> dict[str, Any]:
    """Return the spec from which every side takes its space."""
    return {
        "version": 1,
        "name": f"fashion_{model}",
        "data": {
            "source": "fashion_part:few_pieces",
            "arguments": {"root": root},
            "validation": SHARE,
        },
        "trainable": "image_classifier",
        "recipe": {
            "model": MODELS[model],
            "schedule": "cosine",
            "regularize": {"weight_decay": True, "dropout": True},
        },
        "space": SPACE,
        "objective": {"metric": "accuracy", "mode": "max", "at": "best"},
        "scheduler": {"name": "leaders", "max_epochs": HORIZON, "first_rung": FIRST_RUNG},
        "budget": {"epochs": (trainings + 1) * HORIZON},
        "resources": {"trials_at_once": WORKERS},
        "finalists": {"count": 1, "seeds": 1},
        "seed": seed,
    }


class Clock:
    """Writes the reports of trainings with their time; all processes of a side share one file."""

    def __init__(self, path: str):
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(self, accuracy: float, seconds: float) -> None:
        """Note an epoch that has just ended, with its duration."""
        line = json.dumps({"at": time.time(), "accuracy": accuracy, "seconds": seconds})
        os.write(self._file, line.encode() + b"\n")


class Context:
    """The context of a training outside the product: takes reports, and can stop the training."""

    device, threads = "cpu", 1

    def __init__(self, seed: int, clock: Clock, told=lambda epoch, accuracy: None):
        self.seed, self.horizon = seed, HORIZON
        self._clock, self._told, self._epoch, self._began = clock, told, 0, time.time()

    def epochs(self):
        return iter(range(1, HORIZON + 1))

    def restored(self):
        return None

    def report(self, metrics, model, state=None):
        self._epoch += 1
        now = time.time()
        self._clock.note(metrics["validation/accuracy"], now - self._began)
        self._began = now
        self._told(self._epoch, metrics["validation/accuracy"])


class Bench:
    """The spec, its data and its trainable, opened once per process of a side."""

    def __init__(self, options, seed: int, folder: str):
        from hpo import spec as specs

        document = document_of(options.model, options.fashion, seed, options.trainings)
        self.spec = specs.parse_spec(document, base=HERE.parent)
        self.folder = Path(folder)
        self.clock = Clock(str(self.folder / "clock"))

    def stage(self):
        """Trainable and data, from the folder filled by `prepare`."""
        from hpo.core.fresh_seeds import SEARCH
        from hpo.core.home import Home
        from hpo.use_cases.dataset.split_dataset import split_dataset_of
        from hpo.use_cases.dataset.staging import DataStaging

        material = split_dataset_of(self.spec.data, self.spec.base, Home.at(self.folder / "home"))
        folder, rows = material.prepared.folder, self.folder / f"rows-{os.getpid()}"
        return DataStaging.of(self.spec.trainable, self.spec.base, folder, {SEARCH: material.split}, rows)()

    def train(self, stage, point, seed: int, told=lambda epoch, accuracy: None) -> None:
        """Train one point of the space."""
        from hpo.core.fresh_seeds import SEARCH
        from hpo.core.recipe import Recipe

        parts, context = stage.parts(SEARCH), Context(seed, self.clock, told)
        recipe = Recipe(self.spec.recipe_of(point))
        stage.trainable.train(recipe, parts.train, parts.validation, context)


def suggested(trial) -> dict[str, Any]:
    """Suggest a point of the same space with Optuna."""
    trial.suggest_float("learning_rate", 1e-4, 1.0, log=True)
    trial.suggest_categorical("batch_size", [32, 64, 128, 256, 512])
    if trial.suggest_categorical("optimizer", ["nesterov", "adamw"]) == "nesterov":
        trial.suggest_float("optimizer.momentum", 0.5, 0.99)
    trial.suggest_float("regularize.weight_decay.rate", 1e-6, 1e-1, log=True)
    trial.suggest_float("regularize.dropout.p", 0.0, 0.5)
    trial.suggest_float("loss.label_smoothing", 0.0, 0.3)
    return dict(trial.params)


def defined_by_run(trial) -> None:
    """Define the space for OptunaSearch; at module level because it is pickled."""
    suggested(trial)


def random_worker(bench: Bench, number: int, options) -> None:
    """Train every second point of a random search to the last epoch."""
    from hpo.sampling.non_adaptive import RandomSearcher

    searcher, stage = RandomSearcher(bench.spec.space, options.seed), bench.stage()
    for trial in range(number, options.trainings, WORKERS):
        bench.train(stage, searcher.ask(trial), options.seed * 1000 + trial)


def optuna_worker(bench: Bench, number: int, options) -> None:
    """Run one of two processes on a study in SQLite."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    stage = bench.stage()
    study = optuna.create_study(
        study_name="study",
        storage=f"sqlite:///{bench.folder / 'optuna.db'}",
        direction="maximize",
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=options.seed * 10 + number),
        pruner=optuna.pruners.HyperbandPruner(FIRST_RUNG, HORIZON, FACTOR),
    )

    def objective(trial) -> float:
        best = 0.0

        def told(epoch: int, accuracy: float) -> None:
            nonlocal best
            best = max(best, accuracy)
            trial.report(best, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
            if accuracy >= options.target:
                (bench.folder / "reached").touch()
            if (bench.folder / "reached").exists():
                study.stop()
                raise optuna.TrialPruned

        bench.train(stage, suggested(trial), options.seed * 1000 + trial.number, told)
        return best

    study.optimize(objective, timeout=options.limit)


def ray_side(bench: Bench, options) -> None:
    """Run Ray Tune with OptunaSearch, ASHA and reused actors."""
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AIR_NEW_OUTPUT": "0"}
    import ray
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.optuna import OptunaSearch

    folder, stages = str(bench.folder), []

    def trainable(config):
        bench = Bench(options, options.seed, folder)
        stages or stages.append(bench.stage())
        best = 0.0

        def told(epoch: int, accuracy: float) -> None:
            nonlocal best
            best = max(best, accuracy)
            tune.report({"best": best, "accuracy": accuracy})

        bench.train(stages[0], dict(config), options.seed, told)

    class Reached(tune.Stopper):
        def __init__(self):
            self._until, self._over = math.inf, False

        def __call__(self, trial_id, result):
            self._until = min(self._until, time.time() + options.limit)  # since the first epoch
            self._over = self._over or result["accuracy"] >= options.target
            return self._over

        def stop_all(self):
            return self._over or time.time() > self._until

    paths = {"env_vars": {"PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE.parent.parent)])}}
    ray.init(
        address="local",
        num_cpus=WORKERS,
        include_dashboard=False,
        logging_level="ERROR",
        log_to_driver=False,
        runtime_env=paths,
    )

    searcher = OptunaSearch(space=defined_by_run, metric="best", mode="max", seed=options.seed)
    scheduler = ASHAScheduler(
        metric="best", mode="max", grace_period=FIRST_RUNG, reduction_factor=FACTOR, max_t=HORIZON
    )
    tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            num_samples=100_000,
            max_concurrent_trials=WORKERS,
            reuse_actors=True,
            search_alg=searcher,
            scheduler=scheduler,
        ),
        run_config=tune.RunConfig(storage_path=folder, verbose=0, stop=Reached()),
    ).fit()
    ray.shutdown()


def our_side(bench: Bench, options) -> None:
    """Run the product, stopped as by `hpo stop`."""
    from hpo.core.events import Reported
    from hpo.core.home import Home
    from hpo.use_cases.search.run_options import RunOptions
    from hpo.use_cases.submit import Submission, submit_search

    home = Home.at(bench.folder / "home")

    class Watch:
        until = math.inf

        def begin(self, search: str) -> None:
            """Ignore the start of the search."""

        def event(self, recorded, history) -> None:
            if isinstance(recorded.event, Reported):
                accuracy = recorded.event.metrics["validation/accuracy"]
                bench.clock.note(accuracy, recorded.event.seconds)
                self.until = min(self.until, time.time() + options.limit)  # since the first epoch
                if accuracy >= options.target or time.time() > self.until:
                    home.search("search").stop_request.touch()

    submit_search(Submission(bench.spec, home, "search", options=RunOptions(unseal=False)), Watch())


def in_two(side: str) -> None:
    """Run the same function in two plain processes."""
    command = [sys.executable, str(HERE), *sys.argv[1:]]
    children = [subprocess.Popen([*command, "--worker", str(number)]) for number in range(WORKERS)]
    if any(child.wait() for child in children):
        raise SystemExit(f"a process of {side} failed")


WORKS = {"random": random_worker, "optuna": optuna_worker}
SIDES = {
    "ours": our_side,
    "ray": ray_side,
    "random": lambda bench, options: in_two("random"),
    "optuna": lambda bench, options: in_two("optuna"),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("side", choices=SIDES)
    parser.add_argument("--fashion", required=True)
    parser.add_argument("--model", choices=MODELS, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--trainings", type=int, required=True, help="full trainings of random search")
    parser.add_argument("--target", type=float, required=True, help="accuracy at which a side ends")
    parser.add_argument("--limit", type=float, required=True, help="seconds after which a side ends too")
    parser.add_argument("--folder", required=True, help="scratch folder of this side, with the data prepared")
    parser.add_argument("--worker", type=int, help="number of this process, for sides with two processes")
    options = parser.parse_args()
    bench = Bench(options, options.seed, options.folder)
    if options.worker is None:
        SIDES[options.side](bench, options)
    else:
        WORKS[options.side](bench, options.worker, options)


if __name__ == "__main__":
    main()
