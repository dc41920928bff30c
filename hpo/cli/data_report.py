"""Show what data was taken for: the columns of a table, the images of a folder, the target's distribution."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from hpo.cli.session import say
from hpo.core.formatting import number
from hpo.core.json_values import JsonFields, JsonObject

if TYPE_CHECKING:
    from hpo.data.prepared import Prepared

SHOWN = 100
"""Columns that are listed; ``--json`` lists all of them."""

SIZES = 5
"""Sizes of images that are listed."""

DIGITS = 6


def report_facts(prepared: Prepared) -> JsonObject:
    """Return what data was taken for, as the part ``taken_for`` of a JSON value."""
    return {"taken_for": prepared.report()}


def say_report(shown: JsonFields) -> None:
    """Print what data was taken for."""
    from hpo.cli.tables import grid, pairs

    report = shown.get("taken_for") or {}
    images = report.get("images")
    if images:
        say(pairs(image_rows(images)))
    columns = report.get("columns") or []
    if columns:
        say()
        heads = ("column", "taken for", "missing", "different", "why")
        say(grid(heads, (column_row(column) for column in columns[:SHOWN])))
        if any(column["notes"] for column in columns[:SHOWN]):
            say("* a warning says what is odd about it")
        if len(columns) > SHOWN:
            say(f"and {len(columns) - SHOWN:,} more columns; --json lists all of them")
    target = report.get("target") or {}
    if "median" in target and "mean" in target:
        say()
        say(pairs([("target", quantiles(target))]))


def column_row(column: JsonFields) -> tuple[str, str, str, str, str]:
    """Return a column as the cells of a table's row."""
    marked = " *" if column["notes"] else ""
    missing = f"{column['missing']:,}" if column["missing"] else ""
    different = f"{column['distinct']:,}" if column["taken_for"] != "left out" else ""
    return column["name"], column["taken_for"] + marked, missing, different, column["why"]


def image_rows(images: JsonFields) -> Iterator[tuple[str, str]]:
    """Yield what images are as stored, and what was done to them, as rows."""
    yield "sizes", counted(images["sizes"])
    yield "pixels", f"{counted(images['modes'])}; {images['bits']} bits per channel are used"
    if images["turned"]:
        yield "orientation", f"{images['turned']:,} turned upright by their EXIF orientation"
    yield "given as", " x ".join(map(str, images["given"])) + " (height, width, channels)"
    for sentence in images["conversions"]:
        yield "converted", sentence


def counted(counts: Mapping[str, int]) -> str:
    """Return counts by name, the most frequent first."""
    ordered = sorted(counts.items(), key=lambda pair: -pair[1])
    listed = ", ".join(f"{name} ({n:,})" for name, n in ordered[:SIZES])
    more = len(ordered) - SIZES
    return listed + (f" and {more:,} more" if more > 0 else "")


def quantiles(target: JsonFields) -> str:
    """Return the distribution of a regression's target in words."""
    names = ("least", "lower_quartile", "median", "upper_quartile", "greatest")
    ordered = ", ".join(f"{name.replace('_', ' ')} {number(target[name], DIGITS)}" for name in names)
    return f"{ordered}; mean {number(target['mean'], DIGITS)}, spread {number(target['std'], DIGITS)}"
