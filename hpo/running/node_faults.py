"""What is wrong with a node of a cluster, so that no training is blamed for it.

A node is looked at before its first training, and again when a training there fails in a way that the
node could have caused: its home may have been unmounted since, or the user's code deleted.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from platform import python_version

from hpo.core.errors import ChangedCode, HpoError
from hpo.core.fresh_seeds import SEARCH
from hpo.running.environment import TrainingEnvironment

UNSEEN = "it does not see"
"""How the fault begins of a node that does not see the home."""

DEADLINE = 60.0
"""Seconds in which a node has to pass; opening data and importing libraries take some of them."""


def setup_fault(environment: TrainingEnvironment) -> str:
    """Return what is wrong with this machine for a search; empty if nothing is."""
    try:
        environment = environment.here()
    except HpoError as error:
        return f"{home_fault(environment)}, and {error}"
    unseen = home_fault(environment)
    if unseen:
        return unseen
    differing = _differences(environment.versions)
    if differing:
        return f"its versions differ: {', '.join(differing)}"
    try:
        environment.open().parts(SEARCH)
    except BaseException as error:  # whatever user code raises, a trial would fail with it
        return _opening_fault(error)
    return ""


def home_fault(environment: TrainingEnvironment) -> str:
    """Return whether this machine does not see the home, in a sentence; empty if it does."""
    marker = environment.marker
    if marker is None or environment.sees_home:
        return ""
    return f"{UNSEEN} {marker.parent}, a folder of the home"


def node_fault(environment: TrainingEnvironment, error: BaseException, *, opened: bool) -> str:
    """Return what is wrong with this node if a training may have failed because of it; else nothing.

    Args:
        environment: What all trainings of the search have in common.
        error: What the training raised.
        opened: Whether trainable and data had been opened when it did.
    """
    if environment.marker is None:
        return ""
    unseen = home_fault(environment)
    if unseen:
        return unseen
    if not opened and not isinstance(error, MemoryError):
        return _opening_fault(error)
    return _fault_in_new_process(environment) if isinstance(error, ImportError | OSError) else ""


def _fault_in_new_process(environment: TrainingEnvironment) -> str:
    """Return the fault that a new process has here; this one still has what it imported earlier."""
    code = (
        "import pickle, sys; from hpo.running.node_faults import setup_fault; "
        "print(); print(setup_fault(pickle.load(sys.stdin.buffer)))"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            input=pickle.dumps(environment),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            timeout=DEADLINE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"a new process there does not answer within {DEADLINE:g} s"
    except OSError as error:
        return f"it cannot start a process: {error}"
    lines = (done.stderr if done.returncode else done.stdout).decode(errors="replace").split("\n")
    text = next((line.strip() for line in reversed(lines[:-1])), "")
    return f"it cannot run hpo: {text}" if done.returncode else text


def _opening_fault(error: BaseException) -> str:
    if isinstance(error, ChangedCode):
        return f"its training code is not that of the search: {error.files} differs"
    reason = " ".join(str(error).split())
    return f"it cannot load the training code or the data: {type(error).__name__}: {reason}"


def _differences(expected: Mapping[str, str]) -> list[str]:
    present = {name: _version(name) for name in expected}
    return [
        f"{name} {present[name]} instead of {version}"
        for name, version in expected.items()
        if present[name] != version
    ]


def _version(package: str) -> str:
    try:
        return python_version() if package == "python" else metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"
