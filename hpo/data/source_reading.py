"""Read a source once, into a folder named by its content.

The folder appears whole or not at all. What determines the content (source, arguments, state of the
files) is remembered, so that a second request only checks file times; a source whose state is unknown
is read again each time.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.file_digest import sha256_of
from hpo.core.home import Home
from hpo.core.json_values import SpecFields
from hpo.data import near_duplicates, prepared
from hpo.data.array_report import array_report
from hpo.data.part_comparison import compared_tables, image_copies
from hpo.data.prepared import Prepared, TestManifest
from hpo.data.recorded_cuts import NO_CUTS, CutsOnRecord, paths_as_recorded
from hpo.data.signature import signature_of
from hpo.data.stable_cut import StableCut, given_cut
from trainables.data.content import Content, Source, SourcePaths
from trainables.data.digests import as_keys, labelled_digest, row_digests, set_digest
from trainables.parts import data_sources

CHUNK = 64 << 20


def recall(
    source: str, arguments: SpecFields, home: Home, base: Path, cuts: CutsOnRecord = NO_CUTS
) -> Prepared | None:
    """Return what an earlier reading wrote, if the source has not changed since. Opens no source file.

    Raises:
        UserError: If the source or its arguments are invalid.
    """
    check_source_arguments(source, arguments)
    if data_sources.source(source) is None:
        return None
    opened = data_sources.open_source(source, arguments, SourcePaths(base, base))
    key = _key(source, arguments, base, opened, cuts.reader(home))
    return None if key is None else _remembered(home, key, cuts)


def read_source(
    source: str,
    arguments: SpecFields,
    home: Home,
    base: Path,
    key: bytes | None = None,
    cuts: CutsOnRecord = NO_CUTS,
) -> Path:
    """Read a source, write its development part, and return the folder.

    Raises:
        UserError: If the source, its arguments or its content are invalid.
    """
    check_source_arguments(source, arguments)
    store = home.create().root / "data"
    request = _digest([source, arguments, str(base)])
    (store / ".locks").mkdir(parents=True, exist_ok=True)
    with FileLock(store / ".locks" / request[:32]):
        scratch = store / f".partial-{request[:32]}"
        shutil.rmtree(scratch, ignore_errors=True)  # left by a reader that was killed; we hold its lock
        scratch.mkdir()
        try:
            cutter, reader = cuts.cutter(home), cuts.reader(home)
            opened = data_sources.open_source(source, arguments, SourcePaths(base, scratch, cutter, reader))
            state = _key(source, arguments, base, opened, reader)
            remembered = None if state is None else _remembered(home, state, cuts)
            if remembered is not None:
                return remembered.folder
            folder = _write(opened, scratch, home, key, cutter, reader)
            if state is not None and state == _key(source, arguments, base, opened, reader):
                _remember(home, state, folder)
            return folder
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def check_source_arguments(source: str, arguments: SpecFields) -> None:
    """Check a source's name and arguments.

    Raises:
        UserError: If they are invalid, with every fault.
    """
    faults = data_sources.faults(source, arguments)
    if faults:
        raise UserError("; ".join(f"data.{fault.path}: {fault.message}" for fault in faults))


def _key(source: str, arguments: SpecFields, base: Path, opened: Source, reader: int) -> str | None:
    state = opened.state()
    version = [reader] if reader > 1 else []  # keys of the first version do not name it
    return (
        None if state is None else _digest([prepared.FORMAT, *version, source, arguments, str(base), state])
    )


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _remembered(home: Home, key: str, cuts: CutsOnRecord) -> Prepared | None:
    try:
        name = (home.root / "data" / "known" / key[:32]).read_text()
    except OSError:
        return None
    found = prepared.read(home.data(name)) if name and not cuts.afresh else None
    return found if found is None or cuts.recorded in ("", found.fingerprint) else None


def _remember(home: Home, key: str, folder: Path) -> None:
    index = home.root / "data" / "known"
    index.mkdir(exist_ok=True)
    fresh = index / f".{key[:32]}-{os.getpid()}"
    fresh.write_text(folder.name)
    fresh.replace(index / key[:32])


def _write(
    opened: Source, scratch: Path, home: Home, key: bytes | None, cutter: StableCut, reader: int
) -> Path:
    part = scratch / "part"
    part.mkdir()
    development = opened.development()
    _save(part / prepared.INPUTS, development.inputs)
    _save(part / prepared.TARGETS, development.targets)
    if development.groups is not None:
        _save(part / prepared.GROUPS, development.groups)
    if development.times is not None:
        _save(part / prepared.TIMES, development.times)
    sealed = opened.test()
    test, digests = _inspect(sealed, development, part, key)
    if sealed is not None and sealed.info.kind == "table":
        compared = compared_tables(development.inputs, development.targets, development.times, sealed)
        _synced(part / prepared.NEAR, json.dumps(compared).encode())
    sealed_warnings = sealed.warnings if sealed else ()
    warnings = development.warnings + tuple(f"test part: {warning}" for warning in sealed_warnings)
    content = {file.name: sha256_of(file) for file in sorted(part.glob("*.npy"))}
    content = {name: digest for name, digest in content.items() if not name.startswith("test_")}
    info = prepared.info_to_json(development.info)
    fingerprint = _digest([prepared.FORMAT, content, info, test and test.fingerprint])
    counts: NDArray[np.int64] = np.zeros(0, np.int64)
    if development.info.task == "classification":
        counts = np.bincount(development.targets, minlength=len(development.info.classes))
    data = Prepared(
        part, fingerprint, development.info, len(development), tuple(counts.tolist()), test, warnings
    )
    _synced(part / prepared.MANIFEST, json.dumps(data.to_json(), indent=1).encode())
    folder = _publish(part, home.data(fingerprint))
    report = development.report or array_report(development)
    _replace(folder / prepared.REPORT, json.dumps(report.to_json()).encode())
    if sealed is not None:
        cut = cutter.made or given_cut(development, sealed, digests)
        _replace(home.cut(fingerprint), replace(cut, reader=reader).to_bytes())
    if key is not None and sealed is not None:
        _sign(development, sealed, folder, key)
    return folder


def sign_source(source: str, arguments: SpecFields, base: Path, folder: Path, key: bytes) -> None:
    """Read a source again and save its signature beside the development part.

    Raises:
        UserError: If the source can no longer be read.
    """
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".sign-") as scratch:
        opened = data_sources.open_source(source, arguments, _paths_of(folder, base, Path(scratch)))
        development, test = opened.development(), opened.test()
        if test is None:
            raise UserError(f"data: {source} had a test part when it was read, but has none now")
        _sign(development, test, folder, key)


def _sign(development: Content, test: Content, folder: Path, key: bytes) -> None:
    file = prepared.signature_file(folder, key)
    if not file.exists():
        _replace(file, signature_of(development, test, key).to_bytes())


def _replace(file: Path, content: bytes) -> None:
    file.parent.mkdir(exist_ok=True)
    fresh = file.parent / f".{file.name}-{os.getpid()}"
    _synced(fresh, content)
    fresh.replace(file)


def _inspect(
    test: Content | None, development: Content, part: Path, key: bytes | None
) -> tuple[TestManifest | None, list[NDArray[np.uint64]]]:
    """Count and digest the test part; what is kept is sorted, so that it does not reveal the order.

    Also returns the digests of the rows of either part.
    """
    if test is None:
        return None, []
    if test.info != development.info:
        raise UserError("data: the test part has another shape or other classes than the development part")
    files = [part / name for name in (prepared.TEST_DIGESTS, prepared.TEST_HASHES, prepared.TEST_COPIES)]
    inputs = [row_digests(content.inputs) for content in (development, test)]
    both = [
        found if content.identity is None else content.identity
        for content, found in zip((development, test), inputs, strict=True)
    ]
    digests = both[1]
    _save(files[0], _sorted(digests))
    _save(files[2], np.flatnonzero(np.isin(as_keys(inputs[0]), as_keys(inputs[1]))))
    image = test.info.kind == "image"
    if image:
        _save(files[1], _sorted(near_duplicates.hashes(near_duplicates.thumbnails(test.inputs))))
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
        labelled_digest(digests, test.targets, key),
    )
    return manifest, both


def _sorted(rows: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return rows[np.lexsort(rows.T[::-1])]


def read_near(source: str, arguments: SpecFields, base: Path, folder: Path) -> None:
    """Find near copies of images or table rows, in the test part too, and save which rows have one.

    Raises:
        UserError: If the source can no longer be read.
    """
    development = np.load(folder / prepared.INPUTS, mmap_mode="r")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".near-") as scratch:
        test = data_sources.open_source(source, arguments, _paths_of(folder, base, Path(scratch))).test()
        if test is not None and test.info.kind == "table":
            targets, times = np.load(folder / prepared.TARGETS), prepared.optional(folder / prepared.TIMES)
            result = compared_tables(development, targets, times, test)
        else:
            result = image_copies(development, None if test is None else test.inputs)
    _replace(folder / prepared.NEAR, json.dumps(result).encode())


def _publish(part: Path, folder: Path) -> Path:
    if prepared.read(folder) is None:
        shutil.rmtree(folder, ignore_errors=True)  # damaged: its manifest does not match its files
        try:
            part.rename(folder)
        except OSError:
            if prepared.read(folder) is None:  # otherwise another reader was faster
                raise
    return folder


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


def _synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _paths_of(folder: Path, base: Path, scratch: Path) -> SourcePaths:
    """Return the paths for a source that was read before and must be cut in the same way."""
    data = prepared.read(folder)
    return paths_as_recorded(base, scratch, data.cut_file if data else None)
