"""Plots of how a search went: every trial in turn, learning curves, and ranks at rungs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from hpo.reports.page.frame import Frame, legend
from hpo.reports.page.marks import meanings, trial_mark, trial_title
from hpo.reports.page.svg import line, mark, path, steps, tag, text
from hpo.reports.scales import AxisScale, ScoreScale
from hpo.reports.view import SearchView, TrialView

MOST_CURVES = 100
"""Of more trials, a band of quantiles and the best curves are drawn."""

BEST_CURVES = 10


def score_scale(view: SearchView) -> ScoreScale:
    """Return how the objective is shown in the plots of a search."""
    return ScoreScale.of(view.objective, (value for trial in view.trials for _, value in trial.curve))


def history_chart(view: SearchView, width: int) -> Markup:
    """Return every trial at its number, and the best fully trained one so far as a line."""
    shown = score_scale(view)
    trials = [trial for trial in view.trials if math.isfinite(trial.value)]
    frame = Frame(width, 350, top=64)
    across = AxisScale(-0.5, max((t.number for t in view.trials), default=0) + 0.5)
    up = shown.axis(trial.value for trial in trials)
    marks = [
        trial_mark(view, trial, frame.x(across.at(trial.number)), frame.y(up.at(shown.shown(trial.value))))
        for trial in trials
    ]
    failed = [t for t in view.trials if not math.isfinite(t.value) and t.state == "failed"]
    marks += [trial_mark(view, trial, frame.x(across.at(trial.number)), frame.y(1) - 7) for trial in failed]
    corners = [
        (frame.x(across.at(number)), frame.y(up.at(shown.shown(value))))
        for number, value in best_so_far(view)
    ]
    stairs = [path(_stairs(corners, frame.x(1)), "best")] if corners else []
    return frame.drawing(
        f"{view.objective.metric} of every trial",
        frame.up(up, shown.label),
        frame.across(across, "trial", whole=True),
        stairs,
        marks,
        legend(frame, meanings(view, [*trials, *failed])),
    )


def best_so_far(view: SearchView) -> list[tuple[int, float]]:
    """Return (trial, value) of each fully trained trial that was better than all before it."""
    best, steps_up = math.nan, []
    for trial in sorted(view.trials, key=lambda trial: trial.number):
        if trial.finished and view.objective.better(trial.value, best):
            best = trial.value
            steps_up.append((trial.number, best))
    return steps_up


def _stairs(corners: Sequence[tuple[float, float]], end: float) -> Iterator[tuple[float, float]]:
    for (x, y), (after, _) in zip(corners, [*corners[1:], (end, 0.0)], strict=True):
        yield x, y
        yield after, y


@dataclass(frozen=True, slots=True)
class EpochSummary:
    """The objective after one epoch, over all trials that reached it.

    Attributes:
        epoch: The epoch.
        trials: Number of trials with a finite value.
        quantiles: 10 %, 25 %, 50 %, 75 % and 90 % quantile.
        best: The best value.
    """

    epoch: int
    trials: int
    quantiles: tuple[float, ...]
    best: float


def epoch_summaries(view: SearchView) -> list[EpochSummary]:
    """Return the distribution of the objective epoch by epoch."""
    by_epoch: dict[int, list[float]] = {}
    for trial in view.trials:
        for epoch, value in trial.curve:
            if math.isfinite(value):
                by_epoch.setdefault(epoch, []).append(value)
    return [
        EpochSummary(
            epoch,
            len(values),
            tuple(np.quantile(values, (0.1, 0.25, 0.5, 0.75, 0.9)).tolist()),
            view.objective.best(values),
        )
        for epoch, values in sorted(by_epoch.items())
    ]


def curves_chart(view: SearchView, width: int) -> Markup:
    """Return the learning curves with the rungs; of many trials a band of quantiles and the best ten."""
    shown = score_scale(view)
    summaries = epoch_summaries(view)
    many = len(view.trials) > MOST_CURVES
    frame = Frame(width, 350, top=64)
    across = AxisScale(1, max(view.horizon, 2))
    drawn = view.ranked[:BEST_CURVES] if many else view.ranked
    seen = [v for t in drawn for _, v in t.curve] + [v for s in summaries for v in s.quantiles[::4]]
    up = shown.axis(seen)

    def at(epoch: float, value: float) -> tuple[float, float]:
        return frame.x(across.at(epoch)), frame.y(up.at(shown.shown(value)))

    band: list[Markup] = []
    entries = [(tag("path", d="M-8 0L6 0", class_="curve blue"), "fully trained")]
    if many:
        for low, high, class_ in ((0, 4, "band wide"), (1, 3, "band inner")):
            edge = [at(s.epoch, s.quantiles[low]) for s in summaries]
            back = [at(s.epoch, s.quantiles[high]) for s in reversed(summaries)]
            band.append(path([*edge, *back], class_))
        band.append(path([at(s.epoch, s.quantiles[2]) for s in summaries], "curve grey median"))
        entries = [
            (
                tag("rect", x=-8, y=-5, width=14, height=10, class_="band inner"),
                "10 to 90 %, 25 to 75 % of trials",
            ),
            (tag("path", d="M-8 0L6 0", class_="curve blue"), "best ten"),
        ]
    elif any(not trial.finished for trial in drawn):
        entries.append((tag("path", d="M-8 0L6 0", class_="curve grey"), "others"))
    rungs = [line(at(rung, 0)[0], frame.y(0), at(rung, 0)[0], frame.y(1), "rung") for rung in view.rungs]
    curves = [_curve(view, trial, at) for trial in reversed(drawn)]
    if view.leader:
        words = "winner" if view.account.winner else "best so far"
        entries.append((tag("path", d="M-8 0L6 0", class_="curve orange"), words))
    return frame.drawing(
        f"Learning curves, {view.objective.metric}",
        frame.up(up, shown.label),
        frame.across(across, view.account.setting.unit, whole=True),
        rungs,
        band,
        [curve for curve in curves if curve],
        legend(frame, entries),
    )


def _curve(view: SearchView, trial: TrialView, at: Callable[[float, float], tuple[float, float]]) -> Markup:
    points = [at(epoch, value) for epoch, value in trial.curve if math.isfinite(value)]
    if not points:
        return Markup()
    leading = view.leader is not None and trial.number == view.leader.number
    colour = "orange" if leading else "blue" if trial.finished else "grey"
    title = tag("title", trial_title(view, trial))
    if len(points) == 1:
        return mark("ring", *points[0], colour, trial_title(view, trial), 2.5)
    return tag("path", title, d=steps(points), class_=f"curve {colour}")


def rung_chart(view: SearchView, rung: int, width: int) -> Markup:
    """Return the fully trained trials: rank at a rung across, rank at the end upwards."""
    frame = Frame(width, 320)
    pairs = survivors(view, rung)
    ranks = AxisScale(0.5, len(pairs) + 0.5)
    early = _ranks(view, [trial.at_rungs[rung] for trial in pairs])
    final = _ranks(view, [trial.value for trial in pairs])
    diagonal = line(frame.x(0), frame.y(0), frame.x(1), frame.y(1), "rung")
    marks = [
        trial_mark(view, trial, frame.x(ranks.at(a)), frame.y(ranks.at(b)))
        for trial, a, b in zip(pairs, early, final, strict=True)
    ]
    unit = view.account.setting.unit
    return frame.drawing(
        f"Rank at {unit} {rung} and at the end",
        frame.up(ranks, "rank at the end, 1 is best", whole=True),
        frame.across(ranks, f"rank at {unit} {rung} among the fully trained trials", whole=True),
        [diagonal],
        marks,
        [text(frame.x(1), frame.y(0) - 6, "the line: same rank", "tick", "end")],
    )


def survivors(view: SearchView, rung: int) -> list[TrialView]:
    """Return the fully trained trials with a value at a rung: the only ones whose end is known."""
    return [t for t in view.trials if t.finished and math.isfinite(t.at_rungs.get(rung, math.nan))]


def _ranks(view: SearchView, values: Sequence[float]) -> list[float]:
    from scipy.stats import rankdata

    ranks: list[float] = rankdata([-view.objective.rising(value) for value in values]).tolist()
    return ranks
