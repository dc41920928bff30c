"""Import a user's trainable in a process of its own and describe it in JSON.

Started by `hpo.spec.user_trainables` as
``python -P -s -m hpo.spec.trainable_inspection module:attribute FOLDER``.
Anything the user's module prints goes to standard error; standard output has only the description.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from hpo.core.grammar import Grammar
from hpo.core.import_folders import import_folders
from hpo.core.json_values import JsonObject
from hpo.core.trainable import EXTRAS, Metric, trainable_of
from hpo.core.user_modules import import_user_module

OURS = tuple(f"{Path(__file__).parents[2] / package}{os.sep}" for package in ("hpo", "trainables"))
"""Beginnings of the files of this package."""


def describe_trainable(name: str, folder: str) -> JsonObject:
    """Return the grammar, metrics and file of a trainable, or an error."""
    sys.path[:0] = map(str, import_folders(Path(folder)))
    module_name, _, attribute = name.partition(":")
    try:
        module = import_user_module(module_name)
        trainable = trainable_of(getattr(module, attribute))
    except BaseException as error:
        return {"error": _error_text(error)}
    complaint = _complaint(trainable)
    if complaint:
        return {"error": f"is not a trainable: {complaint}"}
    return {
        "grammar": dataclasses.asdict(trainable.grammar),
        "metrics": [dataclasses.asdict(metric) for metric in trainable.metrics],
        "extras": [name for name in EXTRAS if callable(getattr(trainable, name, None))],
        "file": str(getattr(module, "__file__", None) or module_name),
    }


def _complaint(trainable: Any) -> str | None:
    if not isinstance(getattr(trainable, "grammar", None), Grammar):
        return "its `grammar` must be a hpo.core.grammar.Grammar"
    metrics = getattr(trainable, "metrics", None)
    if not isinstance(metrics, tuple | list) or not all(isinstance(metric, Metric) for metric in metrics):
        return "its `metrics` must be a tuple of hpo.core.trainable.Metric"
    if not metrics:
        return "its `metrics` must not be empty: the first is the default objective"
    missing = [verb for verb in ("train", "load") if not callable(getattr(trainable, verb, None))]
    if not any(callable(getattr(trainable, verb, None)) for verb in ("score", "evaluate")):
        missing.append("score (or evaluate)")
    return f"it has no method {', '.join(missing)}" if missing else None


def _error_text(error: BaseException) -> str:
    """Return the error with the user's line: the last one outside the import machinery and this package."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "importlib" not in frame.filename and not frame.filename.startswith(("<", *OURS))
    ]
    where = f" (line {frames[-1].lineno} of {frames[-1].filename})" if frames else ""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return f"{text[:300]}{where}"


def main() -> None:
    """Write the description to the original standard output."""
    output = os.dup(1)
    os.dup2(2, 1)
    description = json.dumps(describe_trainable(sys.argv[1], sys.argv[2]), default=str)
    with os.fdopen(output, "w", encoding="utf-8") as stream:
        stream.write(description)


if __name__ == "__main__":
    main()
