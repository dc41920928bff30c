"""How lists, tables and values are laid out on a terminal and in a pipe.

On a terminal, text wraps at the window's width, but no word is ever broken or cut: a digest, an address
or a search's name can be copied from wherever it is printed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpo.core.formatting import STATES, plain
from hpo.core.json_values import RecipeFields
from hpo.core.recipe import Recipe
from hpo.core.visible_text import one_line, visible

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.text import Text

GAP = 2
"""Blanks between two columns."""

SHORT = 16
"""Columns up to which a cell of a table stays on one line."""

LEAST_WIDTH = 20
"""Columns that the text of a pair has at least, however long the name."""

COLOURS = {
    "done": "green",
    "finished": "green",
    "running": "cyan",
    "paused": "blue",
    "stopped": "yellow",
    "interrupted": "yellow",
    "submitted": "cyan",
    "failed": "red",
    "no_trial_succeeded": "red",
}
"""Colours of states; rich omits them if NO_COLOR is set or the output is not a terminal."""


@dataclass(frozen=True)
class Pairs:
    """Names with a text each; the texts are aligned, and long ones wrap.

    Attributes:
        rows: Name and text.
    """

    rows: tuple[tuple[str, str], ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Wrap at the width that there is; a longer word gets a line of its own."""
        import textwrap

        from rich.text import Text

        indent = max((len(name) for name, _ in self.rows), default=0) + GAP
        width = max(LEAST_WIDTH, options.max_width - indent)
        for name, text in self.rows:
            lines = [
                line
                for paragraph in text.split("\n")
                for line in textwrap.wrap(
                    paragraph, width, break_long_words=False, break_on_hyphens=False, drop_whitespace=True
                )
                or [""]
            ]
            yield Text.assemble((name.ljust(indent), "bold"), lines[0], no_wrap=True, overflow="ignore")
            for line in lines[1:]:
                yield Text(" " * indent + line, no_wrap=True, overflow="ignore")


@dataclass(frozen=True)
class Grid:
    """A table without lines, as wide as its content needs.

    Attributes:
        head: Names of the columns.
        rows: Cells of each row.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str | Text, ...], ...]

    @property
    def width(self) -> int:
        """Columns that the table needs if no cell wraps."""
        return sum(self._widths()) + GAP * (len(self.head) - 1)

    def _widths(self) -> list[int]:
        """Columns that each column of the table needs if no cell wraps."""
        from rich.cells import cell_len

        columns = zip(self.head, *self.rows, strict=True)
        return [max(cell_len(str(cell)) for cell in cells) for cells in columns]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Wrap cells between words where the table is wider than the terminal."""
        if self.width <= options.max_width:
            return self._lines(console)
        return self._wrapped(console, options)

    def _lines(self, console: Console) -> RenderResult:
        """Yield a line a row: ten times faster than rich's table, which has to be ready to wrap."""
        from rich.segment import Segment
        from rich.text import Text

        widths = [*(width + GAP for width in self._widths()[:-1]), 0]  # nothing after the last cell
        head = tuple(Text(name, "bold") for name in self.head)
        for row in (head, *self.rows):
            for width, cell in zip(widths, row, strict=True):
                text = cell if isinstance(cell, Text) else Text(cell)
                yield from Segment.apply_style(text.render(console), console.get_style(text.style))
                yield Segment(" " * (width - text.cell_len))
            yield Segment.line()

    def _wrapped(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield rich's table, in which long cells continue on the next line."""
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold")
        widths = self._wrapped_widths(options.max_width)
        for name, width in zip(self.head, widths, strict=True):
            table.add_column(name, width=width)  # rich's own widths add up to more than the terminal's
        for row in self.rows:
            table.add_row(*row)
        yield from console.render(table, options.update(width=sum(widths) + GAP * len(widths)))

    def _wrapped_widths(self, room: int) -> list[int]:
        """Return what each column needs at least, with an even share of the columns that are left."""
        widths = [_least_width(cells) for cells in zip(self.head, *self.rows, strict=True)]
        missing = [full - least for full, least in zip(self._widths(), widths, strict=True)]
        left = max(0, room - sum(widths) - GAP * (len(widths) - 1))
        for done, column in enumerate(sorted(range(len(widths)), key=missing.__getitem__)):
            more = min(missing[column], left // (len(widths) - done))
            widths[column] += more
            left -= more
        return widths


def _least_width(cells: Sequence[str | Text]) -> int:
    """Columns that a column of a table needs: short cells stay on one line, long ones break between words."""
    from rich.cells import cell_len

    longest = max(cell_len(str(cell)) for cell in cells)
    words = max((cell_len(word) for cell in cells for word in str(cell).split()), default=0)
    return longest if longest <= SHORT else words


def grid(head: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> Grid:
    """Return a table without lines."""
    escaped = (tuple(one_line(cell) if isinstance(cell, str) else cell for cell in row) for row in rows)
    return Grid(tuple(map(one_line, head)), tuple(escaped))


def pairs(rows: Iterable[tuple[str, str]]) -> Pairs:
    """Return names with their texts as aligned lines."""
    return Pairs(tuple((one_line(name), visible(text)) for name, text in rows))


def trial_state_text(state: str) -> Text:
    """Return the word for the state of a trial, in its colour."""
    return _coloured(STATES.get(state, state), state)


def search_state_text(state: str) -> Text:
    """Return the word for the state of a search, in its colour."""
    return _coloured(state, state)


def _coloured(word: str, state: str) -> Text:
    from rich.text import Text

    return Text(one_line(word).replace("_", " "), style=COLOURS.get(state, ""))


def recipe_lines(recipe: RecipeFields) -> Iterator[tuple[str, str]]:
    """Yield every choice of a recipe under its dotted name."""
    for name, value in Recipe(recipe).flat().items():
        yield name, plain(value)
