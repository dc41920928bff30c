"""How well a search of short trials keeps the workers of a real Ray cluster busy.

    python -m benchmarks.cluster_throughput [--trials 1000] [--nodes 3] [--cpus 4] [--json FILE]

A head and nodes as processes of this machine, each with a number of declared CPUs, run one search with
random proposals, ledger and mirror. Its trainings wait for a second (`benchmarks/trivial.py`), so that two
cores serve twelve workers, and import no torch. The trials counted are those after each worker's first one,
in which its weights are checked; the workers begin them together. The ideal is that of trials without gaps:
1,000 trials of a second on 12 workers end after 84 s. A gap is the time from the end of a training to the
beginning of the next one of its worker.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import psutil
import yaml

from benchmarks.trivial import GATE, SECONDS, WORKERS
from hpo.core.events import Reported
from hpo.core.home import Home
from hpo.ledger.store import LedgerStore
from tests.faults.ray_cluster import TOKEN, RayCluster

HERE = Path(__file__).parent
NAME = "throughput"


@dataclass(frozen=True)
class Stay:
    """One training with its worker.

    Attributes:
        process: The worker.
        began: Unix seconds.
        ended: Unix seconds of its report.
    """

    process: int
    began: float
    ended: float


def spec_of(trials: int, workers: int) -> dict[str, object]:
    """Return the spec of a search whose workers train one trial each beside the trials counted."""
    return {
        "version": 1,
        "data": {"source": "trivial:nothing"},
        "trainable": "trivial:Waiting",
        "space": {"x": {"uniform": [0.0, 1.0]}},
        "sampler": "random",
        "scheduler": {"name": "none", "max_epochs": 1},
        "budget": {"trials": trials + workers},
        "finalists": {"count": 1, "seeds": 1},
        "resources": {"cpus": 1, "trials_at_once": workers},
    }


def searched(folder: Path, address: str, trials: int, workers: int) -> float:
    """Run the search; return the CPU seconds of its driver."""
    spec = HERE / f".throughput-{os.getpid()}.yaml"  # beside the code that it names
    spec.write_text(yaml.safe_dump(spec_of(trials, workers)))
    words = [sys.executable, "-m", "hpo.cli.main", "--home", str(folder / "home"), "--json", "submit"]
    environment = {**os.environ, **TOKEN, "RAY_ADDRESS": address, "HPO_REGISTER": str(folder / "register.db")}
    try:
        process = subprocess.Popen(
            [*words, str(spec), "--name", NAME, "--no-test"],
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        driver, used = psutil.Process(process.pid), 0.0
        while process.poll() is None:
            try:
                used = sum(driver.cpu_times()[:2])
                process.wait(0.5)
            except (subprocess.TimeoutExpired, psutil.NoSuchProcess):
                continue
    finally:
        spec.unlink()
    if process.returncode:
        raise SystemExit(process.returncode)
    return used


def stays_of(home: Home) -> list[Stay]:
    """Return the trainings of the search phase."""
    store = LedgerStore.of(home)
    try:
        reports = [each.event for each in store.open(NAME).read() if isinstance(each.event, Reported)]
    finally:
        store.close()
    return [
        Stay(int(r.metrics["train/process"]), r.metrics["train/began"], r.metrics["train/ended"])
        for r in reports
        if r.replicate == 0
    ]


def counted(stays: Sequence[Stay], workers: int) -> tuple[list[Stay], list[float]]:
    """Return the trainings after each worker's first one, and the gaps between them.

    Raises:
        SystemExit: If another number of workers trained.
    """
    by_worker = defaultdict(list)
    for stay in sorted(stays, key=lambda stay: stay.began):
        by_worker[stay.process].append(stay)
    if len(by_worker) != workers:
        raise SystemExit(f"{len(by_worker)} workers trained, {workers} were asked for; run it again")
    later = {process: stays[1:] for process, stays in by_worker.items()}
    gaps = [after.began - before.ended for stays in later.values() for before, after in pairwise(stays)]
    return [stay for stays in later.values() for stay in stays], gaps


def summary(stays: Sequence[Stay], gaps: Sequence[float], workers: int) -> dict[str, float]:
    """Return how long the trials took, against the ideal."""
    began, ended = min(stay.began for stay in stays), max(stay.ended for stay in stays)
    ideal = math.ceil(len(stays) / workers) * SECONDS
    ordered = sorted(gaps)
    return {
        "trials": len(stays),
        "seconds": ended - began,
        "ideal": ideal,
        "ratio": (ended - began) / ideal,
        "gap_ms_median": 1e3 * statistics.median(ordered),
        "gap_ms_95": 1e3 * ordered[int(0.95 * len(ordered))],
        "gap_ms_most": 1e3 * ordered[-1],
    }


def measured(trials: int, nodes: int, cpus: int) -> dict[str, float]:
    """Start a cluster, run the search, and return what it took."""
    workers = nodes * cpus
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "gate").mkdir()
        facts = {GATE: str(folder / "gate"), WORKERS: str(workers)}
        cluster = RayCluster(*[cpus] * nodes, **facts)
        try:
            used = searched(folder, cluster.address, trials, workers)
        finally:
            cluster.end()
        stays, gaps = counted(stays_of(Home.at(folder / "home")), workers)
    return summary(stays, gaps, workers) | {"driver_cpu_ms_per_trial": 1e3 * used / trials}


def main() -> None:
    """Print and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--cpus", type=int, default=4)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = measured(options.trials, options.nodes, options.cpus)
    print("  ".join(f"{name} {value:.4g}" for name, value in found.items()))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
