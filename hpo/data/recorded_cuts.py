"""The cuts of earlier readings that a new reading of a source follows.

A row that was once in a test part stays there, and a search on record is read as it was read then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hpo.core.home import Home
from hpo.core.json_values import JsonFields
from hpo.data import prepared
from hpo.data.cut import Cut
from hpo.data.stable_cut import StableCut
from trainables.data.content import SourcePaths
from trainables.data.uncut import READER

EQUAL_ROWS = "equal_rows"
"""Among the facts of a split: that equal rows are in one part of it."""

FIRST_IN_PLACE = 8
"""Version of the reader of data that stayed in its place and names none; those from 6 on read it alike."""

MOST_CUTS = 20
"""Cuts of a home, the latest ones, among which known rows are looked for."""


@dataclass(frozen=True)
class CutsOnRecord:
    """Earlier cuts that a new reading follows.

    Attributes:
        opened: Files of cuts whose test parts were opened.
        recorded: Fingerprint of the data that a search has on record; its cut alone is followed then, or
            the first cut if it was made before cuts were recorded. Empty for new searches.
        afresh: Whether to read the source again although it has not changed.
        anew: Whether to follow no cut at all.
        equal_apart: Whether equal rows are divided like others, as in searches of earlier versions.
    """

    opened: tuple[Path, ...] = ()
    recorded: str = ""
    afresh: bool = False
    anew: bool = False
    equal_apart: bool = False

    @classmethod
    def of_record(cls, split: JsonFields) -> CutsOnRecord:
        """Return how the data of a search is read again.

        Args:
            split: Facts of its split on record.
        """
        return cls(recorded=str(split.get("data") or ""), equal_apart=EQUAL_ROWS not in split)

    def cutter(self, home: Home) -> StableCut:
        """Return what cuts a test part as these cuts require."""
        if self.anew:
            return StableCut()
        if self.recorded:
            return StableCut(cuts_in([home.cut(self.recorded)]))
        files = sorted(home.cut("").parent.glob("*.npz"), key=lambda file: -file.stat().st_mtime)
        return StableCut(cuts_in(self.opened), cuts_in(files[:MOST_CUTS]))

    def reader(self, home: Home) -> int:
        """Return the version of the readers: that of the data on record, the newest for new searches."""
        if not self.recorded:
            return READER
        return reader_of(home.data(self.recorded), Cut.read(home.cut(self.recorded)))


NO_CUTS = CutsOnRecord()


def reader_of(folder: Path, cut: Cut | None) -> int:
    """Return the version of the readers that read a data set.

    Args:
        folder: Its folder, or that of its sample.
        cut: Its cut; None if it was read before cuts were recorded, or has no test part.
    """
    if cut is not None:
        return cut.reader
    whole = folder.parent if folder.name == prepared.SAMPLE else folder
    if not prepared.is_in_place(whole):
        return 1
    file = whole / prepared.READ_BY
    return int(file.read_text()) if file.exists() else FIRST_IN_PLACE


def paths_as_recorded(base: Path, scratch: Path, file: Path | None, folder: Path) -> SourcePaths:
    """Return the paths for a source that is read and cut as it was when a cut was recorded.

    Args:
        base: Folder that relative paths start from.
        scratch: Where the reader may write.
        file: File of the cut; it may not exist. None for the first cut.
        folder: Folder of the data; it may not exist.
    """
    cut = Cut.read(file) if file else None
    return SourcePaths(base, scratch, StableCut((cut,) if cut else ()), reader_of(folder, cut))


def cuts_in(files: Sequence[Path]) -> tuple[Cut, ...]:
    """Return the cuts in files that exist and can be read."""
    return tuple(cut for file in files if (cut := Cut.read(file)) is not None)
