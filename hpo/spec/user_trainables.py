"""A user's own trainable, asked what it takes and reports in a process of its own.

Reading a spec must not run strange code in the process that reads it, nor wait for ever. The child
sees the spec's own folder and installed packages, nothing else (`python -I`), and answers in JSON.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpo.core.grammar import Grammar, Group, Hyperparameter, Part
from hpo.core.trainable import Metric
from hpo.spec.faults import Faults, shown
from hpo.spec.interface import Interface

NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
SECONDS = 60.0
"""Time a user's module has for its imports: torch alone takes ten seconds on a busy machine."""


def code_of(name: str, base: Path) -> str:
    """Which file would be imported, without importing it."""
    module = name.partition(":")[0].split(".")
    here = base.joinpath(*module)
    for file in (here.with_suffix(".py"), here / "__init__.py"):
        if os.path.isfile(file):
            return str(file)
    return f"the installed module {'.'.join(module)}"


def inspect(name: str, base: Path, faults: Faults, seconds: float = SECONDS) -> Interface | None:
    """Ask a user's trainable for its grammar and metrics; None if it cannot be used.

    Args:
        name: ``module:attribute``.
        base: Folder of the spec.
        faults: Gathers what is wrong.
        seconds: When to stop waiting.
    """
    place = ("trainable",)
    if not NAME.fullmatch(name):
        faults.add(place, f"{shown(name)} is no module:attribute")
        return None
    answer = _ask(name, base, seconds)
    if "error" in answer:
        faults.add(place, f"{shown(name)} ({code_of(name, base)}): {answer['error']}")
        return None
    try:
        metrics = tuple(Metric(**each) for each in answer["metrics"])
        extras = tuple(answer["extras"])
        return Interface(_grammar(answer["grammar"]), metrics, Path(answer["file"]), extras)
    except (TypeError, KeyError, ValueError) as error:
        faults.add(place, f"{shown(name)}: its grammar cannot be read: {error}")
        return None


def _ask(name: str, base: Path, seconds: float) -> Mapping[str, Any]:
    command = [sys.executable, "-I", "-m", "hpo.spec.trainable_inspection", name, str(base)]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=base if base.is_dir() else None,
        start_new_session=True,
    ) as child:
        try:
            out, err = child.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            return {"error": f"its import took more than {seconds:g} s"}
    try:
        answer: Mapping[str, Any] = json.loads(out)
        return answer
    except ValueError:
        last = err.decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
        return {"error": f"its process ended with {child.returncode}: {last[0][:300]}"}


def _grammar(said: Mapping[str, Any]) -> Grammar:
    return Grammar(_hyperparameters(said), tuple(_group(each) for each in said["groups"]))


def _group(said: Mapping[str, Any]) -> Group:
    parts = tuple(Part(**{**each, "hyperparameters": _hyperparameters(each)}) for each in said["parts"])
    return Group(**{**said, "parts": parts, "hyperparameters": _hyperparameters(said)})


def _hyperparameters(said: Mapping[str, Any]) -> tuple[Hyperparameter, ...]:
    return tuple(
        Hyperparameter(**{**each, "choices": tuple(each["choices"])}) for each in said["hyperparameters"]
    )
