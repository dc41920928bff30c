"""Open the inputs of a map-style data set that stayed where it is, in a process that uses them."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.json_values import JsonFields
from trainables.data.content import SourcePaths
from trainables.data.file_map import stored_dtype
from trainables.data.item_fields import ItemReader
from trainables.data.item_inputs import ItemInputs


def inputs_in_place(reference: JsonFields) -> ItemInputs:
    """Return the inputs of a development part that stayed in its data set.

    The user's function is called when the first item is read.

    Args:
        reference: `ItemInputs.reference`.
    """

    @functools.cache
    def reader() -> ItemReader:
        from trainables.data.user_sources import UserSource  # late: few data sets stay where they are

        base = Path(reference["base"])
        return UserSource.of(reference["source"], reference["arguments"], SourcePaths(base, base)).reader(
            reference
        )

    def read(rows: NDArray[np.int64]) -> NDArray[Any]:
        return reader()(rows)

    return ItemInputs(read, tuple(reference["shape"]), stored_dtype(reference["dtype"]), reference)
