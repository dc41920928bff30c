"""Write what the custodian read: the development part, counts and digests of the test part, a manifest.

Inputs that stay where they are leave a reference to their file, the digests of their rows, and a folder
``sample`` with a few of the rows, which is a prepared data set of its own: the checks of values read it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.file_digest import sha256_of
from hpo.data import near_duplicates, prepared
from hpo.data.part_comparison import compared_tables
from hpo.data.prepared import Prepared, TestManifest
from hpo.data.stream_copies import copied_blocks
from hpo.data.thumbnails import thumbnails
from trainables.data.content import Content
from trainables.data.digests import are_among, row_digests, set_digest
from trainables.data.file_map import FileMap, stays_in_place
from trainables.data.item_inputs import ItemInputs
from trainables.data.row_sample import sampled_rows
from trainables.data.token_stream import KIND as STREAM

CHUNK = 64 << 20

SHOWN = 5
"""Classes that a sentence names."""

RowDigests = list[NDArray[np.uint64]]


def write_parts(
    development: Content, sealed: Content | None, part: Path, key: bytes | None
) -> tuple[Prepared, RowDigests]:
    """Write a data set into an empty folder.

    Args:
        development: Its development part.
        sealed: Its test part, of which counts and digests are written; None without one.
        part: The folder.
        key: Secret of the test-use register; None without a register.

    Returns:
        The data set, and the digests of the rows of either part; none without a test part.

    Raises:
        UserError: If the parts do not belong together.
    """
    arrays = {prepared.INPUTS: development.inputs, prepared.TARGETS: development.targets}
    sides = {prepared.GROUPS: development.groups, prepared.TIMES: development.times}
    if (kept := development.originals) is not None:
        sides |= {prepared.ORIGINALS: kept.encoded, prepared.ORIGINAL_INDEX: kept.index}
    if development.in_place:
        sides |= {prepared.DIGESTS: development.digests(), prepared.DIGESTED: development.digested}
        synced(part / prepared.IN_PLACE, json.dumps(_references(development)).encode())
        arrays = {name: array for name, array in arrays.items() if name not in _references(development)}
    for name, array in (arrays | sides).items():
        if array is not None:
            _save(part / name, array)
    test, digests = _inspect(sealed, development, part, key)
    if sealed is not None and sealed.info.kind == "table" and not development.in_place:
        compared = compared_tables(
            development.inputs, development.targets, development.times, sealed.sample()
        )
        synced(part / prepared.NEAR, json.dumps(compared).encode())
    data = _described(development, sealed, test, part)
    synced(part / prepared.MANIFEST, json.dumps(data.to_json(), indent=1).encode())
    if development.in_place:
        (part / prepared.SAMPLE).mkdir()
        few = sealed.sample() if sealed else None
        write_parts(development.sample(), few, part / prepared.SAMPLE, key)
        _save(part / prepared.SAMPLE / prepared.ROWS, sampled_rows(development.inputs))
    return data, digests


def _references(development: Content) -> dict[str, Any]:
    """Return where the arrays that are not copied lie, by the name of the file that a copy would have."""
    references: dict[str, Any] = {}
    arrays = {prepared.INPUTS: development.inputs, prepared.TARGETS: development.targets}
    for name, array in arrays.items():
        if isinstance(array, ItemInputs):
            references[name] = dict(array.reference)
        elif stays_in_place(array) and (mapped := FileMap.of(array)) is not None:
            references[name] = mapped.to_json()
    return references


def _described(
    development: Content, sealed: Content | None, test: TestManifest | None, part: Path
) -> Prepared:
    sealed_warnings = (*sealed.warnings, *_absent_classes(sealed)) if sealed else ()
    warnings = development.warnings + tuple(f"test part: {warning}" for warning in sealed_warnings)
    content = {file.name: sha256_of(file) for file in sorted(part.glob("*.npy"))}
    content = {name: digest for name, digest in content.items() if not name.startswith("test_")}
    if development.in_place and prepared.TARGETS not in content:
        rows = row_digests(development.targets, development.digested)
        content[prepared.TARGETS] = hashlib.sha256(rows.tobytes()).hexdigest()
    info = prepared.info_to_json(development.info)
    fingerprint = json_digest([prepared.FORMAT, content, info, test and test.fingerprint])
    counts: NDArray[np.int64] = np.zeros(0, np.int64)
    if development.info.task == "classification":
        counts = np.bincount(development.targets, minlength=len(development.info.classes))
    return Prepared(
        part, fingerprint, development.info, len(development), tuple(counts.tolist()), test, warnings
    )


def _absent_classes(test: Content) -> tuple[str, ...]:
    """Name the classes that a test part lacks: its scores say nothing about them."""
    if test.info.task != "classification":
        return ()
    classes = test.info.classes
    absent = [
        classes[label] for label in np.flatnonzero(np.bincount(test.targets, minlength=len(classes)) == 0)
    ]
    if not absent:
        return ()
    more = ", ..." if len(absent) > SHOWN else ""
    return (
        f"{len(absent)} of {len(classes)} classes {'has' if len(absent) == 1 else 'have'} no row: "
        f"{', '.join(absent[:SHOWN])}{more}",
    )


def json_digest(value: Any) -> str:
    """Return the SHA-256 of a JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _inspect(
    test: Content | None, development: Content, part: Path, key: bytes | None
) -> tuple[TestManifest | None, RowDigests]:
    """Count and digest the test part; what is kept is sorted, so that it does not reveal the order.

    Also returns the digests of the rows of either part.
    """
    if test is None:
        return None, []
    if test.info != development.info:
        raise UserError("data: the test part has another shape or other classes than the development part")
    if (test.originals is None) != (development.originals is None):
        raise UserError("data: only one of the development part and the test part has original images")
    files = [part / name for name in (prepared.TEST_DIGESTS, prepared.TEST_HASHES, prepared.TEST_COPIES)]
    inputs = both = [content.digests() for content in (development, test)]
    if not development.in_place and not test.in_place:
        inputs = [_input_digests(content) for content in (development, test)]
    digests, copied = both[1], np.flatnonzero(are_among(inputs[0], inputs[1]))
    if test.info.kind == STREAM:
        rows = [
            np.arange(len(content)) if content.digested is None else content.digested
            for content in (development, test)
        ]
        copied = copied_blocks(development.inputs, test.inputs, *rows)
    _save(files[0], _sorted(digests))
    _save(files[2], copied if development.digested is None else development.digested[copied])
    image = test.info.kind == "image"
    if image:
        _save(files[1], _sorted(near_duplicates.hashes(thumbnails(test.sample().inputs))))
    shared = 0
    if development.groups is not None and test.groups is not None:
        shared = len(np.intersect1d(development.groups, test.groups))
    manifest = TestManifest(
        len(test),
        set_digest(digests),
        files[0],
        files[1] if image else None,
        files[2],
        shared,
        test.labelled_digest(digests, key),
    )
    return manifest, both


def _input_digests(content: Content) -> NDArray[np.uint64]:
    """Return digests of the inputs alone; items and texts are stored as wide as the largest of their part."""
    by_content = content.info.kind == "items" or content.inputs.dtype.kind in "SU"
    covers_more = content.identity is not None and not by_content
    return row_digests(content.inputs) if covers_more else content.digests()


def _sorted(rows: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return rows[np.lexsort(rows.T[::-1])]


def publish(part: Path, folder: Path) -> Path:
    """Give a written data set its final folder, unless it is there whole, and return that."""
    kept = prepared.read(folder)
    if kept is None:
        shutil.rmtree(folder, ignore_errors=True)  # damaged: its manifest does not match its files
        try:
            part.rename(folder)
        except OSError:
            if prepared.read(folder) is None:  # otherwise another reader was faster
                raise
        return folder
    os.utime(folder)
    if (part / prepared.IN_PLACE).exists():  # the same content may lie in another file now
        replace_synced(folder / prepared.IN_PLACE, (part / prepared.IN_PLACE).read_bytes())
    _renew_targets(part, kept)
    return folder


def _renew_targets(part: Path, kept: Prepared) -> None:
    """Take over the digest of test targets, which may have been corrected in data that is otherwise the same.

    Searches compare the test part with what was on record when they were opened, and not with this.
    """
    written = prepared.read(part)
    if written is None or written.test is None or kept.test is None:
        return
    if written.test.targets != kept.test.targets:
        test = dataclasses.replace(kept.test, targets=written.test.targets)
        renewed = dataclasses.replace(kept, test=test)
        replace_synced(kept.folder / prepared.MANIFEST, json.dumps(renewed.to_json(), indent=1).encode())


def replace_synced(file: Path, content: bytes) -> None:
    """Write a file in one step, its folder first."""
    file.parent.mkdir(exist_ok=True)
    fresh = file.parent / f".{file.name}-{os.getpid()}"
    synced(fresh, content)
    fresh.replace(file)


def _save(path: Path, array: NDArray[Any]) -> None:
    """Write an array in C order, in pieces, so that it may be larger than memory."""
    with path.open("wb") as file:
        header = {"descr": np.lib.format.dtype_to_descr(array.dtype), "fortran_order": False}
        np.lib.format.write_array_header_1_0(file, {**header, "shape": array.shape})
        step = max(1, CHUNK // max(1, array.nbytes // max(1, len(array))))
        for start in range(0, len(array), step):
            file.write(np.ascontiguousarray(array[start : start + step]).data)
        file.flush()
        os.fsync(file.fileno())


def synced(path: Path, content: bytes) -> None:
    """Write a file and have it on disk before this returns."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
