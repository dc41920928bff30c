"""Inspect a user's own trainable in a separate process.

Reading a spec must neither run user code in the process that reads it nor wait for ever. The child
can import from the spec's folder, ``PYTHONPATH`` and installed packages only, and answers in JSON.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from hpo.core.grammar import Grammar, Group, Hyperparameter, Part
from hpo.core.json_values import SpecFields
from hpo.core.trainable import Metric
from hpo.core.user_code import imported_code
from hpo.spec.faults import Faults, shown
from hpo.spec.interface import Interface
from hpo.spec.trusted_code import module_file

NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
SECONDS = 180.0
"""Time limit for importing a user's module: torch alone takes more than a minute on a very busy machine."""


def code_of(name: str, base: Path) -> str:
    """Return the file that would be imported, without importing it."""
    module = name.partition(":")[0]
    return str(module_file(name, base) or f"the installed module {module}")


def inspect(name: str, base: Path, faults: Faults, seconds: float = SECONDS) -> Interface | None:
    """Ask a user's trainable for its grammar and metrics; None if it cannot be used.

    Args:
        name: ``module:attribute``.
        base: Folder of the spec.
        faults: Collects the faults.
        seconds: When to stop waiting.
    """
    path = ("trainable",)
    if not NAME.fullmatch(name):
        faults.add(path, f"{shown(name)} is not of the form module:attribute")
        return None
    answer = _describe(name, base, seconds)
    if "error" in answer:
        faults.add(path, f"{shown(name)} ({code_of(name, base)}): {answer['error']}")
        return None
    try:
        metrics = tuple(Metric(**fields) for fields in answer["metrics"])
        extras = tuple(answer["extras"])
        return Interface(_grammar(answer["grammar"]), metrics, Path(answer["file"]), extras)
    except (TypeError, KeyError, ValueError) as error:
        faults.add(path, f"{shown(name)}: its grammar cannot be read: {error}")
        return None


class _Unusable(Exception):
    """A trainable cannot be described; the argument is the answer with the error."""


def _describe(name: str, base: Path, seconds: float) -> Mapping[str, Any]:
    """Return the description of a trainable, or an error, without importing unchanged code again.

    A command reads its spec several times, and an import of torch takes seconds.
    """
    try:
        files = tuple(sorted(imported_code(name, base).files.items()))
    except OSError:  # a file that cannot be read, which the import says
        return _asked(name, base, seconds)
    try:
        return _described(name, base, seconds, files, os.environ.get("PYTHONPATH"))
    except _Unusable as error:
        answer: Mapping[str, Any] = error.args[0]
        return answer


@lru_cache(maxsize=8)
def _described(
    name: str, base: Path, seconds: float, files: tuple[tuple[str, str], ...], path: str | None
) -> Mapping[str, Any]:
    """Return a child's description of a trainable whose code has these digests.

    Raises:
        _Unusable: If it has none; that is not remembered, since it may depend on more than the code.
    """
    answer = _asked(name, base, seconds)
    if "error" in answer:
        raise _Unusable(answer)
    return answer


def _asked(name: str, base: Path, seconds: float) -> Mapping[str, Any]:
    command = [sys.executable, "-P", "-s", "-m", "hpo.spec.trainable_inspection", name, str(base)]
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
            return {"error": f"importing it took more than {seconds:g} s"}
    try:
        answer: Mapping[str, Any] = json.loads(out)
        return answer
    except ValueError:
        last = err.decode(errors="replace").strip().splitlines()[-1:] or ["it printed nothing"]
        return {"error": f"its process ended with exit code {child.returncode}: {last[0][:300]}"}


def _grammar(fields: SpecFields) -> Grammar:
    return Grammar(_hyperparameters(fields), tuple(_group(group) for group in fields["groups"]))


def _group(fields: SpecFields) -> Group:
    parts = tuple(Part(**{**part, "hyperparameters": _hyperparameters(part)}) for part in fields["parts"])
    return Group(**{**fields, "parts": parts, "hyperparameters": _hyperparameters(fields)})


def _hyperparameters(fields: SpecFields) -> tuple[Hyperparameter, ...]:
    return tuple(
        Hyperparameter(**{**parameter, "choices": tuple(parameter["choices"])})
        for parameter in fields["hyperparameters"]
    )
