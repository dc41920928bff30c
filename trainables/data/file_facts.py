"""What image files say about a class before their pixels are looked at: format, size in bytes, width, height.

Classes that were collected by different cameras, sites or programs often differ in these, and a network can
learn their traces (Geirhos et al., "Shortcut learning in deep neural networks", Nature Machine Intelligence
2020): the resolution after scaling, the blocks of a JPEG.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainables.data.class_folders import LabelledFiles
from trainables.data.image_files import Stored

MOST = 4_000
"""Files that are looked at."""


@dataclass(frozen=True)
class FileFacts:
    """Properties of files that are known without decoding them.

    Attributes:
        labels: Labels of the files, [n].
        values: Values of each property by its name, [n] each.
    """

    labels: NDArray[np.int64]
    values: Mapping[str, NDArray[np.float64]]


def file_facts(part: LabelledFiles, stored: Sequence[Stored | None]) -> FileFacts:
    """Return the properties of files, or of a sample of `MOST` of them.

    Args:
        part: The files.
        stored: What each of them stores, as its header says; None for files that cannot be read.
    """
    rows = np.sort(np.random.default_rng(0).permutation(len(part.files))[:MOST])
    good = [row for row in rows if stored[row] is not None]
    kinds: dict[str, int] = {}
    facts: list[tuple[int, int, int, int]] = []
    for row in good:
        image_format, width, height = stored[row]
        kind = kinds.setdefault(image_format, len(kinds))
        facts.append((kind, part.files[row].stat().st_size, width, height))
    table = np.array(facts, np.float64).reshape(-1, 4)
    names = ("file format", "file size", "width", "height")
    return FileFacts(part.labels[good], dict(zip(names, table.T, strict=True)))
