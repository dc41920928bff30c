"""Leaks are looked for before a search begins, and an overlap of train with test stops it."""

from __future__ import annotations

from pathlib import Path

from hpo.core.errors import UserError
from hpo.data.leaks import Leaks, find_leaks
from hpo.spec.fields import Data
from hpo.use_cases.dataset.split_dataset import SplitDataset


def find_dataset_leaks(data: Data, base: Path, material: SplitDataset, *, near: bool = False) -> Leaks:
    """Look for what a data set gives away.

    Args:
        data: The spec's word on it.
        base: Folder to which relative paths refer.
        material: The data, read and divided.
        near: Whether near copies of images are looked for too, which takes a while.
    """
    return find_leaks(material.prepared, material.split, data.source, data.arguments, base, near=near)


def refuse_overlap(data: Data, leaks: Leaks) -> None:
    """Stop a search whose training rows are also in the test part, unless its spec accepts that.

    Raises:
        UserError: If it does not.
    """
    if leaks.stops and not data.accept_overlap:
        raise UserError(
            f"data: {leaks.train_test} training rows are also in the test part, so its score would not be "
            "of unseen examples. Take them out, or set data.accept_overlap: true to search all the same; "
            "the overlap is then printed beside the score"
        )
