"""Sentences on how a table was read: numbers written for people, missing values, names of columns."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence

from trainables.data import columns
from trainables.data.odd_texts import alike
from trainables.data.table_reading import LONGEST_LIST, NAMELESS, Table, brief
from trainables.data.written_numbers import Notation

FEW = 5
"""Columns up to which each gets its own sentence."""

VALUES = re.compile(r"'[^']*'|\d[\d,.e+]*")
"""Numbers and quoted texts in a sentence."""


def read_as_numbers(notations: Mapping[str, Notation]) -> tuple[str, ...]:
    """Say which columns of texts are read as numbers, and how.

    Args:
        notations: How their numbers are written, by column.
    """
    return tuple(
        f"column {name}: values such as {notation.example!r} are read as numbers"
        f"{f' ({notation.described()})' if notation.described() else ''}; to keep the texts, list it under "
        "`categorical`"
        for name, notation in notations.items()
    )


def once_for_many(sentences: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield sentences about columns; one that differs only in values for many of them, once with their names.

    Args:
        sentences: What is odd about each column.
    """
    alike: dict[str, list[tuple[str, str]]] = {}
    for name, about in sentences.items():
        for sentence in about:
            alike.setdefault(VALUES.sub("#", sentence.replace(f"column {name}", "", 1)), []).append(
                (name, sentence)
            )
    for group in alike.values():
        if len(group) <= FEW:
            yield from (sentence for _, sentence in group)
            continue
        others = brief(", ".join(name for name, _ in group[1:]), LONGEST_LIST)
        yield f"{group[0][1]}; the same kind of note is on {len(group) - 1:,} other columns: {others}"


def counted_as_missing(name: str, texts: Mapping[str, int], chosen: Container[str]) -> str:
    """Say which texts of a column count as missing although they could be meant.

    Args:
        name: The column.
        texts: How often each of them occurs.
        chosen: Columns whose kind the spec names.
    """
    counts = brief(", ".join(f"{text!r} ({n})" for text, n in texts.items()))
    wins = "; `missing` wins over `columns`" if name in chosen else ""
    return (
        f"column {name}: values count as missing that are {counts}{wins}; to keep such texts, list them "
        "under `not_missing`"
    )


def odd_names(table: Table, target: str, classes: Sequence[str]) -> tuple[str, ...]:
    """Say what is odd about the names of columns and classes."""
    names = [name for name in table.columns if columns.is_fraction(name)]
    twice = alike(classes, "classes")
    return (
        *([f"columns are named {brief(', '.join(names))}: {table.file}: {NAMELESS}"] if names else []),
        *([f"the target {target}: {twice}"] if twice else []),
    )
