"""What each column of a table is taken for, and why, by its values in the development part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from hpo.core.errors import UserError
from trainables.data import columns
from trainables.data.column_choices import NUMERIC, ColumnChoices
from trainables.data.odd_texts import like_a_number
from trainables.data.table_reading import Table, brief
from trainables.data.written_numbers import Notation

FEW_CLASSES = 20
IDENTIFIER = 0.5
"""Share of distinct texts above which a column counts as an identifier."""


@dataclass(frozen=True, slots=True)
class ColumnKind:
    """What a column is taken for.

    Attributes:
        kind: ``number``, ``time`` or ``category``; ``text``, ``identifier``, ``empty`` or ``ignored`` of
            columns that are left out; or the argument that names it, such as ``target`` or ``groups``.
        why: The reason, a few words.
        warning: A sentence for the user about a guess or a loss; empty if there is nothing to say.
        input: Whether it is an input.
    """

    kind: str
    why: str
    warning: str = ""
    input: bool = False


def kinds_of(
    table: Table,
    roles: Mapping[str, str],
    choices: ColumnChoices,
    written: Mapping[str, Notation],
    marks_are_mistakes: bool = True,
    texts_are_inputs: bool = True,
) -> dict[str, ColumnKind]:
    """Return what every column of a table is taken for.

    Args:
        table: The development part, its written numbers read already.
        roles: The argument that names a column for another use than as an input, by column.
        choices: What the spec says of columns.
        written: How numbers are written in columns that have them as texts.
        marks_are_mistakes: Whether a "?" among numbers is a mistake even if it is frequent.
        texts_are_inputs: Whether columns that are said to hold texts are inputs.

    Raises:
        UserError: If a column is nearly numeric, or does not hold what the spec says.
    """
    return {
        name: ColumnKind(roles[name], f"named by `{roles[name]}`")
        if name in roles
        else _kind_of(table, name, choices, written.get(name), marks_are_mistakes, texts_are_inputs)
        for name in table.columns
    }


def _kind_of(
    table: Table,
    name: str,
    choices: ColumnChoices,
    notation: Notation | None,
    marks: bool,
    texts_are_inputs: bool,
) -> ColumnKind:
    column, chosen = table.columns[name], choices.kind(name)
    why = f"`{choices.source(name)}` says so" if chosen else ""
    if chosen == "ignore":
        return ColumnKind("ignored", why)
    if chosen == "text" and not texts_are_inputs:
        return ColumnKind("text", f"{why}; texts are not inputs", f"column {name} is a text and is left out")
    if column.null_count == len(column):
        return ColumnKind("empty", "it has no value", f"column {name or repr(name)} is empty and is left out")
    if chosen in ("category", "text"):
        return ColumnKind(chosen, why, input=True)
    if table.numbers(name) is not None:
        return _numeric(column, chosen, why, notation)
    if chosen in NUMERIC:
        raise UserError(_not_numeric(table, name, str(chosen)))
    return _textual(table, name, marks)


def _numeric(column: pa.Array, chosen: str | None, why: str, notation: Notation | None) -> ColumnKind:
    dates = columns.holds_dates(column) or (notation is not None and not notation.decimal)
    texts = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    if dates:
        guess = "all values are dates, read as days since 1970"
    elif notation is not None and notation.described():
        guess = f"numbers formatted for people: {notation.described()}"
    else:
        guess = "all values are numbers" if texts or notation else f"stored as {column.type}"
    return ColumnKind("time" if dates or chosen == "time" else "number", why or guess, input=True)


def _textual(table: Table, name: str, marks: bool) -> ColumnKind:
    """Return what a column of texts is taken for of which the spec says nothing."""
    column = table.columns[name]
    texts = dict.fromkeys(columns.encoded(column)[0][:-1])
    distinct = len(texts) + bool(column.null_count)
    if columns.mistaken(column) or (marks and columns.has_placeholder(column)):
        cell = table.cell(name, columns.strays(column)[0])
        raise UserError(
            f"data: column {name} is numeric except for {cell} and perhaps others; "
            f"fix it, add it to `missing`, or list {name} under `categorical`"
        )
    doubt, advice = _doubt(column, [text for text in texts if text]) if marks else ("", "")
    if distinct > max(FEW_CLASSES, IDENTIFIER * len(column)):
        return ColumnKind(
            "identifier",
            f"{distinct:,} different texts in {len(column):,} rows",
            f"column {name} has {distinct} different texts in {len(column)} rows, looks like an "
            "identifier and is left out; to keep it, list it under `categorical`, or for training code of "
            f"your own as a text: columns: {{{name}: text}}" + (f"; {doubt}: {advice}" if doubt else ""),
        )
    warning = (
        f"column {name}: {doubt}, but are read as {distinct:,} categories; {advice}, or list it under "
        "`categorical`"
    )
    return ColumnKind("category", "its values are texts", warning if doubt else "", input=True)


def _doubt(column: pa.Array, texts: Sequence[str]) -> tuple[str, str]:
    """Say why a column of texts may be meant to hold numbers, and what to do then; two empty texts if not."""
    others = columns.stray_counts(column)
    present = len(column) - int(column.null_count)
    numbers = present - sum(others.values())
    if others and 2 * numbers >= present and not like_a_number(list(others)):
        words = f"{numbers:,} of {present:,} values are numbers and others are texts such as"
        return f"{words} {brief(repr(next(iter(others))))}", "correct such texts, or add them to `missing`"
    if example := like_a_number(texts):
        words = f"values such as {brief(repr(example))} look like numbers or dates"
        return words, "write plain numbers or ISO 8601 dates"
    return "", ""


def _not_numeric(table: Table, name: str, kind: str) -> str:
    cell = table.cell(name, columns.strays(table.columns[name])[0])
    legal = "numbers or ISO 8601 dates" if kind == "time" else "numbers"
    return (
        f"data.arguments.columns: column {name} is a {kind} by the spec, but does not hold {legal} alone; "
        f"see {cell}; add such texts to `missing`, or read the column as a category"
    )
