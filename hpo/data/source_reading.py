"""Read a source once, into a folder named by its content.

The folder appears whole or not at all. What determines the content (source, arguments, state of the
files) is remembered, so that a second request only checks file times; a source whose state is unknown
is read again each time.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from filelock import FileLock

from hpo.core.errors import UserError
from hpo.core.home import Home
from hpo.core.json_values import SpecFields
from hpo.data import prepared
from hpo.data.array_report import array_report
from hpo.data.image_shortcuts import telling_properties
from hpo.data.part_comparison import compared_tables, image_copies
from hpo.data.part_writing import json_digest, publish, replace_synced, write_parts
from hpo.data.prepared import Prepared
from hpo.data.recorded_cuts import NO_CUTS, CutsOnRecord, paths_as_recorded
from hpo.data.signature import signature_of
from hpo.data.stable_cut import StableCut, given_cut
from trainables.data.content import Content, Source, SourcePaths
from trainables.parts import data_sources


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
    request = json_digest([source, arguments, str(base)])
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
        None
        if state is None
        else json_digest([prepared.FORMAT, *version, source, arguments, str(base), state])
    )


def _remembered(home: Home, key: str, cuts: CutsOnRecord) -> Prepared | None:
    try:
        name = (home.root / "data" / "known" / key[:32]).read_text()
    except OSError:
        return None
    remembered = prepared.read(home.data(name)) if name and not cuts.afresh else None
    if remembered is not None:
        with contextlib.suppress(OSError):
            os.utime(remembered.folder)  # `hpo service clean` leaves alone what was used just now
    return remembered if remembered is None or cuts.recorded in ("", remembered.fingerprint) else None


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
    development, sealed = opened.development(), opened.test()
    data, digests = write_parts(development, sealed, part, key)
    folder = publish(part, home.data(data.fingerprint))
    report = development.report or array_report(development.sample())
    if development.in_place:
        replace_synced(folder / prepared.READ_BY, json.dumps(reader).encode())
    replace_synced(folder / prepared.REPORT, json.dumps(report.to_json()).encode())
    if development.files is not None:
        shortcuts = telling_properties(development.files.values, development.files.labels, development.info)
        replace_synced(folder / prepared.SHORTCUTS, json.dumps(shortcuts).encode())
    if sealed is not None:
        cut = cutter.made or given_cut(development.sample(), sealed.sample(), digests)
        replace_synced(home.cut(data.fingerprint), replace(cut, reader=reader).to_bytes())
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
        replace_synced(file, signature_of(development.sample(), test.sample(), key).to_bytes())


def read_near(source: str, arguments: SpecFields, base: Path, folder: Path) -> None:
    """Find near copies of images or table rows, in the test part too, and save which rows have one.

    Raises:
        UserError: If the source can no longer be read.
    """
    development = np.load(folder / prepared.INPUTS, mmap_mode="r")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".near-") as scratch:
        test = data_sources.open_source(source, arguments, _paths_of(folder, base, Path(scratch))).test()
        test = test and test.sample()
        if test is not None and test.info.kind == "table":
            targets, times = np.load(folder / prepared.TARGETS), prepared.optional(folder / prepared.TIMES)
            result = compared_tables(development, targets, times, test)
        else:
            result = image_copies(development, None if test is None else test.inputs)
    replace_synced(folder / prepared.NEAR, json.dumps(result).encode())


def _paths_of(folder: Path, base: Path, scratch: Path) -> SourcePaths:
    """Return the paths for a source that was read before and must be cut in the same way."""
    data = prepared.read(folder)
    return paths_as_recorded(base, scratch, data.cut_file if data else None, folder)
