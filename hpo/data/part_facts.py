"""Facts of a data set and of its parts that an account shows: counts and names, never a row."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.data_account import DataFacts, DataFile, PartFacts
from hpo.core.file_digest import sha256_of
from hpo.core.json_values import SpecFields
from hpo.core.trainable import DataInfo
from hpo.data.cut import rule_on_record
from hpo.data.prepared import Prepared
from hpo.data.split import Split
from hpo.data.table_copies import column_names

FILES = ("file", "test_file")
"""Arguments of shipped sources that name a file."""
CELLS_AT_ONCE = 1 << 23


def data_facts(
    data: Prepared, split: Split, arguments: SpecFields, base: Path, telling: tuple[str, float] = ("", 0.0)
) -> DataFacts:
    """Return the facts of a data set and of its parts but the test part.

    Args:
        data: As returned by `prepare`.
        split: Split of its development part.
        arguments: Arguments of the source it was prepared from.
        base: Folder that relative paths start from.
        telling: The column that by itself removes the most of the error, and the share that it removes.
    """
    info = data.info
    names = tuple(column_names(info)) if info.kind == "table" else ()
    inputs = data.inputs() if info.kind == "table" else np.zeros(0)  # only a table's cells are counted
    arrays = inputs, data.targets(), data.groups(), data.times()
    return DataFacts(
        kind=info.kind,
        task=info.task,
        files=_files(arguments, base),
        target=str(arguments.get("target", info.target) or ""),
        columns=names,
        categorical=tuple(name for name in names if name in info.categories),
        dropped=tuple(map(str, arguments.get("ignore") or ())),
        parts={
            role: part_facts(info, arrays[0], rows, *(None if of is None else of[rows] for of in arrays[1:]))
            for role, rows in split.roles().items()
        },
        telling=telling[0],
        removed=telling[1],
        test_part=rule_on_record(data.cut_file) if data.test else "",
    )


def _files(arguments: SpecFields, base: Path) -> tuple[DataFile, ...]:
    files = []
    for name in FILES:
        value = arguments.get(name)
        if isinstance(value, str) and (path := base / value).is_file():
            files.append(DataFile(path.name, sha256_of(path)))
    return tuple(files)


def part_facts(
    info: DataInfo,
    inputs: NDArray[Any],
    rows: NDArray[np.int64],
    targets: NDArray[Any] | None,
    groups: NDArray[Any] | None = None,
    times: NDArray[Any] | None = None,
) -> PartFacts:
    """Return what a part holds.

    Args:
        info: Description of the data set.
        inputs: Inputs that include those of the part, [n, ...].
        rows: Rows of the part among the inputs.
        targets: Targets of the part.
        groups: Groups of its rows; None without groups.
        times: Times of its rows; None without times.
    """
    assert targets is not None
    return PartFacts(
        n=len(targets),
        classes=_classes(info, targets),
        targets=_range(info, targets),
        groups=None if groups is None else len(np.unique(groups)),
        times=None if times is None or not len(times) else (float(times.min()), float(times.max())),
        missing=_missing(info, inputs, rows),
    )


def _classes(info: DataInfo, targets: NDArray[Any]) -> Mapping[str, int]:
    if info.task != "classification":
        return {}
    counts = np.bincount(targets, minlength=len(info.classes))
    return dict(zip(info.classes, counts.tolist(), strict=True))


def _range(info: DataInfo, targets: NDArray[Any]) -> Mapping[str, float]:
    if info.task != "regression" or not len(targets):
        return {}
    mean = float(np.mean(targets, dtype=np.float64))
    return {"least": float(targets.min()), "mean": mean, "greatest": float(targets.max())}


def _missing(info: DataInfo, inputs: NDArray[Any], rows: NDArray[np.int64]) -> Mapping[str, int]:
    if info.kind != "table":
        return {}
    counts = np.zeros(inputs.shape[1], np.int64)
    step = max(1, CELLS_AT_ONCE // max(1, inputs.shape[1]))
    for start in range(0, len(rows), step):
        counts += np.isnan(inputs[rows[start : start + step]]).sum(0)
    return {name: n for name, n in zip(column_names(info), counts.tolist(), strict=True) if n}
