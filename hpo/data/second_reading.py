"""A second reading of a user's own source: rows that are drawn again each time give no score to repeat."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from hpo.core.errors import UserError
from hpo.core.json_values import SpecFields
from hpo.core.private_files import replace_file
from hpo.data import prepared
from hpo.data.prepared import Prepared
from hpo.data.recorded_cuts import paths_as_recorded
from trainables.data.content import Content
from trainables.data.digests import row_digests, set_digest
from trainables.parts import data_sources


def read_again(source: str, arguments: SpecFields, base: Path, folder: Path) -> None:
    """Read a source again, compare its rows with those that were kept, and note that they are the same.

    Raises:
        UserError: If it returned other rows.
    """
    data = prepared.read(folder)
    assert data is not None
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".again-") as scratch:
        paths = paths_as_recorded(base, Path(scratch), data.cut_file, folder)
        opened = data_sources.open_source(source, arguments, paths)
        development, test = opened.development(), opened.test()
        parts = []
        if not _equal(data, development):
            parts.append("development")
        if data.test and (test is None or set_digest(test.digests()) != data.test.fingerprint):
            parts.append("test")
    if parts:
        raise UserError(
            f"data: {source} returned other rows for the {' and '.join(parts)} part when it was called "
            "a second time, so that no score could be repeated; draw with a fixed seed and keep the order of "
            "files and rows"
        )
    replace_file(folder / prepared.REPEATED, "{}\n")


def _equal(data: Prepared, again: Content) -> bool:
    """Return whether a development part is the one that was kept, row by row; gaps are equal."""
    inputs, targets = data.inputs(), data.targets()
    if (inputs.shape, inputs.dtype) != (again.inputs.shape, again.inputs.dtype):
        return False
    originals = prepared.originals(data.folder, data.info)
    if not (again.originals is None if originals is None else originals.equals(again.originals)):
        return False
    rows = again.digested
    new = again.digests() if again.in_place else row_digests(again.inputs)
    return np.array_equal(data.digests()[0], new) and np.array_equal(
        row_digests(targets, rows), row_digests(again.targets, rows)
    )
