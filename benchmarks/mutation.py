"""Measures how many small faults the fast tests notice, room by room.

    python -m pip install -r benchmarks/requirements-mutation.txt
    python -m benchmarks.mutation cover       # once for a state of the code: which test runs which line
    python -m benchmarks.mutation run         # continues where it was interrupted
    python -m benchmarks.mutation check       # the tests that noticed a fault pass without one
    python -m benchmarks.mutation table

A fixed draw of faults (`benchmarks.mutants`), equally many in each room, is planted one at a time into a copy
of the tree; only the tests that execute the changed line are run against it: for a line that is executed on
import alone those that execute the module (without functions: those of its folder) and those that read the
source as a whole. A fault that no test notices is printed with its file and line. Faults on lines that no
fast test executes count as unnoticed and are also counted separately. Faults that change nothing are listed
with the reason in `results/mutation_equivalent.jsonl` and leave the score.

Tests run in a fork of a process that has imported the large libraries, and never this project. Code that ends
processes is tried in its own process namespace, so that a fault there cannot end other processes; without
permission to create one it is left out, and the table says so.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import cache
from itertools import accumulate
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.mutants import Mutant, mutants

ROOT = Path(__file__).parents[1]
WORK = ROOT / "build" / "mutation"
ROOMS = ("core", "spec", "data", "ledger", "sampling", "selection", "running", "tracking", "use_cases", "cli")
ENDS_PROCESSES = ("hpo/running/reaper.py", "hpo/running/watchdog.py", "hpo/use_cases/search/signals.py")
ISOLATED = ["unshare", "--pid", "--fork", "--mount-proc"]
OF_THE_TREE = ("tests/test_values.py::", "tests/test_names.py::", "tests/test_signatures.py::")
"""Tests that read the source as a whole."""

MOST_TESTS, MOST_SECONDS = 200, 12.0
"""Limits of what is run against one fault: tests of its module first, then the shortest that execute it."""

LIBRARIES = ("torch", "ray", "optuna", "mlflow", "pandas", "sklearn", "scipy.stats", "pytest")
"""Imported once before the forks."""

FORK = multiprocessing.get_context("fork")
EQUIVALENT = ROOT / "benchmarks" / "results" / "mutation_equivalent.jsonl"

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
        tests: Number of tests that were chosen.
        seconds: Duration of these tests.
        by: The test that noticed it, ``""`` if none did, ``the time limit`` if they did not end.
        code: The line as it was.
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
    by: str = ""
    code: str = ""


def files_of(room: str) -> list[str]:
    """Return the source files of a room; ``trainables`` is one."""
    folder = "trainables" if room == "trainables" else f"hpo/{room}"
    listed = subprocess.run(
        ["git", "ls-files", f"{folder}/*.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [name for name in listed.stdout.split() if not name.endswith("__init__.py")]


def draw(room: str, count: int, seed: int, root: Path = ROOT) -> list[tuple[str, Mutant]]:
    """Return a fixed draw of a room's faults: the files' faults pooled, without replacement.

    Slots of a class that were drawn are left out: they change how much memory it takes, and nothing else.
    """
    sources = {file: (root / file).read_text() for file in files_of(room)}
    pool = [(file, mutant) for file, source in sources.items() for mutant in mutants(source)]
    drawn = random.Random(f"{seed}/{room}").sample(pool, min(count, len(pool)))
    return [(file, each) for file, each in drawn if not sources[file][: each.start].endswith("slots=")]


PROCESSES = """
[run]
source =
    {root}/hpo
    {root}/trainables
data_file = {work}/coverage
parallel = true
context = ${{PYTEST_CURRENT_TEST}}
sigterm = true
patch = _exit
"""
"""How processes are measured that tests start; pytest keeps the name of the running test in the variable."""


def cover(arguments: Sequence[str]) -> None:
    """Run the fast tests under coverage, keeping which test executed each line and how long tests took."""
    WORK.mkdir(parents=True, exist_ok=True)
    (WORK / "processes.ini").write_text(PROCESSES.format(root=ROOT, work=WORK))
    command = [
        *(sys.executable, "-m", "pytest", "-m", "not slow and not faults", "-p", "no:cacheprovider"),
        *("-p", "benchmarks.subprocess_coverage"),
        *("--cov=hpo", "--cov=trainables", "--cov-context=test", "--cov-report="),
        *("--junitxml", str(WORK / "tests.xml"), "-o", "junit_family=xunit1", *arguments),
    ]
    files = {
        "COVERAGE_FILE": str(WORK / "coverage"),
        "HPO_COVERAGE_CONFIG": str(WORK / "processes.ini"),
    }
    subprocess.run(command, cwd=ROOT, env=os.environ | files, check=False)
    combine = [sys.executable, "-m", "coverage", "combine", "--append", "--quiet", str(WORK)]
    subprocess.run(combine, cwd=ROOT, env=os.environ | files, check=False)


@cache
def seconds_of_tests() -> Tests:
    """Return the duration of each test that passed, by its name in coverage."""
    from xml.etree import ElementTree

    cases = ElementTree.parse(WORK / "tests.xml").iter("testcase")
    passed = (case for case in cases if case.find("failure") is None and case.find("error") is None)
    return {f"{case.get('file')}::{case.get('name')}": float(case.get("time", 0)) for case in passed}


def tests_of(file: str, line: int) -> list[str]:
    """Return the tests to run against a fault in a line: those of its module first, the shortest first."""
    seconds = seconds_of_tests()
    folder = str(Path(file).parent).removeprefix("hpo/")
    own = (f"tests/{folder}/test_{Path(file).stem}.py::", *OF_THE_TREE)
    by_line = _contexts(file)
    lines = _statement(file, line) or by_line
    contexts = {context for each in lines for context in by_line.get(each, [])}
    names = _named(contexts)
    if lines is by_line:
        names = (names or _tests_in(f"tests/{folder}/")) | _tests_in(own)
    ordered = sorted(names & seconds.keys(), key=lambda name: (not name.startswith(own), seconds[name]))
    ordered = ordered[:MOST_TESTS]
    sums = accumulate(map(seconds.__getitem__, ordered))
    return [name for name, total in zip(ordered, sums, strict=True) if total <= MOST_SECONDS] or ordered[:1]


@cache
def _contexts(file: str) -> dict[int, list[str]]:
    import coverage

    data = coverage.CoverageData(str(WORK / "coverage"))
    data.read()
    return data.contexts_by_lineno(str(ROOT / file))


def _named(contexts: set[str]) -> set[str]:
    """Return the tests of contexts: ``NAME|PHASE`` in pytest's process, ``NAME (PHASE)`` in one it started.

    A line that only set-ups execute is tried with all tests of their files, which may share them.
    """
    phases = [
        context.removesuffix(")").rsplit("|" if "|" in context else " (", 1)
        for context in contexts
        if "::" in context
    ]
    during = {name for name, phase in phases if phase != "setup"}
    files = {name.partition("::")[0] for name, _ in phases}
    return during or {name for name in seconds_of_tests() if name.partition("::")[0] in files}


def _tests_in(places: str | tuple[str, ...]) -> set[str]:
    return {name for name in seconds_of_tests() if name.startswith(places)}


def _statement(file: str, line: int) -> range | None:
    """Return the lines of the statement, or head of a block, around a line; None outside all functions."""
    found = None
    for function in _functions(file):
        for node in ast.walk(function):
            if isinstance(node, ast.stmt) and node is not function:
                body = getattr(node, "body", None)
                last = body[0].lineno - 1 if body else node.end_lineno or node.lineno
                if node.lineno <= line <= last:
                    found = range(node.lineno, last + 1)
    return found


@cache
def _functions(file: str) -> list[ast.AST]:
    nodes = ast.walk(ast.parse((ROOT / file).read_text()))
    return [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def attempt(room: str, file: str, mutant: Mutant) -> Trial:
    """Plant one fault in this process's copy of the tree and run the tests that execute its line."""
    began = time.monotonic()
    tests = tests_of(file, mutant.line)
    outcome, by = _outcome(file, mutant, _tree(), tests) if tests else ("not executed", "")
    location = (room, file, mutant.line, mutant.kind, mutant.before, mutant.after)
    code = (ROOT / file).read_text().splitlines()[mutant.line - 1].strip()
    return Trial(*location, outcome, len(tests), round(time.monotonic() - began, 1), by, code)


def _outcome(file: str, mutant: Mutant, tree: Path, tests: list[str]) -> tuple[str, str]:
    ends_processes = file in ENDS_PROCESSES
    if ends_processes and (os.geteuid() or not shutil.which(ISOLATED[0])):
        return "left out", ""
    limit = 60 + 5 * sum(map(seconds_of_tests().__getitem__, tests))
    failed = _failed_apart if ends_processes else _failed_here
    source = (tree / file).read_text()
    (tree / file).write_text(mutant.applied(source))
    try:
        by = failed(tree, tests, limit)
    finally:
        (tree / file).write_text(source)
    if by and "::" not in by and failed(tree, tests, limit):
        return "left out", "these tests fail without the fault too"
    return ("noticed" if by else "unnoticed"), by


def _failed_apart(tree: Path, tests: list[str], limit: float) -> str:
    """Run tests in a process namespace of their own."""
    command = [*ISOLATED, sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        run = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, timeout=limit, check=False
        )
    except subprocess.TimeoutExpired:
        return "the time limit"
    return "a test" if run.returncode else ""


def _failed_here(tree: Path, tests: list[str], limit: float) -> str:
    """Run tests in a fork of this process."""
    ours, theirs = FORK.Pipe(duplex=False)
    process = FORK.Process(target=_run_tests, args=(tree, tests, theirs))
    process.start()
    theirs.close()
    try:
        return str(ours.recv()) if ours.poll(limit) else "the time limit"
    except EOFError:
        return "the end of the process"
    finally:
        process.join(5)
        if process.is_alive():
            os.killpg(process.pid or 0, signal.SIGKILL)
            process.join()


class _FirstFailure:
    """Remembers the first test or module that fails."""

    name = ""

    def pytest_runtest_logreport(self, report: object) -> None:
        self._note(report)

    def pytest_collectreport(self, report: object) -> None:
        self._note(report)

    def _note(self, report: object) -> None:
        if getattr(report, "failed", False):
            self.name = self.name or str(getattr(report, "nodeid", "?"))


def _run_tests(tree: Path, tests: list[str], answer: Connection) -> None:
    import pytest

    os.setsid()
    os.chdir(tree)
    sys.path.insert(0, str(tree))
    sys.dont_write_bytecode = True
    os.environ |= {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    first = _FirstFailure()
    quiet = ["-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    code = pytest.main(["-x", "-q", *quiet, *tests], plugins=[first])
    answer.send(first.name or ("a failure" if code else ""))
    answer.close()
    os._exit(0)


@cache
def _tree() -> Path:
    """Copy the tracked files, once for this process, so that a fault is never in the tree itself."""
    tree = WORK / f"tree-{os.getpid()}"
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in tracked.stdout.splitlines():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tree / name)
    return tree


def recorded(path: Path) -> list[Trial]:
    """Return the faults tried so far."""
    return [Trial(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []


def run(rooms: Sequence[str], count: int, seed: int, path: Path, jobs: int) -> Iterator[Trial]:
    """Try every fault of the draw that is not on record yet, and record each result at once."""
    done = {(trial.file, trial.line, trial.before, trial.after) for trial in recorded(path)}
    drawn = [(room, file, mutant) for room in rooms for file, mutant in draw(room, count, seed)]
    left = [each for each in drawn if (each[1], each[2].line, each[2].before, each[2].after) not in done]
    for name in LIBRARIES:
        importlib.import_module(name)
    with ProcessPoolExecutor(jobs, mp_context=FORK) as processes:
        trials = [processes.submit(attempt, *each) for each in left]
        for ended in as_completed(trials):
            with path.open("a") as lines:
                lines.write(json.dumps(asdict(ended.result())) + "\n")
            yield ended.result()


def check(trials: Iterable[Trial]) -> str:
    """Return the first test that noticed a fault and fails without one, ``""`` if there is none."""
    tests = sorted({trial.by for trial in trials if "::" in trial.by})
    return _failed_here(_tree(), tests, 3600)


def equivalent() -> set[tuple[str, ...]]:
    """Return file, line of code, text and replacement of the faults that were read and change nothing."""
    rows = [json.loads(line) for line in EQUIVALENT.read_text().splitlines()]
    return {(row["file"], row["code"], row["before"], row["after"]) for row in rows if row["reason"]}


def table(trials: Iterable[Trial]) -> str:
    """Return the score of each room in Markdown: noticed faults over all that change something."""
    outcomes = ("noticed", "unnoticed", "not executed", "equivalent", "left out")
    rows = [f"| room | faults | {' | '.join(outcomes)} | score |", "| --- " * 8 + "|"]
    same = equivalent()
    by_room: dict[str, Counter[str]] = {}
    for trial in trials:
        unnoticed = trial.outcome in ("unnoticed", "not executed")
        nothing_changed = unnoticed and (trial.file, trial.code, trial.before, trial.after) in same
        outcome = "equivalent" if nothing_changed else trial.outcome
        by_room.setdefault(trial.room, Counter())[outcome] += 1
    for room, counts in by_room.items():
        tried = counts.total() - counts["left out"] - counts["equivalent"]
        score = f"{counts['noticed'] / tried:.0%}" if tried else "-"
        cells = (counts[name] for name in outcomes)
        rows.append(f"| {room} | {counts.total()} | {' | '.join(map(str, cells))} | {score} |")
    return "\n".join(rows)


def main() -> None:
    """Cover, run or print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("step", choices=("cover", "run", "check", "table"))
    parser.add_argument("--rooms", default=",".join((*ROOMS, "trainables")))
    parser.add_argument("--count", type=int, default=40, help="faults in each room")
    parser.add_argument("--seed", type=int, default=1, help="number of the draw")
    parser.add_argument("--jobs", type=int, default=1, help="faults tried at a time")
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
        for trial in run(options.rooms.split(","), options.count, options.seed, path, options.jobs):
            change = f"{trial.kind}: {trial.before!r} -> {trial.after!r}"
            print(f"{trial.outcome}: {trial.file}:{trial.line} {change}", flush=True)
    if options.step == "check":
        print(check(recorded(path)) or "every test that noticed a fault passes without one")
        return
    print(table(recorded(path)))


if __name__ == "__main__":
    main()
