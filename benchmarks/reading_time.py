"""CPU time of reading a source with its signature, compared with reading it without one.

    python benchmarks/reading_time.py [--earlier FOLDER] [--only NAME] [--repeats 3] [--large]

Both read the same files alternately, in a custodian process; the median of the repeats counts. FOLDER is a
checkout of an earlier version, to compare with that version instead. ``--large`` reads a table of 1,000,000
rows and 60,000 images, by both without a signature.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from PIL import Image


def table(folder: Path, n: int, columns: int, kind: str) -> tuple[str, dict[str, object]]:
    """A table of numbers and a few names."""
    random = np.random.default_rng(0)
    data: dict[str, object] = {f"x{k}": random.normal(size=n).round(6) for k in range(columns)}
    data["city"] = np.array(["Rome", "Oslo", "Bonn"])[random.integers(0, 3, n)]
    data["y"] = random.integers(0, 2, n)
    path = folder / f"{n}x{columns}.{kind}"
    (pa.csv.write_csv if kind == "csv" else pa.parquet.write_table)(pa.table(data), path)
    return kind, {"file": str(path), "target": "y", "task": "classification"}


def images(folder: Path, n: int, side: int) -> tuple[str, dict[str, object]]:
    """A folder of JPEG files."""
    random = np.random.default_rng(0)
    for row in range(n):
        path = folder / f"images{side}" / f"class{row % 2}" / f"{row}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        small = random.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(small).resize((side, side)).save(path)
    return "image_folder", {"root": str(folder / f"images{side}"), "size": side}


READ = """
import json, resource, sys, tempfile
from pathlib import Path
from hpo.core.home import Home
from hpo.data.custodian import prepare
source, arguments, signed = json.loads(sys.argv[1])
with tempfile.TemporaryDirectory() as home:
    prepare(source, arguments, Home(Path(home)), Path(home), *([bytes(range(32))] if signed else []))
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime)
"""


def seconds(checkout: Path, source: str, arguments: dict[str, object], signed: bool) -> float:
    """Return the CPU time of the custodian of one version."""
    command = [sys.executable, "-c", READ, json.dumps([source, arguments, signed])]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    child = subprocess.run(command, env=environment, cwd=checkout, capture_output=True, text=True, check=True)
    return float(child.stdout)


def large_cases(folder: Path) -> dict[str, tuple[str, dict[str, object]]]:
    """A table and images of the size of usual benchmarks."""
    return {
        "CSV, 1,000,000 x 10": table(folder, 1_000_000, 10, "csv"),
        "JPEG, 60,000 of 32 x 32": images(folder, 60_000, 32),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--earlier", type=Path)
    parser.add_argument("--only", default="", help="part of the names of the data to read")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--large", action="store_true")
    options = parser.parse_args()
    repository = Path(__file__).resolve().parent.parent
    versions = [
        (options.earlier.resolve() if options.earlier else repository, False),
        (repository, not options.large),
    ]
    heads = "earlier | now" if options.large else "without a signature | with one"
    print(f"| data | {heads} | ratio |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases = (
            large_cases(folder)
            if options.large
            else {
                "CSV, 1,000 x 10": table(folder, 1000, 10, "csv"),
                "CSV, 50,000 x 20": table(folder, 50_000, 20, "csv"),
                "Parquet, 50,000 x 20": table(folder, 50_000, 20, "parquet"),
                "CSV, 2,000 x 300": table(folder, 2000, 300, "csv"),
                "JPEG, 4,000 of 32 x 32": images(folder, 4000, 32),
            }
        )
        for title, case in cases.items():
            if options.only not in title:
                continue
            times = [
                [seconds(checkout, *case, signed) for checkout, signed in versions]
                for _ in range(options.repeats)
            ]
            before, after = np.median(np.array(times), axis=0)
            print(f"| {title} | {before:.2f} s | {after:.2f} s | {after / before:.2f} |", flush=True)


if __name__ == "__main__":
    main()
