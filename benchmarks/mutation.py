"""Measures how many small faults the fast tests notice, room by room.

    python -m pip install -r benchmarks/requirements-mutation.txt
    python -m benchmarks.mutation cover       # once for a state of the code: which test runs which line
    python -m benchmarks.mutation run         # continues where it was interrupted
    python -m benchmarks.mutation table

A fixed draw of faults (`benchmarks.mutants`), equally many in each room, is planted one at a time into a copy
of the tree; only the tests that execute the changed line are run against it. A fault that no test notices is
printed with its file and line. Faults on lines that no fast test executes count as unnoticed and are also
counted separately. Code that ends processes is tried in its own process namespace, so that a fault there
cannot end other processes; without permission to create one it is left out, and the table says so.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from benchmarks.mutants import Mutant, mutants

ROOT = Path(__file__).parents[1]
WORK = ROOT / "build" / "mutation"
ROOMS = ("core", "spec", "data", "ledger", "sampling", "selection", "running", "tracking", "use_cases", "cli")
ENDS_PROCESSES = ("hpo/running/reaper.py", "hpo/running/watchdog.py", "hpo/use_cases/search/signals.py")
ISOLATED = ["unshare", "--pid", "--fork", "--mount-proc"]
MOST_TESTS = 120
"""Maximum number of tests run against one fault: the shortest of those that execute its line."""

Tests = Mapping[str, float]
"""Duration of each test, in seconds."""


@dataclass(frozen=True)
class Trial:
    """One fault and its outcome.

    Attributes:
        room: Room of the file.
        file: Path from the root.
        line: Line of the fault.
        kind: Operator of the fault.
        before: Text replaced.
        after: Text in its place.
        outcome: ``noticed``, ``unnoticed``, ``not executed`` or ``left out``.
        tests: Number of tests that were run.
        seconds: Duration of these tests.
    """

    room: str
    file: str
    line: int
    kind: str
    before: str
    after: str
    outcome: str
    tests: int
    seconds: float


def files_of(room: str) -> list[str]:
    """Return the source files of a room; ``trainables`` is one."""
    folder = "trainables" if room == "trainables" else f"hpo/{room}"
    listed = subprocess.run(
        ["git", "ls-files", f"{folder}/*.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [name for name in listed.stdout.split() if not name.endswith("__init__.py")]


def draw(room: str, count: int, seed: int, root: Path = ROOT) -> list[tuple[str, Mutant]]:
    """Return a fixed draw of a room's faults: the files' faults pooled, without replacement."""
    pool = [(file, mutant) for file in files_of(room) for mutant in mutants((root / file).read_text())]
    return random.Random(f"{seed}/{room}").sample(pool, min(count, len(pool)))


def cover(arguments: Sequence[str]) -> None:
    """Run the fast tests under coverage, keeping which test executed each line and how long tests took."""
    WORK.mkdir(parents=True, exist_ok=True)
    command = [
        *(sys.executable, "-m", "pytest", "-m", "not slow and not faults", "-p", "no:cacheprovider"),
        *("--cov=hpo", "--cov=trainables", "--cov-context=test", "--cov-report="),
        *("--junitxml", str(WORK / "tests.xml"), "-o", "junit_family=xunit1", *arguments),
    ]
    subprocess.run(command, cwd=ROOT, env=os.environ | {"COVERAGE_FILE": str(WORK / "coverage")}, check=False)


@cache
def seconds_of_tests() -> Tests:
    """Return the duration of each test by its name in coverage."""
    from xml.etree import ElementTree

    cases = ElementTree.parse(WORK / "tests.xml").iter("testcase")
    return {f"{case.get('file')}::{case.get('name')}": float(case.get("time", 0)) for case in cases}


def tests_of(file: str, line: int) -> list[str]:
    """Return the tests that execute a line, the shortest first."""
    seconds = seconds_of_tests()
    contexts = _contexts(file).get(line, [])
    names = {context.split("|")[0] for context in contexts if "::" in context}
    return sorted(names, key=lambda name: seconds.get(name, 1.0))[:MOST_TESTS]


@cache
def _contexts(file: str) -> dict[int, list[str]]:
    import coverage

    data = coverage.CoverageData(str(WORK / "coverage"))
    data.read()
    return data.contexts_by_lineno(str(ROOT / file))


def attempt(room: str, file: str, mutant: Mutant, tree: Path) -> Trial:
    """Plant one fault in a copy of the tree and run the tests that execute its line."""
    began = time.monotonic()
    tests = tests_of(file, mutant.line)
    outcome = _outcome(file, mutant, tree, tests) if tests else "not executed"
    location = (room, file, mutant.line, mutant.kind, mutant.before, mutant.after)
    return Trial(*location, outcome, len(tests), round(time.monotonic() - began, 1))


def _outcome(file: str, mutant: Mutant, tree: Path, tests: list[str]) -> str:
    prefix: list[str] = []
    if file in ENDS_PROCESSES:
        if os.geteuid() or not shutil.which(ISOLATED[0]):
            return "left out"
        prefix = ISOLATED
    limit = 60 + 5 * sum(seconds_of_tests().get(name, 1.0) for name in tests)
    source = (tree / file).read_text()
    (tree / file).write_text(mutant.applied(source))
    try:
        command = [*prefix, sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
        environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
        run = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, timeout=limit, check=False
        )
        return "noticed" if run.returncode else "unnoticed"
    except subprocess.TimeoutExpired:
        return "noticed"
    finally:
        (tree / file).write_text(source)


def copy_of_tree() -> Path:
    """Copy the tracked files, so that a fault is never in the tree itself."""
    tree = WORK / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in tracked.stdout.splitlines():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tree / name)
    return tree


def recorded(path: Path) -> list[Trial]:
    """Return the faults tried so far."""
    return [Trial(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []


def run(rooms: Sequence[str], count: int, seed: int, path: Path) -> Iterator[Trial]:
    """Try every fault of the draw that is not on record yet, and record each result at once."""
    done = {(trial.file, trial.line, trial.before, trial.after) for trial in recorded(path)}
    tree = copy_of_tree()
    for room in rooms:
        for file, mutant in draw(room, count, seed, tree):
            if (file, mutant.line, mutant.before, mutant.after) in done:
                continue
            trial = attempt(room, file, mutant, tree)
            with path.open("a") as lines:
                lines.write(json.dumps(asdict(trial)) + "\n")
            yield trial


def table(trials: Iterable[Trial]) -> str:
    """Return the score of each room in Markdown: noticed faults over all that were tried."""
    head = "| room | faults | noticed | unnoticed | not executed | left out | score |"
    rows = [head, "| --- " * 7 + "|"]
    by_room: dict[str, Counter[str]] = {}
    for trial in trials:
        by_room.setdefault(trial.room, Counter())[trial.outcome] += 1
    for room, counts in by_room.items():
        tried = counts.total() - counts["left out"]
        score = f"{counts['noticed'] / tried:.0%}" if tried else "-"
        cells = (counts[name] for name in ("noticed", "unnoticed", "not executed", "left out"))
        rows.append(f"| {room} | {counts.total()} | {' | '.join(map(str, cells))} | {score} |")
    return "\n".join(rows)


def main() -> None:
    """Cover, run or print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("step", choices=("cover", "run", "table"))
    parser.add_argument("--rooms", default=",".join((*ROOMS, "trainables")))
    parser.add_argument("--count", type=int, default=40, help="faults in each room")
    parser.add_argument("--seed", type=int, default=1, help="number of the draw")
    parser.add_argument(
        "--tests",
        nargs="*",
        default=[],
        help="for cover: expression that selects tests; by default all fast ones",
    )
    options = parser.parse_args()
    path = WORK / f"draw-{options.seed}.jsonl"
    if options.step == "cover":
        cover(options.tests)
        return
    if options.step == "run":
        for trial in run(options.rooms.split(","), options.count, options.seed, path):
            change = f"{trial.kind}: {trial.before!r} -> {trial.after!r}"
            print(f"{trial.outcome}: {trial.file}:{trial.line} {change}", flush=True)
    print(table(recorded(path)))


if __name__ == "__main__":
    main()
