"""Look for leaks before a search starts; an overlap of train with test stops it."""

from __future__ import annotations

from pathlib import Path

from hpo.core.errors import UserError
from hpo.data.custodian import require_same_rows
from hpo.data.leak_report import EQUAL, GROUPS, Leaks, agreeing
from hpo.data.leaks import find_leaks
from hpo.spec.data_fields import Data
from hpo.use_cases.dataset.split_dataset import SplitDataset


def find_dataset_leaks(data: Data, base: Path, dataset: SplitDataset, *, near: bool = False) -> Leaks:
    """Find leaks between the parts of a data set.

    Args:
        data: The `data` section of the spec.
        base: Folder that relative paths start from.
        dataset: The data, read and split.
        near: Whether to look for near copies too, for which many images take a minute the first time, and
            to call a user's own source a second time.

    Raises:
        UserError: If that source returns other rows then.
    """
    if near and ":" in data.source:
        require_same_rows(dataset.prepared, data.source, data.source_arguments, base)
    return find_leaks(dataset.prepared, dataset.split, data.source, data.source_arguments, base, near=near)


def refuse_overlap(data: Data, leaks: Leaks) -> None:
    """Stop a search of whose training rows or groups some are in the test part, too.

    Raises:
        UserError: If the spec does not accept that.
    """
    if leaks.stops and not data.accept_overlap:
        shared = []
        if leaks.train_test and "train_test" not in leaks.by_chance:
            shared.append(agreeing(leaks.train_test, EQUAL["train_test"]))
        if leaks.groups_test and not leaks.timed:
            shared.append(agreeing(leaks.groups_test, GROUPS))
        raise UserError(
            f"data: {', and '.join(shared)}, so the test score would not be "
            "on unseen examples. Remove them, or set data.accept_overlap: true to search anyway; "
            "the overlap is then printed beside the score"
        )
