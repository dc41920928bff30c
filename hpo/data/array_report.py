"""The report of data that comes as arrays, which have values but no column names."""

from __future__ import annotations

import numpy as np

from trainables.data.content import Content
from trainables.data.data_report import ColumnReport, DataReport, ImageReport, target_distribution

CHANNELS = {1: "grey", 3: "RGB", 4: "RGBA"}


def array_report(content: Content) -> DataReport:
    """Return what data was taken for whose source says nothing of it.

    Args:
        content: The development part.
    """
    info = content.info
    target = target_distribution(content.targets, info.classes, info.task)
    if info.kind == "image":
        height, width, channels = info.shape
        mode = CHANNELS.get(channels, f"{channels} channels")
        n = len(content)
        return DataReport(
            images=ImageReport(n, {f"{width} x {height}": n}, {mode: n}, 8, 0, info.shape), target=target
        )
    columns = _columns(content) if info.kind == "table" else ()
    return DataReport(columns, target=target)


def _columns(content: Content) -> tuple[ColumnReport, ...]:
    names = content.info.columns or tuple(map(str, range(content.info.shape[0])))
    reports = []
    for index, name in enumerate(names):
        values = content.inputs[:, index]
        distinct = np.unique(values[~np.isnan(values)])
        notes = (f"column {name} has the value {distinct[0]:.6g} in every row",) if len(distinct) == 1 else ()
        kind = "category" if name in content.info.categories else "number"
        missing = int(np.isnan(values).sum())
        reports.append(ColumnReport(name, kind, "given as an array", missing, len(distinct), notes))
    return tuple(reports)
