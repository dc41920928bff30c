"""Plots of a search with matplotlib, for notebooks and papers; the report page draws its own.

The figures do not touch pyplot's global state. A notebook shows them as vectors, and `savefig` writes
PDF or SVG.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, Locator, MaxNLocator, NullLocator

from hpo.core.errors import UserError
from hpo.core.events import End
from hpo.reports.page.progress_charts import MOST_CURVES, best_so_far, epoch_summaries, score_scale, survivors
from hpo.reports.page.result_sections import estimates_of
from hpo.reports.page.search_sections import MOST_AXES, MOST_BARS, MOST_SLICES, correlation
from hpo.reports.page.space_charts import buckets
from hpo.reports.scales import AxisScale, ParameterAxis, short
from hpo.reports.view import SearchView, TrialView

BLUE, GREY, ORANGE = "#1f6fb2", "#87919c", "#c85a00"

_AXIS_LABEL: dict[str, Any] = {
    "fontsize": 7,
    "zorder": 4,
    "path_effects": [withStroke(linewidth=2, foreground="white")],
}
"""Of a value beside an axis that lines cross."""

_ALONE: dict[str, Any] = {"marker": "o", "markersize": 4, "markerfacecolor": "none"}
"""Of a curve of one epoch, which as a line would not be seen."""


class SearchFigure(Figure):
    """A figure that a notebook shows as vectors."""

    def _repr_svg_(self) -> str:
        text = io.StringIO()
        self.savefig(text, format="svg", bbox_inches="tight")
        return text.getvalue()


class RoundValues(Locator):
    """Labels a logarithmic axis at round values, within a power of ten as well."""

    def __call__(self) -> list[float]:
        """Return the values that are labelled in the visible range."""
        assert self.axis is not None
        return self.tick_values(*self.axis.get_view_interval())

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        """Return the values that are labelled between two ends."""
        return AxisScale(min(vmin, vmax), max(vmin, vmax), log=True).ticks()


class Plots:
    """The plots of a search; each call reads the record again and returns a figure.

    Args:
        read: Returns the search as its record stands.
    """

    def __init__(self, read: Callable[[], SearchView]):
        self._read = read

    def history(self) -> SearchFigure:
        """Plot every trial at its number, and the best fully trained one so far."""
        view = self._read()
        figure, (axes,) = _figure(view)
        _marks(axes, view, [(trial, float(trial.number)) for trial in view.trials])
        steps = best_so_far(view)
        if steps:
            last = max(trial.number for trial in view.trials)
            numbers, values = [n for n, _ in steps] + [last], [v for _, v in steps] + [steps[-1][1]]
            axes.step(numbers, _shown(view, values), where="post", color=BLUE, linewidth=1.2, zorder=1)
        axes.set_xlabel("trial")
        if axes.lines:
            # above the plot, where no trial can lie under it
            axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=4)
        return figure

    def curves(self) -> SearchFigure:
        """Plot the learning curves with the rungs; of many trials quantiles and the best ten."""
        view = self._read()
        figure, (axes,) = _figure(view)
        many = len(view.trials) > MOST_CURVES
        if many:
            summaries = epoch_summaries(view)
            epochs = [summary.epoch for summary in summaries]
            for low, high in ((0, 4), (1, 3)):
                lower, upper = (_shown(view, [s.quantiles[end] for s in summaries]) for end in (low, high))
                axes.fill_between(epochs, lower, upper, color=GREY, alpha=0.25, linewidth=0)
        for trial in view.ranked[: 10 if many else None]:
            points = [(epoch, value) for epoch, value in trial.curve if math.isfinite(value)]
            epochs, values = [e for e, _ in points], [v for _, v in points]
            look = _line(view, trial) | (_ALONE if len(points) == 1 else {})
            axes.plot(epochs, _shown(view, values), **look)
        for rung in view.rungs:
            axes.axvline(rung, color=GREY, linestyle=":", linewidth=1)
        axes.set_xlabel(view.account.setting.unit)
        return figure

    def importance(self) -> SearchFigure:
        """Plot the importances with whiskers.

        Raises:
            UserError: If the parameters cannot be ranked; the message says why.
        """
        view = self._read()
        if not view.importance.rows:
            raise UserError(
                f"the parameters of {view.account.search} are not ranked: {view.importance.reason}"
            )
        rows = view.importance.rows[:MOST_BARS][::-1]
        figure = SearchFigure(figsize=(6, 0.8 + 0.28 * len(rows)), layout="constrained")
        axes = figure.subplots()
        shares = [row.share for row in rows]
        whiskers = [[row.share - row.low for row in rows], [row.high - row.share for row in rows]]
        axes.barh([row.name for row in rows], shares, xerr=whiskers, color=BLUE, ecolor="black", capsize=2)
        axes.set_xlabel("share of importance")
        axes.set_title(
            f"{view.importance.evaluator}, {view.account.setting.unit} {view.importance.epoch}", fontsize=8
        )
        return figure

    def slices(self) -> SearchFigure:
        """Plot the most important parameters over their range, with the best trial of each part of it."""
        view = self._read()
        shown = [ParameterAxis(parameter) for parameter in view.parameters[:MOST_SLICES]]
        figure, all_axes = _figure(view, len(shown))
        for axes, axis in zip(all_axes, shown, strict=True):
            placed = [(trial, axis.at(trial.point)) for trial in view.trials]
            _marks(axes, view, [(trial, at) for trial, at in placed if at is not None])
            best = sorted((axis.at(t.point) or 0.0, t.value) for _, t in buckets(view, axis))
            axes.plot(
                [x for x, _ in best], _shown(view, [v for _, v in best]), color=BLUE, linewidth=1.2, zorder=1
            )
            _label(axes, axis)
        return figure

    def parallel(self) -> SearchFigure:
        """Plot a line for each trial through its values; parameters that it does not have lie below."""
        view = self._read()
        shown = [ParameterAxis(parameter) for parameter in view.parameters[:MOST_AXES]]
        figure = SearchFigure(figsize=(1.2 * max(2, len(shown)) + 2, 4), layout="constrained")
        axes, scale = figure.subplots(), score_scale(view)
        trials = [trial for trial in view.ranked if math.isfinite(trial.value)]
        scores = scale.axis(trial.value for trial in trials)
        for trial in reversed(trials):
            heights = [-0.15 if (at := axis.at(trial.point)) is None else at for axis in shown]
            axes.plot([*heights, scores.at(scale.shown(trial.value))], **_line(view, trial))
        for position, axis in enumerate(shown):
            axes.axvline(position, color="black", linewidth=0.8)
            for height, words in axis.labels(4):
                axes.text(position + 0.04, height, words, **_AXIS_LABEL)
            if axis.conditional:
                axes.text(position + 0.04, -0.15, "not there", **_AXIS_LABEL)
        axes.axvline(len(shown), color="black", linewidth=0.8)
        for tick in scores.ticks(4):
            axes.text(len(shown) + 0.04, scores.at(tick), short(tick), **_AXIS_LABEL)
        names = [*(axis.name for axis in shown), scale.label]
        axes.set_xticks(range(len(names)), names, rotation=30, ha="right")
        axes.set_ylim(-0.2, 1.05)  # of one trial the line alone would set it, and labels lie far outside
        axes.set_yticks([])
        return figure

    def honest(self) -> SearchFigure:
        """Plot the luckiest score beside the estimates without its luck and the test score.

        Raises:
            UserError: If the search has no winner yet.
        """
        view = self._read()
        if view.account.numbers is None:
            raise UserError(f"{view.account.search} has no winner yet, so there is nothing to compare")
        rows = estimates_of(view.account.numbers, view.objective.metric)[::-1]
        figure = SearchFigure(figsize=(6.5, 0.9 + 0.35 * len(rows)), layout="constrained")
        axes = figure.subplots()
        colours = {"blue": BLUE, "grey": GREY, "orange": ORANGE}
        for row, estimate in enumerate(rows):
            interval, colour = estimate.interval, colours[estimate.colour]
            if interval.bounded:
                axes.plot([interval.low, interval.high], [row, row], color=colour)
            marker, face = {"ring": ("o", "none"), "circle": ("o", colour), "diamond": ("D", colour)}[
                estimate.shape
            ]
            axes.plot([interval.value], [row], marker, markerfacecolor=face, markeredgecolor=colour)
        axes.set_yticks(range(len(rows)), [row.name for row in rows])
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.set_xlabel(f"{view.objective.metric}, 95 % intervals")
        return figure

    def rungs(self) -> SearchFigure:
        """Plot the value at the first rung against the value at the end, of fully trained trials.

        Raises:
            UserError: If the search compares no trials at rungs.
        """
        view = self._read()
        if not view.rungs:
            raise UserError(f"{view.account.search} compares no trials at rungs")
        figure, (axes,) = _figure(view)
        rung, scale = view.rungs[0], score_scale(view)
        pairs = survivors(view, rung)
        _marks(axes, view, [(trial, scale.shown(trial.at_rungs[rung])) for trial in pairs])
        if scale.log:
            _logarithmic(axes.set_xscale, axes.xaxis)
        axes.set_xlabel(f"{scale.label} at {view.account.setting.unit} {rung}")
        related = correlation(view, rung)
        rank = "undefined" if math.isnan(related) else f"{related:.2f}"
        axes.set_title(f"survivors only, rank correlation {rank}", fontsize=9)
        return figure


def _figure(view: SearchView, panels: int = 1) -> tuple[SearchFigure, Sequence[Axes]]:
    """Return a figure with panels whose vertical axis is the objective."""
    columns = min(3, panels)
    rows = math.ceil(panels / columns)
    size = (7, 4) if panels == 1 else (3.4 * columns, 2.6 * rows)
    figure, scale = SearchFigure(figsize=size, layout="constrained"), score_scale(view)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[panels:]:
        axes.set_visible(False)
    up = scale.axis(trial.value for trial in view.trials)
    for axes in grid[:panels]:
        if scale.log:
            _logarithmic(axes.set_yscale, axes.yaxis)
        axes.set_ylabel(scale.label)
        if panels > 1:
            axes.set_ylim(up.low, up.high)
    return figure, list(grid[:panels])


def _logarithmic(set_scale: Callable[[str], None], axis: Axis) -> None:
    """Give an axis a log scale with the labels of the report page; an error has seldom two powers of ten."""
    set_scale("log")
    axis.set_major_locator(RoundValues())
    axis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    axis.set_minor_locator(NullLocator())


def _shown(view: SearchView, values: Sequence[float]) -> list[float]:
    scale = score_scale(view)
    return [scale.shown(value) for value in values]


def _marks(axes: Axes, view: SearchView, placed: Sequence[tuple[TrialView, float]]) -> None:
    """Mark trials as the report page does: filled blue, hollow grey, grey cross, orange diamond."""
    leader = view.leader.number if view.leader else None
    kinds = (
        ("stopped early" if not view.unfinished else "not fully trained", "o", "none", GREY),
        ("failed", "x", GREY, GREY),
        ("fully trained", "o", BLUE, BLUE),
        ("winner" if view.account.winner else "best so far", "D", ORANGE, ORANGE),
    )
    for kind, (name, marker, face, edge) in enumerate(kinds):
        chosen = [(x, t.value) for t, x in placed if math.isfinite(t.value) and _kind(t, leader) == kind]
        if chosen:
            shown = _shown(view, [value for _, value in chosen])
            look: dict[str, Any] = {
                "markerfacecolor": face,
                "markeredgecolor": edge,
                "markersize": 4 + 2 * (kind == 3),
            }
            axes.plot([x for x, _ in chosen], shown, marker, label=name, **look)


def _kind(trial: TrialView, leader: int | None) -> int:
    if trial.number == leader:
        return 3
    return 1 if trial.state == End.FAILED else 2 if trial.finished else 0


def _line(view: SearchView, trial: TrialView) -> dict[str, Any]:
    if view.leader and trial.number == view.leader.number:
        return {"color": ORANGE, "linewidth": 2.2, "zorder": 3}
    if trial.finished:
        return {"color": BLUE, "linewidth": 1.0, "alpha": 0.7, "zorder": 2}
    return {"color": GREY, "linewidth": 0.8, "alpha": 0.5, "linestyle": "--", "zorder": 1}


def _label(axes: Axes, axis: ParameterAxis) -> None:
    labels = axis.labels(4)
    axes.set_xlim(-0.03, 1.03)
    axes.set_xticks([at for at, _ in labels], [words for _, words in labels], fontsize=7)
    axes.set_xlabel(axis.name + (", log" if axis.log else ""))
