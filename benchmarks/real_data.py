"""The spaces that ship on real data, each beside random search that spends as many epochs.

    python -m benchmarks.real_data --task fashion_mnist --data FOLDER --home DIR --json FILE

A task is a spec that ships with the data it is shown on. Beside each search stands its partner: the
same space, seed and finalists, points drawn at random, none of them written down beforehand and
nothing stopped early, until it has spent the epochs that the search spent. The search ends in its
one test score; the partner's test part stays sealed, and the two are compared on validation.

FOLDER holds ``FashionMNIST/raw`` as torchvision lays it out, or the image folder's ``train`` and
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
"""Name of a spec that ships, and what is set of it."""


def searched(task: str, data: str, settings: Sequence[str], home: Path, again: str) -> dict[str, Any]:
    """Run the search that ships and say how it went."""
    said = [each.format(data=data) for each in TASKS[task]] + list(settings)
    began = time.perf_counter()
    return told(api.submit(task, overrides=said, home=home, again=again), time.perf_counter() - began)


def at_random(of: str, home: Path) -> dict[str, Any]:
    """Spend what a search spent on random points, each trained to its last epoch."""
    search = api.load(of, home=home)
    document = dict(search.spec.document)
    document |= {
        "name": f"{document['name']}_random",
        "sampler": {"name": "random"},
        "scheduler": {"name": "none", "max_epochs": search.spec.horizon},
        "start_from": [],
        "budget": {"epochs": search.history.epochs + search.spec.reserved_epochs},
    }
    began = time.perf_counter()
    return told(api.submit(document, home=home, unseal=False), time.perf_counter() - began)


def told(search: Search, seconds: float) -> dict[str, Any]:
    """What is worth knowing of a search that is over."""
    history, best, objective = search.history, search.best(), search.spec.objective
    assert best is not None
    trials = [each for each in history.trainings.values() if each.replicate == 0]
    own = sorted((t.value for t in trials if math.isfinite(t.value)), key=objective.rising)
    return {
        "search": search.name,
        "metric": objective.metric,
        "seed": search.spec.seed,
        "minutes": seconds / 60,
        "trials": len(trials),
        "fully_trained": sum(t.epoch == search.spec.horizon for t in trials),
        "epochs": history.epochs,
        "of_trials": {"worst": own[0], "middle": own[len(own) // 2], "best": own[-1]},
        "validation": {"mean": best.mean, "std": best.std, "n": best.n},
        "point": dict(best.point),
        "test": history.score.scores if history.score else None,
        "test_examples": history.score.n if history.score else 0,
        "warnings": list(history.warnings),
        "load": os.getloadavg(),
    }


def row(task: str, kind: str, figures: Mapping[str, Any]) -> str:
    """A line of a table."""
    metric, validation, test = figures["metric"], figures["validation"], figures["test"]
    score = "sealed"
    if test:
        own = test[metric]
        score = f"{own['value']:.4f} ({own['low']:.4f} to {own['high']:.4f}), n = {figures['test_examples']}"
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
    parser.add_argument("--data", default="", help="where the images lie")
    parser.add_argument("--home", type=Path, required=True, help="folder of the searches")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as in hpo submit")
    parser.add_argument("--again", default="", metavar="REASON", help="why a test part is opened once more")
    parser.add_argument("--partner-of", metavar="SEARCH", help="only the partner of a search of that home")
    parser.add_argument("--alone", action="store_true", help="without a partner")
    parser.add_argument("--json", type=Path, help="append everything measured here, a line each")
    args = parser.parse_args()
    of = args.partner_of
    if not of:
        figures = searched(args.task, args.data, args.set, args.home, args.again)
        of = figures["search"]
        _write(args, "search", figures)
    if not args.alone:
        _write(args, "random", at_random(of, args.home))


def _write(args: argparse.Namespace, kind: str, figures: Mapping[str, Any]) -> None:
    print(row(args.task, kind, figures), flush=True)
    if args.json:
        with args.json.open("a") as file:
            file.write(json.dumps({"task": args.task, "kind": kind, **figures}) + "\n")


if __name__ == "__main__":
    main()
