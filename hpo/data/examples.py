"""How a worker opens its examples: arrays mapped into memory, one copy for the whole node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import HpoError
from hpo.core.json_values import parsed
from hpo.core.trainable import Examples
from hpo.data import prepared


def open_examples(folder: Path, rows: NDArray[Any]) -> Examples:
    """Open some rows of a prepared development part.

    Args:
        folder: `Prepared.folder`.
        rows: int64 rows of the part, as in a `Split`.

    Returns:
        Examples whose arrays are mapped copy-on-write: all processes of the node share the pages,
        and a process that writes to them changes only its own copy.

    Raises:
        HpoError: If the folder does not hold prepared data.
    """
    try:
        body = parsed((folder / prepared.MANIFEST).read_text())
        inputs = prepared.array(folder, prepared.INPUTS)
        targets = prepared.array(folder, prepared.TARGETS)
    except (OSError, ValueError) as error:
        raise HpoError(f"data: {folder} does not hold prepared data: {error}") from error
    info = prepared.info_from_json(body["info"])
    groups, times = prepared.optional(folder / prepared.GROUPS), prepared.optional(folder / prepared.TIMES)
    originals = prepared.originals(folder, info)
    return Examples(inputs, targets, np.asarray(rows, dtype=np.int64), info, groups, times, originals)
