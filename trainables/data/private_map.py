"""Arrays in files as private memory: shared until a process writes to them, and never more than is written.

The system sets no memory aside for them. It would refuse to map a file that is larger than memory
otherwise, since a process might write to all of it.
"""

from __future__ import annotations

import errno
import mmap
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

NO_RESERVE: int = getattr(mmap, "MAP_NORESERVE", 0x4000)
"""Flag of mmap(2), which this version of Python may not name."""


def mapped_bytes(path: Path, offset: int, span: int) -> NDArray[np.uint8]:
    """Return a part of a file, [span]; what is written stays in this process.

    Where the system sets memory aside for every private page whatever is asked for, and has too little, the
    array cannot be written to.

    Raises:
        OSError: If the file cannot be mapped.
    """
    begin = offset - offset % mmap.ALLOCATIONGRANULARITY
    length = offset + span - begin
    with path.open("rb") as file:
        private = mmap.MAP_PRIVATE | NO_RESERVE
        try:
            pages = mmap.mmap(
                file.fileno(), length, flags=private, prot=mmap.PROT_READ | mmap.PROT_WRITE, offset=begin
            )
        except OSError as error:
            if error.errno != errno.ENOMEM:
                raise
            pages = mmap.mmap(file.fileno(), length, flags=private, prot=mmap.PROT_READ, offset=begin)
    return np.frombuffer(pages, np.uint8, span, offset - begin)


def mapped_array(path: Path) -> NDArray[Any]:
    """Return the array of an ``.npy`` file in the same way.

    Raises:
        OSError: If the file cannot be mapped.
        ValueError: If it is not one.
    """
    shared = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(shared, np.memmap) or not shared.nbytes:
        return np.array(shared)
    order: Literal["C", "F"] = "F" if shared.flags.f_contiguous and not shared.flags.c_contiguous else "C"
    content = mapped_bytes(path, shared.offset, shared.nbytes)
    return np.ndarray(shared.shape, shared.dtype, buffer=content, order=order)
