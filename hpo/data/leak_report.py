"""The leaks of one data set, with a sentence for each."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from hpo.core.json_values import JsonObject
from hpo.data.shift import TARGET

EQUAL = {
    "train_test": "training rows are also in the test part",
    "validation_test": "validation rows are also in the test part",
    "train_validation": "validation rows are also in the train part",
    "contradicting": "rows have the same inputs as another row but a different label",
}
"""What each count of equal rows means."""
GROUPS = "groups have rows both in the test part and outside it"
"""What the count of groups on both sides means."""
SINGULAR = {
    "rows are": "row is",
    "rows have": "row has",
    "rows equal": "row equals",
    "groups have": "group has",
    "images have": "image has",
}
NAMED = 5
"""Mislabelled rows that are named in a sentence."""


def agreeing(count: int, text: str) -> str:
    """Return the count with a text about so many rows, groups or images, in the singular for one.

    >>> agreeing(1, "validation rows are also in the train part")
    '1 validation row is also in the train part'
    """
    if count == 1:
        for plural, singular in SINGULAR.items():
            text = text.replace(plural, singular, 1)
    return f"{count} {text}"


@dataclass(frozen=True, slots=True)
class Leaks:
    """The leaks of one data set.

    Attributes:
        train_test: Training rows whose inputs are also in the test part.
        validation_test: Validation rows (of either role) whose inputs are also in the test part.
        train_validation: Validation rows whose inputs are also in the train part.
        contradicting: Rows with the same inputs as another development row but a different label.
        near_train_test: Training rows with a near copy in the test part; None if not checked.
        near_validation_test: Validation rows (of either role) with one in the test part; None likewise.
        near_train_validation: Validation rows with one in the train part; None likewise.
        groups_train_validation: Groups with rows in both train and validation.
        groups_test: Groups with rows in both the development and the test part.
        columns: Columns that reveal the target, with the share of the error that each removes.
        kind: Kind of the data, as in `DataInfo`.
        changed_column: Column of a table that differs in the most near copies; empty if in none.
        by_chance: Names of the counts of equal rows that are no larger than columns of few values explain.
        partial_columns: Columns that reveal the target of some rows, with the share of these rows.
        shifted: Columns that are distributed differently in the test part although neither groups nor
            times explain it, with the greatest difference between the shares of both parts.
        early: Test rows that are earlier than the latest row of the development part.
        timed: Whether the data is divided by time.
        shortcuts: Properties of images that alone predict the class, with the share of the error removed.
        notes: What could not be checked, and other facts, each a sentence.
        sought: What was looked for, in a few words each.
        not_sought: What was not looked for, and why.
        telling: The column that by itself removes the most of the error; empty if none removes any.
        removed: The share of the error that it removes.
        pairs: Pairs of columns, in words, that reveal the target only together, with the share of the error.
        encoded: Columns that are means of the targets of their rows.
        mislabelled: Development rows whose label is probably wrong, the surest first.
        labels_examined: Development rows whose labels were examined.
    """

    train_test: int
    validation_test: int
    train_validation: int
    contradicting: int
    near_train_test: int | None
    near_validation_test: int | None
    near_train_validation: int | None
    groups_train_validation: int
    groups_test: int
    columns: Mapping[str, float]
    notes: tuple[str, ...] = ()
    kind: str = "image"
    changed_column: str = ""
    by_chance: tuple[str, ...] = ()
    partial_columns: Mapping[str, float] = field(default_factory=dict)
    shifted: Mapping[str, float] = field(default_factory=dict)
    early: int = 0
    sought: tuple[str, ...] = ()
    not_sought: tuple[str, ...] = ()
    telling: str = ""
    removed: float = 0.0
    timed: bool = False
    shortcuts: Mapping[str, float] = field(default_factory=dict)
    pairs: Mapping[str, float] = field(default_factory=dict)
    encoded: tuple[str, ...] = ()
    mislabelled: tuple[int, ...] = ()
    labels_examined: int = 0

    @property
    def stops(self) -> bool:
        """Whether the search may start only if the spec accepts it.

        That is so if training rows, or groups of them, are also in the test part. Data that is divided by
        time may have a group on both sides.
        """
        copied = self.train_test > 0 and "train_test" not in self.by_chance
        return copied or (self.groups_test > 0 and not self.timed)

    def findings(self) -> list[str]:
        """Return a sentence for every leak, the most serious first; empty without leaks."""
        counts = [
            *self._equal(("train_test", "validation_test", "train_validation")),
            (self.groups_test, GROUPS),
            (self.groups_train_validation, "groups have rows in both train and validation"),
            (self.early, "test rows are earlier than the latest row outside the test part"),
            (self.near_train_test, f"training {self._near('the test part')}"),
            (self.near_validation_test, f"validation {self._near('the test part')}"),
            (self.near_train_validation, f"validation {self._near('the train part')}"),
            *self._equal(("contradicting",)),
        ]
        sentences = [agreeing(count, leak) for count, leak in counts if count]
        whole = [
            f"column {name} alone predicts the target: it removes {share:.1%} of the error"
            for name, share in self.columns.items()
        ]
        partial = [
            f"column {name} alone predicts the target in the {share:.1%} of the rows where it is neither "
            "missing nor at its most frequent value"
            for name, share in self.partial_columns.items()
        ]
        shifted = [
            f"{_called(name)} is distributed differently in the test part, by up to {share:.0%} of the "
            "rows: compare units, codes and missing values"
            for name, share in self.shifted.items()
        ]
        shortcuts = [
            f"{name} of an image alone predicts the class: it removes {share:.1%} of the error"
            for name, share in self.shortcuts.items()
        ]
        pairs = [
            f"{pair} predicts the target, which neither does alone: it removes {share:.1%} of the error"
            for pair, share in self.pairs.items()
        ]
        encoded = [
            f"column {name} is the mean target of the rows with the same value, their own targets included "
            "(target encoding): compute it from other rows than those that it describes"
            for name in self.encoded
        ]
        return [*sentences, *whole, *pairs, *partial, *encoded, *shifted, *shortcuts, *self._mislabelled()]

    def _mislabelled(self) -> list[str]:
        if not self.mislabelled:
            return []
        count, share = len(self.mislabelled), len(self.mislabelled) / self.labels_examined
        rows = ", ".join(map(str, self.mislabelled[:NAMED]))
        return [
            f"{count} of {self.labels_examined} rows may be mislabelled ({share:.1%}): a model that has not "
            f"seen them is sure of another class; see rows {rows}, counted from 0 without the test part"
        ]

    def _equal(self, names: tuple[str, ...]) -> list[tuple[int, str]]:
        return [(getattr(self, name), EQUAL[name]) for name in names if name not in self.by_chance]

    def _near(self, part: str) -> str:
        if self.kind != "table":
            return f"images have a near duplicate in {part}"
        column = f", most often {self.changed_column}" if self.changed_column else ""
        return f"rows equal a row of {part} except for noise, rounding or one or two columns{column}"

    def to_json(self) -> JsonObject:
        """Return everything as a JSON value, with the sentences."""
        return {**dataclasses.asdict(self), "stops": self.stops, "findings": self.findings()}


def _called(column: str) -> str:
    return column if column == TARGET else f"column {column}"
