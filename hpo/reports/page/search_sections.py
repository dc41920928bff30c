"""The sections about the search itself: progress, what mattered, interactions, early stopping."""

from __future__ import annotations

import math
from itertools import combinations, islice

import numpy as np
from scipy.stats import spearmanr

from hpo.core.events import End
from hpo.core.formatting import NOTHING, count, plain, score
from hpo.reports.page.blocks import Block, DataTable, Figure, Figures, Section, both, small
from hpo.reports.page.progress_charts import (
    best_so_far,
    curves_chart,
    epoch_summaries,
    history_chart,
    rung_chart,
    survivors,
)
from hpo.reports.page.space_charts import (
    buckets,
    importance_chart,
    pair_chart,
    parallel_chart,
    slice_chart,
)
from hpo.reports.scales import ParameterAxis
from hpo.reports.view import SearchView

MOST_BARS = 20
MOST_SLICES = 6
MOST_PAIRS = 3
MOST_AXES = 12
"""Parallel axes of more parameters would not fit on paper; the table of trials has all."""

FEWEST_SURVIVORS = 3


def progress(view: SearchView) -> Section:
    """Return the section with every trial in turn and the learning curves."""
    metric, unit = view.objective.metric, view.account.setting.unit
    if not any(math.isfinite(value) for trial in view.trials for _, value in trial.curve):
        return Section("progress", "Progress", "No trial has reported a finite value.")
    steps = best_so_far(view)
    improved = DataTable(("trial", f"best {metric} so far"), [(str(n), score(v)) for n, v in steps])
    improved = DataTable(improved.head, improved.rows, "Each improvement as a table")
    summaries = epoch_summaries(view)
    rows = [
        (str(s.epoch), f"{s.trials:,}", score(s.best), *(score(q) for q in s.quantiles)) for s in summaries
    ]
    head = (unit, "trials", "best", "10 %", "25 %", "median", "75 %", "90 %")
    figures: list[Block] = [
        both(
            "Every trial in turn; the line is the best fully trained one so far",
            lambda width: history_chart(view, width),
            improved,
        ),
        both(
            f"Learning curves; dashed lines are the {unit}s at which trials are compared"
            if view.rungs
            else "Learning curves",
            lambda width: curves_chart(view, width),
            DataTable(head, rows, f"{metric} after each {unit} as a table"),
        ),
    ]
    return Section("progress", "Progress", _progress_sentence(view), figures)


def _progress_sentence(view: SearchView) -> str:
    steps, ends = best_so_far(view), [trial.state for trial in view.trials]
    finished, stopped = sum(trial.finished for trial in view.trials), ends.count(End.STOPPED)
    failed = ends.count(End.FAILED)
    stopped_text = f", {stopped:,} stopped early" if stopped else ""
    failed_text = f", {failed:,} failed" if failed else ""
    empty = sum(trial.state == End.FINISHED and not trial.finished for trial in view.trials)
    failed_text += f", {empty:,} ended without a finite value" if empty else ""
    first = (
        f"Of {count(len(view.trials), 'trial')}, {finished:,} {'was' if finished == 1 else 'were'} fully "
        f"trained{stopped_text}{failed_text}"
    )
    if not steps:
        return f"{first}."
    return f"{first}; the best single score, {score(steps[-1][1])}, came with trial {steps[-1][0]}."


def what_mattered(view: SearchView) -> Section:
    """Return the section with importances and the most important parameters one by one."""
    ranking = view.importance
    blocks: list[Block] = []
    if ranking.rows:
        rows = [(r.name, *map(_share, (r.share, r.low, r.high))) for r in ranking.rows]
        table = DataTable(("parameter", "share", "low", "high"), rows, "All importances as a table")
        note = (
            f"By {ranking.evaluator}; {count(ranking.trials, 'trial')} at {view.account.setting.unit} "
            f"{ranking.epoch}; whiskers: 10 % to 90 % over resampled trials."
        )
        blocks.append(
            both(
                "Importance for being among the best tenth",
                lambda width: importance_chart(ranking, MOST_BARS, width),
                table,
                note,
            )
        )
    slices = (_slice(view, ParameterAxis(parameter)) for parameter in view.parameters)
    blocks.append(Figures([*islice((figure for figure in slices if figure), MOST_SLICES)]))
    if not any(math.isfinite(trial.value) for trial in view.trials):
        return Section("importance", "What mattered", "No trial has a value, so no parameter can be judged.")
    return Section("importance", "What mattered", _importance_sentence(view), blocks)


def _share(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else NOTHING


def _slice(view: SearchView, axis: ParameterAxis) -> Figure | None:
    if not any(axis.at(t.point) is not None and math.isfinite(t.value) for t in view.trials):
        return None
    rows = [
        (plain(trial.point[axis.name]), score(trial.value), str(trial.number))
        for _, trial in buckets(view, axis)
    ]
    table = DataTable(
        (axis.name, f"best {view.objective.metric}", "trial"), rows, "Best of each part of the range"
    )
    return small(axis.name, lambda width: slice_chart(view, axis, width), table)


def _importance_sentence(view: SearchView) -> str:
    ranking = view.importance
    if not ranking.rows:
        return f"The parameters are not ranked: {ranking.reason}. They are shown in the order of the space."
    first = ranking.rows[0]
    others = [row for row in ranking.rows[1:3] if row.share >= 0.005]
    then = f", followed by {' and '.join(f'{r.name} ({r.share:.0%})' for r in others)}" if others else ""
    return f"{first.name} mattered most, with {first.share:.0%} of the importance{then}.".replace("%", " %")


def interactions(view: SearchView) -> Section:
    """Return the section with pairs of parameters and parallel coordinates."""
    trials = [trial for trial in view.trials if math.isfinite(trial.value)]
    if not trials:
        return Section("interactions", "Interactions", "No trial has a value.")
    parameters = view.parameters
    if len(parameters) < 2:
        return Section(
            "interactions", "Interactions", "The space has one parameter, so nothing can interact."
        )
    pairs = (_pair(view, ParameterAxis(a), ParameterAxis(b)) for a, b in combinations(parameters[:4], 2))
    axes = [ParameterAxis(parameter) for parameter in parameters[:MOST_AXES]]
    head = ("rank", "trial", view.objective.metric, *(axis.name for axis in axes))
    best = [t for t in view.ranked if math.isfinite(t.value)][:20]
    rows = [
        (
            str(n),
            str(t.number),
            score(t.value),
            *(plain(t.point[a.name]) if a.name in t.point else "not there" for a in axes),
        )
        for n, t in enumerate(best, 1)
    ]
    drawn = parallel_chart(view, axes)
    parallel = Figure(
        "Parallel coordinates: a line for each trial; drag along an axis to keep the trials that pass there",
        drawn,
        drawn,
        DataTable(head, rows, f"The best {len(rows)} as a table"),
        "Blue lines are fully trained trials, dashed grey ones were not; the orange one leads.",
        scrolls=True,
    )
    shown = [*islice((pair for pair in pairs if pair), MOST_PAIRS)]
    return Section(
        "interactions", "Interactions", _interactions_sentence(view, len(shown)), [Figures(shown), parallel]
    )


def _interactions_sentence(view: SearchView, pairs: int) -> str:
    order = "most important" if view.importance.rows else "first"
    axes = min(MOST_AXES, len(view.parameters))
    cut = f" of {len(view.parameters)}" if len(view.parameters) > MOST_AXES else ""
    over = f"all trials over the {order} {axes}{cut} parameters"
    if not pairs:
        return f"Shown are {over}; no trial that was compared has two of them."
    return (
        f"Shown {'is' if pairs == 1 else 'are'} {count(pairs, 'pair')} of the {order} parameters, with the "
        f"best quarter of the trials at the first comparison filled, and {over}."
    )


def _pair(view: SearchView, one: ParameterAxis, two: ParameterAxis) -> Figure | None:
    first = view.rungs[0] if view.rungs else view.horizon
    compared = [t for t in view.ranked if math.isfinite(t.at_rungs.get(first, math.nan))]
    both_there = [t for t in compared if one.at(t.point) is not None and two.at(t.point) is not None]
    if not both_there:
        return None
    rows = [
        (str(t.number), plain(t.point[one.name]), plain(t.point[two.name]), score(t.value))
        for t in both_there[:10]
    ]
    table = DataTable(
        ("trial", one.name, two.name, view.objective.metric), rows, "The best of them as a table"
    )
    return small(f"{one.name} and {two.name}", lambda width: pair_chart(view, one, two, width), table)


def early_stopping(view: SearchView) -> Section:
    """Return the section that compares ranks at the rungs with ranks at the end."""
    key, title = "stopping", "Was early stopping right?"
    if not view.rungs:
        return Section(key, title, "No trial was stopped early: the scheduler compares none.")
    first = view.rungs[0]
    pairs = survivors(view, first)
    if len(pairs) < FEWEST_SURVIVORS:
        few = f"{count(len(pairs), 'trial')} {'is' if len(pairs) == 1 else 'are'} fully trained"
        return Section(
            key, title, f"This cannot be judged yet: {few}; at least {FEWEST_SURVIVORS} are needed."
        )
    rows = []
    for rung in view.rungs:
        arrived = sum(rung in trial.at_rungs for trial in view.trials)
        ended = sum(t.state == End.STOPPED and t.epochs == rung for t in view.trials)
        alive = survivors(view, rung)
        rows.append(
            (str(rung), f"{arrived:,}", f"{ended:,}", f"{len(alive):,}", _number(correlation(view, rung)))
        )
    unit = view.account.setting.unit
    head = (unit, "trials compared", "stopped there", "fully trained", "rank correlation")
    figure = both(
        f"Rank at {unit} {first} and at the end, fully trained trials only",
        lambda width: rung_chart(view, first, width),
        DataTable(head, rows, "Every comparison as a table"),
    )
    return Section(key, title, _stopping_sentence(view, first, len(pairs)), [figure])


def correlation(view: SearchView, rung: int) -> float:
    """Return Spearman's rank correlation of the values at a rung and at the end; NaN if undefined."""
    pairs = survivors(view, rung)
    early, final = [t.at_rungs[rung] for t in pairs], [t.value for t in pairs]
    if len(pairs) < FEWEST_SURVIVORS or np.ptp(early) == 0 or np.ptp(final) == 0:
        return math.nan
    return float(spearmanr(early, final).statistic)


def _stopping_sentence(view: SearchView, rung: int, trained: int) -> str:
    unit, related = view.account.setting.unit, correlation(view, rung)
    stopped = sum(trial.state == End.STOPPED for trial in view.trials)
    value = "is undefined" if math.isnan(related) else f"is {related:.2f}"
    hidden = (
        f"; how the {count(stopped, 'trial')} stopped early would have ended is not known, and trials that "
        "passed every comparison are too alike for a high correlation"
        if stopped
        else "; no trial was stopped early"
    )
    return (
        f"Among the {count(trained, 'fully trained trial')}, the rank correlation of {unit} {rung} with the "
        f"end {value}{hidden}."
    )


def _number(value: float) -> str:
    return NOTHING if math.isnan(value) else f"{value:.2f}"
