"""The sections about a network's health before its search."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from hpo.core.formatting import NOTHING, count, duration, number, size
from hpo.core.health import CornerCost, HealthCheck, PreflightReport, ValueHistogram, worst_of
from hpo.reports.page.blocks import NARROW, Block, DataTable, Figure, Figures, Row, Section
from hpo.reports.page.svg import line, svg, tag, text

MOST_DRAWN, MOST_LAYERS = 6, 8
"""Combinations and layers that are drawn; the table has all."""

KINDS = ("weights", "activations", "gradients")
ROW, BAR = 44, 26
"""Height of a layer, and of its highest bar, in pixels."""


def before_search(tried: Sequence[HealthCheck], report: PreflightReport | None) -> Section:
    """Return the section with what was found before the search.

    Args:
        tried: What `hpo try` found.
        report: What `hpo preflight` found; None if it was not run.
    """
    checks = [*tried, *(report.checks if report else ())]
    blocks: list[Block] = [check_table(("check", "verdict", "reason, and what to change"), checks)]
    if report and report.histograms:
        blocks.append(Figures(_figures(report.histograms)))
    if report and report.corners:
        blocks.append(DataTable(("point", "epoch", "memory", "error"), list(map(_corner, report.corners))))
    return Section("preflight", "Before the search", _sentence(checks), blocks)


def check_table(head: Row, checks: Sequence[HealthCheck]) -> DataTable:
    """Return checks as a table of three columns, which a phone can show."""
    rows = [(c.name, c.verdict, f"{c.reason}; {c.advice}" if c.advice else c.reason) for c in checks]
    return DataTable(head, rows)


def _sentence(checks: Sequence[HealthCheck]) -> str:
    counts = worst_of(checks)
    shown = ", ".join(f"{amount} {verdict}" for verdict, amount in counts.items())
    return f"{count(len(checks), 'check')} of the code and the network before the search: {shown}."


def _corner(corner: CornerCost) -> tuple[str, ...]:
    if corner.error:
        return corner.name, NOTHING, NOTHING, corner.error
    seconds = duration(corner.seconds) if corner.seconds >= 10 else f"{corner.seconds:.2g} s"
    return corner.name, seconds, size(corner.memory) if corner.memory else NOTHING, ""


def _figures(histograms: Sequence[ValueHistogram]) -> list[Figure]:
    """Return a figure for each combination of choices."""
    groups: dict[str, list[ValueHistogram]] = {}
    for histogram in histograms:
        groups.setdefault(histogram.choices, []).append(histogram)
    return [_figure(choices, group) for choices, group in list(groups.items())[:MOST_DRAWN]]


def _figure(choices: str, group: Sequence[ValueHistogram]) -> Figure:
    rows = [(h.layer, h.kind, number(h.rms, 3), number(h.low, 3), number(h.high, 3), h.note) for h in group]
    head = ("layer", "values", "root mean square", "from", "to", "remark")
    table = DataTable(head, rows, "The layers as a table")
    title = f"Layers with {choices}" if choices else "Layers before training"
    return Figure(title, _drawing(title, group), Markup(), table)


def _drawing(title: str, group: Sequence[ValueHistogram]) -> Markup:
    """Return a column of histograms for each kind of values, the first layer on top."""
    width = (NARROW - 8) / len(KINDS)
    drawn: list[Markup] = []
    deepest = 0
    for column, kind in enumerate(KINDS):
        x = 4 + column * width
        drawn.append(text(x, 13, kind, "label"))
        layers = [histogram for histogram in group if histogram.kind == kind][:MOST_LAYERS]
        deepest = max(deepest, len(layers))
        for row, histogram in enumerate(layers):
            drawn += _bars(histogram, x, 22 + row * ROW, width - 10)
    return svg(NARROW, 26 + deepest * ROW, title, drawn)


def _bars(histogram: ValueHistogram, x: float, y: float, width: float) -> list[Markup]:
    highest, step = max(histogram.counts, default=0) or 1, width / max(1, len(histogram.counts))
    base = y + BAR
    colour = "orange" if histogram.note else "blue"
    bars = [
        tag(
            "rect",
            x=x + n * step,
            y=base - BAR * amount / highest,
            width=max(0.5, step - 0.5),
            height=BAR * amount / highest,
            class_=f"bar {colour}",
        )
        for n, amount in enumerate(histogram.counts)
        if amount
    ]
    ends = f"{histogram.low:.2g} to {histogram.high:.2g}"
    return [*bars, line(x, base, x + width, base, "axis"), text(x, base + 12, ends, "tick")]
