"""What is looked for in a data set before a search, and what is not: silence is no proof of absence.

The kinds of leak are those of Kapoor & Narayanan, "Leakage and the reproducibility crisis in
machine-learning-based science", Patterns 2023.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hpo.data.prepared import Prepared

NEVER = (
    "mislabelled rows of the test part",
    "rows of one person, device or place without a column of groups",
    "columns that are only known after the moment of prediction",
    "rows that a pretrained model has already seen",
)
"""What no check of the data looks for."""


@dataclass(frozen=True, slots=True)
class LeakCoverage:
    """What was looked for and what was not, in a few words each."""

    sought: tuple[str, ...]
    not_sought: tuple[str, ...]


def coverage_of(data: Prepared, *, near: bool) -> LeakCoverage:
    """Return what the checks of a data set covered.

    Args:
        data: As returned by `prepare`.
        near: Whether near copies were looked for.
    """
    checks = list(_checks(data, near))
    return LeakCoverage(
        tuple(text for text, done, _ in checks if done),
        (*(f"{text} ({why})" for text, done, why in checks if not done), *NEVER),
    )


def _checks(data: Prepared, near: bool) -> Iterator[tuple[str, bool, str]]:
    """Yield each check, whether it was made, and why it was not."""
    table, classes = data.info.kind == "table", data.info.task == "classification"
    groups, times, test = data.groups() is not None, data.times() is not None, data.test is not None
    yield f"equal rows in {'train, validation and test' if test else 'train and validation'}", True, ""
    yield "equal rows with different labels", classes, "the targets are not classes"
    yield "near copies between the parts", near, "not possible for such data, or not asked for"
    yield "groups in several parts", groups, "the data names no groups"
    yield "test rows earlier than others", times and table and test, "the data names no times"
    judged, unjudged = table and data.info.task != "other", "only in tables with a class or number to predict"
    yield "columns, and pairs of columns, that reveal the target", judged, unjudged
    yield "columns computed from the targets (target encoding)", judged, unjudged
    images = data.info.kind == "image" and classes
    labelled = classes and (table or images)
    yield "mislabelled rows outside the test part", labelled, "only in tables and images with classes"
    yield "brightness, colour, border or corners that reveal the class", images, "only of images with classes"
    files = data.file_shortcuts() is not None
    yield (
        "format, size or dimensions of image files that reveal the class",
        files,
        "only of folders of images",
    )
    plain = table and test and not groups and not times
    yield "columns distributed differently in the test part", plain, "only in tables without groups and times"
