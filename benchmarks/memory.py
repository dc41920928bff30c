"""Memory of workers: private pages of four processes that all read one data set.

    python benchmarks/memory.py [--json FILE] [--workers 4] [--megabytes 200]

Each worker opens the prepared development part as trials do, and reads every example batch by batch.
While all of them hold it, their private memory (unique set size) is summed, for a large data set and
for one of 1 MB. The difference is the cost of the data's size beyond the one shared copy.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from hpo.core.home import Home
from hpo.data.custodian import prepare
from hpo.data.split import split

SOURCE = """
import numpy as np

def images(part, megabytes):
    n = max(20, megabytes * 2**20 // 3072) if part == "development" else 20
    random = np.random.default_rng(part == "test")
    return random.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8), np.arange(n) % 10
"""

WORKER = """
import sys
from pathlib import Path
import numpy as np
import psutil
from hpo.data.examples import open_examples

rows = np.load(sys.argv[2])
part = open_examples(Path(sys.argv[1]), rows)
order = np.random.default_rng(0).permutation(rows)
total = 0.0
for start in range(0, len(order) - 127, 128):
    batch = part.inputs[np.sort(order[start : start + 128])].astype(np.float32)
    total += float(batch.mean())
print("read", flush=True)
sys.stdin.readline()
print(psutil.Process().memory_full_info().uss, flush=True)
sys.stdin.readline()
"""


def private(folder: Path, rows: Path, workers: int) -> int:
    """Return the sum of the workers' private bytes, while all hold the data."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(folder), str(rows)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(workers)
    ]
    total = 0
    for worker in processes:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "read\n"
    for worker in processes:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
        total += int(worker.stdout.readline())
    for worker in processes:
        worker.communicate("\n")
    return total


def main() -> None:
    """Measure both data sets and print or write the figures."""
    import numpy as np

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--megabytes", type=int, default=200)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch)
        (base / "memory_source.py").write_text(SOURCE)
        sums = {}
        for megabytes in (1, args.megabytes):
            arguments = {"megabytes": megabytes}
            data = prepare("memory_source:images", arguments, Home(base / "home"), base)
            rows = base / f"rows-{megabytes}.npy"
            np.save(rows, split(data.targets(), validation=0.2, seed=0).train)
            sums[megabytes] = private(data.folder, rows, args.workers) / 2**20
    growth = sums[args.megabytes] - sums[1]
    figures = {
        "workers": args.workers,
        "small_mb": sums[1],
        "large_mb": sums[args.megabytes],
        "grown_mb": growth,
    }
    print(
        f"{args.workers} workers: {sums[1]:.1f} MB private with 1 MB of data, "
        f"{sums[args.megabytes]:.1f} MB with {args.megabytes} MB: {growth:+.1f} MB"
    )
    if args.json:
        args.json.write_text(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
