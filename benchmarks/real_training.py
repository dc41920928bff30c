"""Wall time of whole searches on real trainings: the product compared with common combinations.

Fashion-MNIST, 20,000 images to train on and 4,000 to validate on, two trainings at once. The target is the
median validation error, over seeds, that random search with full trainings reaches; a side's figure is the
wall time until one of its trainings reported that error, or twice the time limit. Every side trains recipes
of the same space with the same code; only the sampler and the stopping rule differ. The sides are described
in `benchmarks/training_sides.py`.

    python benchmarks/real_training.py --fashion FOLDER --model mlp --seeds 5 --json FILE

Each side runs in its own processes, one after the other. Start-up (imports, Ray, opening the data) is given
separately: the clock of a side starts with its first epoch. Every run is written to FILE when it ends and is
not repeated: an interrupted comparison resumes, and `--seeds 0` prints the existing results.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parent.parent))

from benchmarks.training_sides import MODELS, SIDES, Bench  # noqa: E402

ENDLESS = 1e9


class Runs:
    """Measurements, one JSON line per side and seed."""

    def __init__(self, path: Path | None):
        self._path = path
        written = path.read_text().splitlines() if path and path.exists() else []
        self.all = [json.loads(line) for line in written]

    def of(self, side: str) -> list[dict[str, Any]]:
        """Return a side's runs."""
        return [run for run in self.all if run["side"] == side]

    def has(self, side: str, seed: int) -> bool:
        """Return whether a run is on record."""
        return any(run["seed"] == seed for run in self.of(side))

    def add(self, run: dict[str, Any]) -> None:
        """Record a run."""
        self.all.append(run)
        if self._path:
            with self._path.open("a") as file:
                file.write(json.dumps(run) + "\n")


def measured(side: str, seed: int, target: float, limit: float, options) -> dict[str, Any]:
    """Run one side and return its reports, timed from its first epoch."""
    with tempfile.TemporaryDirectory() as folder:
        Bench(options, seed, folder).stage()  # prepares the data before any side runs
        command = [sys.executable, str(HERE.parent / "training_sides.py"), side, "--fashion", options.fashion]
        command += ["--model", options.model, "--seed", str(seed), "--folder", folder]
        command += ["--target", str(target), "--limit", str(limit), "--trainings", str(options.trainings)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        began = time.time()
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode not in (0, 1):
            raise SystemExit(done.stderr)
        clock = Path(folder) / "clock"
        lines = [json.loads(line) for line in clock.read_text().splitlines()] if clock.exists() else []
    if not lines:
        raise SystemExit(done.stderr)
    start = min(line["at"] - line["seconds"] for line in lines)
    curve, best = [], 0.0
    for line in sorted(lines, key=lambda line: line["at"]):
        if line["accuracy"] > best:
            best = line["accuracy"]
            curve.append((line["at"] - start, best))
    return {
        "side": side,
        "seed": seed,
        "startup": start - began,
        "seconds": max(line["at"] for line in lines) - start,
        "epochs": len(lines),
        "curve": curve,
    }


def reached(run: dict[str, Any], target: float) -> float:
    """Return the seconds to the target; twice the run's time if it was never reached."""
    return next((at for at, best in run["curve"] if best >= target), 2 * run["seconds"])


def compare(options, runs: Runs) -> float:
    """Run what is not on record, random search first because it sets the target."""
    requested = range(options.first_seed, options.first_seed + options.seeds)
    for seed in requested:
        if options.target is None and not runs.has("random", seed):
            runs.add(measured("random", seed, 2.0, ENDLESS, options))
            print(shown(runs.all[-1]), flush=True)
    searches = runs.of("random")
    target = 1 - options.target if options.target else statistics.median(r["curve"][-1][1] for r in searches)
    limit = options.give_up or statistics.median(run["seconds"] for run in searches)
    for seed in requested:
        for side in options.sides.split(","):
            if not runs.has(side, seed):
                runs.add(measured(side, seed, target, limit, options))
                print(shown(runs.all[-1], target), flush=True)
    return target


def shown(run: dict[str, Any], target: float = 2.0) -> str:
    """Format a run as one line."""
    outcome = f"target after {reached(run, target):.1f} s" if run["curve"][-1][1] >= target else "no target"
    figures = f"best {run['curve'][-1][1]:.4f}, {run['epochs']} epochs in {run['seconds']:.1f} s"
    return f"{run['side']} {run['seed']}: {figures}, {outcome}, start-up {run['startup']:.1f} s"


def table(runs: Runs, target: float) -> str:
    """Return median seconds and epochs of each side and its ratio to ours, without start-up."""
    lines, ours = [f"target: validation error {1 - target:.4f}"], None
    for side in SIDES:
        side_runs = runs.of(side)
        if not side_runs:
            continue
        seconds = [run["seconds"] if side == "random" else reached(run, target) for run in side_runs]
        median = statistics.median(seconds)
        ours = median if ours is None else ours
        missed = sum(run["curve"][-1][1] < target for run in side_runs) if side != "random" else 0
        spread = (
            f"{min(seconds):.1f} to {max(seconds):.1f}, n = {len(side_runs)}, {missed} without the target"
        )
        epochs = statistics.median(run["epochs"] for run in side_runs)
        startup = statistics.median(run["startup"] for run in side_runs)
        lines.append(
            f"{side:8} {median:8.1f} s ({spread}), {median / ours:5.1f} times ours; {epochs:.0f} epochs; "
            f"start-up {startup:.1f} s"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fashion", required=True, help="folder that holds torchvision's FashionMNIST")
    parser.add_argument("--model", choices=MODELS, default="mlp")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--sides", default="ours,ray,optuna")
    parser.add_argument("--trainings", type=int, default=50, help="full trainings of random search")
    parser.add_argument("--target", type=float, help="validation error; by default that of random search")
    parser.add_argument("--give-up", type=float, help="seconds; by default the time of random search")
    parser.add_argument("--json", type=Path, help="file of runs as JSON lines, read and appended to")
    options = parser.parse_args()
    options.fashion = str(Path(options.fashion).resolve())
    runs = Runs(options.json)
    print(table(runs, compare(options, runs)))


if __name__ == "__main__":
    main()
