"""The machine that a search is opened on, for its account."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil

PROCESSORS = Path("/proc/cpuinfo")
PATIENCE = 5.0
"""Seconds that a GPU's driver may take to answer."""


def hardware(*, gpus: bool) -> dict[str, str]:
    """Return processor, cores, memory and, if they are used, GPUs of this machine."""
    machine = {
        "processor": _processor(),
        "cores": str(os.cpu_count() or 1),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
    }
    names = _gpus() if gpus else ""
    return machine | ({"gpus": names} if names else {})


def _processor() -> str:
    with suppress(OSError):
        for line in PROCESSORS.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _gpus() -> str:
    command = shutil.which("nvidia-smi")
    if command is None:
        return ""
    with suppress(OSError, subprocess.SubprocessError):
        query = [command, "--query-gpu=name", "--format=csv,noheader"]
        answer = subprocess.run(query, capture_output=True, text=True, timeout=PATIENCE, check=True)
        return ", ".join(line.strip() for line in answer.stdout.splitlines() if line.strip())
    return ""
