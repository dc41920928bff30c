"""What a section of the page consists of: figures with their tables, tables, commands, texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDE, NARROW = 860, 350
"""Widths of a drawing on a screen and on a phone, in pixels."""

Row = Sequence[str]


@dataclass(frozen=True, slots=True)
class DataTable:
    """A table.

    Attributes:
        head: Names of the columns.
        rows: Cells as they are shown.
        title: What it is; the line that opens it if it belongs to a figure.
    """

    head: Row
    rows: Sequence[Row]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing and the table behind it.

    Attributes:
        title: What it shows.
        wide: The drawing for a screen.
        narrow: The drawing for a phone.
        table: The same as a table.
        note: How to read it.
        scrolls: Whether the drawing keeps its width and scrolls.
    """

    title: str
    wide: Markup
    narrow: Markup
    table: DataTable
    note: str = ""
    scrolls: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """Small figures side by side."""

    items: Sequence[Figure]


@dataclass(frozen=True, slots=True)
class Lines:
    """Commands to copy."""

    text: str


@dataclass(frozen=True, slots=True)
class Entries:
    """Names and what is said under each of them, side by side where there is room.

    Attributes:
        rows: The texts of each name.
        commands: The name whose texts are commands.
        most: Characters of a text above which it is folded: the space of two hundred parameters was longer
            than everything else on the page.
    """

    rows: Mapping[str, Sequence[str]]
    commands: str = ""
    most: int = 1_500


@dataclass(frozen=True, slots=True)
class TrialList:
    """All trials: the first rows as a table, the others as data that the page's script shows.

    Attributes:
        table: The first rows.
        rest: The other rows.
        file: Name of the CSV file that the page offers.
    """

    table: DataTable
    rest: Sequence[Row]
    file: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A small picture.

    Attributes:
        png: A PNG file as base64.
        caption: What it is.
    """

    png: str
    caption: str


@dataclass(frozen=True, slots=True)
class Pictures:
    """A sheet of pictures."""

    title: str
    items: Sequence[Picture]


Block = DataTable | Entries | Figure | Figures | Lines | Pictures | TrialList


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the page.

    Attributes:
        key: Its anchor.
        title: Its heading.
        sentence: Its result in one sentence that can be quoted.
        blocks: What is below it.
        notes: Further remarks.
        attention: What must be known before the sentence.
    """

    key: str
    title: str
    sentence: str
    blocks: Sequence[Block] = ()
    notes: Sequence[str] = ()
    attention: Sequence[str] = ()


def without_empty_columns(head: Row, rows: Sequence[Row]) -> DataTable:
    """Return a table of the columns that have something in them, and of the first one."""
    kept = [0, *(at for at in range(1, len(head)) if any(row[at] for row in rows))]
    return DataTable([head[at] for at in kept], [[row[at] for at in kept] for row in rows])


def both(title: str, draw: Callable[[int], Markup], table: DataTable, note: str = "") -> Figure:
    """Return a figure drawn for a screen and for a phone."""
    return Figure(title, draw(WIDE), draw(NARROW), table, note)


def small(title: str, draw: Callable[[int], Markup], table: DataTable) -> Figure:
    """Return a figure that is as wide as a phone everywhere."""
    drawn = draw(NARROW)
    return Figure(title, drawn, Markup(), table)
