"""What users see of a data set and its split: counts and names, never an example."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.json_values import JsonObject
from hpo.data.examples import open_examples
from hpo.data.prepared import Prepared
from hpo.data.split import Split


def describe(data: Prepared, split: Split) -> JsonObject:
    """Describe a data set as a JSON value.

    Returns:
        kind, task, shape, parts (rows of each role and of the sealed test part), classes (rows per
        class and role), columns (of a table: categories, missing training values), targets (of a
        regression: least, mean, greatest in train), fingerprints, practice, warnings.
    """
    info = data.info
    parts: dict[str, Any] = split.counts()
    parts["test"] = data.test.n if data.test else 0
    described = {
        "kind": info.kind,
        "task": info.task,
        "shape": list(info.shape),
        "parts": parts,
        "fingerprints": {
            "data": data.fingerprint,
            "split": split.fingerprint,
            "test": data.test.fingerprint if data.test else None,
        },
        "practice": info.practice,
        "warnings": list(data.warnings),
    }
    if info.task == "classification":
        described["classes"] = _classes(data, split)
    elif info.task == "regression":
        values = data.targets()[split.train]
        described["targets"] = {
            "least": float(values.min()),
            "mean": float(values.mean()),
            "greatest": float(values.max()),
        }
    if info.kind == "table":
        described["columns"] = _columns(data, split)
    return described


def _classes(data: Prepared, split: Split) -> dict[str, dict[str, int]]:
    roles: dict[str, NDArray[np.int64] | None] = {
        "train": split.train,
        "validation": split.validation,
        "final": split.final,
    }
    targets, names = data.targets(), data.info.classes
    counts = {
        role: np.bincount(targets[rows], minlength=len(names))
        for role, rows in roles.items()
        if rows is not None
    }
    return {name: {role: int(n[label]) for role, n in counts.items()} for label, name in enumerate(names)}


def _columns(data: Prepared, split: Split) -> dict[str, dict[str, Any]]:
    inputs = open_examples(data.folder, split.train).inputs
    described = {}
    for index, name in enumerate(data.info.columns or map(str, range(data.info.shape[0]))):
        missing = int(np.isnan(inputs[split.train, index]).sum())
        categories = data.info.categories.get(name)
        kind: dict[str, Any] = {"kind": "number"}
        if categories is not None:
            kind = {"kind": "category", "categories": len(categories)}
        described[name] = {**kind, "missing": missing}
    return described
