"""What the development part and the test part have in common, and how they differ."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.json_values import JsonObject
from hpo.data import near_duplicates
from hpo.data.shift import early_rows, shifted_columns
from hpo.data.table_copies import table_copies
from hpo.data.thumbnails import thumbnails
from trainables.data.content import Content


def image_copies(images: NDArray[np.uint8], test: NDArray[np.uint8] | None) -> JsonObject:
    """Return development images that are near copies of each other or of test images."""
    small = min(images.shape[1:3]) < near_duplicates.LEAST_SIDE
    ours = thumbnails(images)
    within = near_duplicates.near_pairs(ours, small=small)
    if test is None:
        return {"within": within.rows.tolist(), "test": [], "told": within.decided}
    across = near_duplicates.near_pairs(ours, thumbnails(test), small=small)
    rows = np.unique(across.rows[:, 0]).tolist()
    return {"within": within.rows.tolist(), "test": rows, "told": within.decided and across.decided}


def compared_tables(
    development: NDArray[np.float32], targets: NDArray[Any], times: NDArray[np.float64] | None, test: Content
) -> JsonObject:
    """Return development rows that are copies of test rows, and how the parts differ."""
    copies = table_copies(development, test.inputs, test.info)
    return {
        "within": [],
        "test": copies.ours.tolist(),
        "told": True,
        "column": copies.column(test.info),
        "searched": copies.searched,
        "among": copies.among,
        "shifted": shifted_columns(development, targets, test),
        "early": early_rows(times, test),
    }
