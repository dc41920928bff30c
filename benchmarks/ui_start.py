"""How much longer does ``hpo ui`` take to start than the bare server that it guards?

    python -m benchmarks.ui_start [--home HOME] [--pairs 10] [--json FILE]

``hpo ui`` on a home with a finished search, and ``mlflow server`` on its store with the arguments that
``hpo ui`` used before it had a guard. They start in turn, in another order each time, and each is timed
from its command to the first page that it serves. On a busy machine the processor time says more than the
wall time. Without ``--home`` a small search is run first.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple

import psutil

ROOT = Path(__file__).resolve().parent.parent
SEARCH = ("budget.trials=2", "scheduler.max_epochs=1", "finalists.count=1", "finalists.seeds=1")
TOKEN = re.compile(r"http://127\.0\.0\.1:\d+/\?token=([\w-]+)")


class Start(NamedTuple):
    """Seconds until a page was served, and processor seconds of the processes until then."""

    wall: float
    processor: float


def command(home: Path, *words: str) -> list[str]:
    """Return a command of this checkout."""
    return [sys.executable, "-m", "hpo.cli.main", *words, "--home", str(home)]


def started(words: list[str], port: int) -> Start:
    """Start a server, wait for its page, and stop it."""
    shown = ("DISPLAY", "WAYLAND_DISPLAY")  # without a screen no browser is opened
    environ = {name: value for name, value in os.environ.items() if name not in shown}
    environ |= {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with tempfile.TemporaryFile() as log:
        began = time.perf_counter()
        process = psutil.Popen(words, env=environ, stderr=log, stdout=log, start_new_session=True)
        try:
            while not _serves(port, log.fileno()):
                if process.poll() is not None:
                    raise SystemExit(f"{' '.join(words)} ended with {process.returncode}")
                time.sleep(0.02)
            wall = time.perf_counter() - began
            family = [process, *process.children(recursive=True)]
            return Start(wall, sum(_processor_time(member) for member in family))
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _processor_time(process: psutil.Process) -> float:
    """Return the processor seconds of a process and of those that it has waited for."""
    return sum(process.cpu_times()[:4])


def _serves(port: int, log: int) -> bool:
    """Return whether MLflow's page is served, with the token that was printed, if any."""
    token = TOKEN.search(os.pread(log, 1 << 20, 0).decode(errors="replace"))
    headers = {"Authorization": f"Bearer {token[1]}"} if token else {}
    try:
        request = urllib.request.Request(f"http://127.0.0.1:{port}/", headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return b"MLflow" in answer.read()
    except urllib.error.HTTPError:
        return False
    except (urllib.error.URLError, OSError):
        return False


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def measured(home: Path, pairs: int) -> dict[str, list[Start]]:
    """Return the starts of both sides, taken in turn."""
    store = ["--backend-store-uri", f"sqlite:///{home / 'mlflow.db'}", "--no-serve-artifacts"]
    server = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--workers", "1", *store]
    server += ["--default-artifact-root", str(home / "artifacts"), "--uvicorn-opts", "--log-level warning"]
    sides = {"hpo ui": command(home, "ui"), "mlflow server": server}
    starts: dict[str, list[Start]] = {name: [] for name in sides}
    for number in range(pairs + 1):
        for name in list(sides)[:: 1 if number % 2 else -1]:
            port = free_port()
            start = started([*sides[name], "--port", str(port)], port)
            if number:  # the first round fills the caches of files
                starts[name].append(start)
                print(f"{name:14} {start.wall:6.2f} s, processor {start.processor:5.2f} s", flush=True)
    return starts


def main() -> None:
    """Time both sides and print how they differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, help="home with a finished search")
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = chosen.home or Path(folder) / "home"
        if chosen.home is None:
            fields = [word for field in SEARCH for word in ("--set", field)]
            subprocess.run(command(home, "submit", "digits", "--no-test", *fields), check=True, cwd=ROOT)
        starts = measured(home.resolve(), chosen.pairs)
    for kind in Start._fields:
        ours, bare = ([getattr(start, kind) for start in starts[name]] for name in starts)
        pairs = list(zip(ours, bare, strict=True))
        later = statistics.median(one - other for one, other in pairs)
        ratio = statistics.median(one / other for one, other in pairs)
        print(f"{kind} time: {later:+.2f} s, ratio {ratio:.2f} (medians of {len(pairs)} pairs)")
    if chosen.json:
        chosen.json.write_text(json.dumps(starts, indent=1))


if __name__ == "__main__":
    main()
