"""The shipped specs on real data, each compared with random search using as many epochs.

    python -m benchmarks.real_data --task fashion_mnist --data FOLDER --home DIR --json FILE

A task is a shipped spec with its data. Each search has a partner: the same space, seed and
finalists, but random points, no start points and no early stopping, until it has spent as many epochs
as the search. The search ends with its test score; the partner's test part stays sealed, and the two
are compared on validation.

FOLDER holds ``FashionMNIST/raw`` in torchvision's layout, or the image folder's ``train`` and
``test``; digits and the tables come with scikit-learn.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo import api
from hpo.use_cases.inspect import Search

ROOT = "data.arguments.root={data}"
TASKS: Mapping[str, tuple[str, ...]] = {
    "digits": (),
    "tabular_classification": (),
    "tabular_regression": (),
    "fashion_mnist": (ROOT,),
    "image_folder": (ROOT,),
}
"""Name of a shipped spec, and the fields to set."""


def searched(task: str, data: str, settings: Sequence[str], home: Path, again: str) -> dict[str, Any]:
    """Run a shipped spec and return its figures."""
    overrides = [override.format(data=data) for override in TASKS[task]] + list(settings)
    began = time.perf_counter()
    return figures_of(
        api.submit(task, overrides=overrides, home=home, again=again), time.perf_counter() - began
    )


def at_random(name: str, home: Path) -> dict[str, Any]:
    """Spend the epochs of a search on random points, each trained to its last epoch."""
    search = api.load(name, home=home)
    document = dict(search.spec.document)
    document |= {
        "name": f"{document['name']}_random",
        "sampler": {"name": "random"},
        "scheduler": {"name": "none", "max_epochs": search.spec.horizon},
        "start_from": [],
        "budget": {"epochs": search.history.epochs + search.spec.reserved_epochs},
    }
    began = time.perf_counter()
    return figures_of(api.submit(document, home=home, unseal=False), time.perf_counter() - began)


def figures_of(search: Search, seconds: float) -> dict[str, Any]:
    """Return the figures of a finished search."""
    history, best, objective = search.history, search.best(), search.spec.objective
    assert best is not None
    trials = [training for training in history.trainings.values() if training.replicate == 0]
    values = sorted((t.value for t in trials if math.isfinite(t.value)), key=objective.rising)
    return {
        "search": search.name,
        "metric": objective.metric,
        "seed": search.spec.seed,
        "minutes": seconds / 60,
        "trials": len(trials),
        "fully_trained": sum(t.epoch == search.spec.horizon for t in trials),
        "epochs": history.epochs,
        "of_trials": {"worst": values[0], "middle": values[len(values) // 2], "best": values[-1]},
        "validation": {"mean": best.mean, "std": best.std, "n": best.n},
        "point": dict(best.point),
        "test": history.score.scores if history.score else None,
        "test_examples": history.score.n if history.score else 0,
        "warnings": list(history.warnings),
        "load": os.getloadavg(),
    }


def row(task: str, kind: str, figures: Mapping[str, Any]) -> str:
    """Return a line of the table."""
    metric, validation, test = figures["metric"], figures["validation"], figures["test"]
    score = "sealed"
    if test:
        result = test[metric]
        ends = f"{result['low']:.4f} to {result['high']:.4f}"
        score = f"{result['value']:.4f} ({ends}), n = {figures['test_examples']}"
    cells = (
        task,
        kind,
        f"{metric} {validation['mean']:.4f} ± {validation['std']:.4f} (n = {validation['n']})",
        score,
        f"{figures['trials']} trials, {figures['fully_trained']} to the end, {figures['epochs']} epochs",
        f"{figures['minutes']:.1f} min",
    )
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--task", required=True, choices=tuple(TASKS))
    parser.add_argument("--data", default="", help="folder of the images")
    parser.add_argument("--home", type=Path, required=True, help="folder of the searches")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as in hpo submit")
    parser.add_argument("--again", default="", metavar="REASON", help="reason to open a test part again")
    parser.add_argument("--partner-of", metavar="SEARCH", help="run only the partner of a search in the home")
    parser.add_argument("--alone", action="store_true", help="do not run the partner")
    parser.add_argument("--json", type=Path, help="append all measurements to this file, one per line")
    args = parser.parse_args()
    name = args.partner_of
    if not name:
        figures = searched(args.task, args.data, args.set, args.home, args.again)
        name = figures["search"]
        _write(args, "search", figures)
    if not args.alone:
        _write(args, "random", at_random(name, args.home))


def _write(args: argparse.Namespace, kind: str, figures: Mapping[str, Any]) -> None:
    print(row(args.task, kind, figures), flush=True)
    if args.json:
        with args.json.open("a") as file:
            file.write(json.dumps({"task": args.task, "kind": kind, **figures}) + "\n")


if __name__ == "__main__":
    main()
