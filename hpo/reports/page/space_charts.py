"""Plots over the searched space: importances, one parameter, two parameters, all parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from hpo.core.importance import ImportanceRanking
from hpo.reports.page.frame import WIDE_LETTER, Frame, cut, room_for
from hpo.reports.page.marks import trial_mark, trial_title
from hpo.reports.page.progress_charts import score_scale
from hpo.reports.page.svg import line, mark, path, steps, svg, tag, text
from hpo.reports.scales import AxisScale, ParameterAxis, short
from hpo.reports.view import SearchView, TrialView

BUCKETS = 8
"""Parts into which a range is divided; the best trial of each is marked."""

ROW = 22
AXIS_WIDTH = 106
"""Distance of two parallel axes."""

LONGEST_NAME = 13
"""Letters of a name above an axis."""

LONGEST_LAST_NAME = 20
"""Letters of the name above the last axis."""

TOP, LOW, STOP = 48, 300, 336
"""Heights of the ends of a parallel axis, and of the stop for trials without the parameter."""


def importance_chart(ranking: ImportanceRanking, most: int, width: int) -> Markup:
    """Return the most important parameters as bars with whiskers."""
    rows = ranking.rows[:most]
    frame = Frame(width, ROW * len(rows) + 56, left=min(260, width * 0.45), top=10, right=20)
    scale = AxisScale(0, max(row.high for row in rows) * 1.02 or 1)
    drawn = list(frame.across(scale, "share of importance"))
    room = int((frame.left - 12) / WIDE_LETTER)
    for position, row in enumerate(rows):
        y = frame.top + ROW * (position + 0.5)
        end, low, high = (frame.x(scale.at(value)) for value in (row.share, row.low, row.high))
        drawn.append(text(frame.left - 8, y + 4, cut(row.name, room), "tick", "end"))
        drawn.append(
            tag("rect", x=frame.left, y=y - 7, width=max(0.5, end - frame.left), height=14, class_="bar")
        )
        drawn += [line(low, y, high, y, "whisker"), line(low, y - 4, low, y + 4, "whisker")]
        drawn.append(line(high, y - 4, high, y + 4, "whisker"))
    return frame.drawing("Importance of the parameters", drawn)


def buckets(view: SearchView, axis: ParameterAxis) -> list[tuple[float, TrialView]]:
    """Return (middle, trial) for each part of a range: its best fully trained trial.

    The other parameters of these trials are as good as the search could make them there, so that a
    good value does not look bad because of bad company.
    """
    best: dict[int, TrialView] = {}
    choices = axis.parameter.domain.count() if not axis.log and axis.parameter.domain.count() <= 24 else 0
    count = int(choices) or BUCKETS
    for trial in view.trials:
        share = axis.at(trial.point)
        if share is None or not trial.finished:
            continue
        bucket = min(count - 1, int(share * count))
        if bucket not in best or view.objective.better(trial.value, best[bucket].value):
            best[bucket] = trial
    return [((bucket + 0.5) / count, trial) for bucket, trial in sorted(best.items())]


def slice_chart(view: SearchView, axis: ParameterAxis, width: int) -> Markup:
    """Return one parameter across its range against the objective, with the best of each part."""
    shown = score_scale(view)
    trials = [t for t in view.trials if math.isfinite(t.value) and axis.at(t.point) is not None]
    frame = Frame(width, 230, bottom=42)
    up = shown.axis(trial.value for trial in view.trials)
    placed = [(t, frame.x(axis.at(t.point) or 0.0), frame.y(up.at(shown.shown(t.value)))) for t in trials]
    leader = view.leader.number if view.leader else None
    placed.sort(key=lambda row: (row[0].number == leader, row[0].finished))
    best = [
        (frame.x(axis.at(t.point) or 0.0), frame.y(up.at(shown.shown(t.value))))
        for _, t in buckets(view, axis)
    ]
    name = axis.name + (", log" if axis.log else "")
    return frame.drawing(
        f"{axis.name} against {view.objective.metric}",
        frame.up(up, shown.label, 4),
        frame.across_labels(axis.labels(), name),
        [path(sorted(best), "best")] if len(best) > 1 else [],
        [trial_mark(view, trial, x, y, titled=False) for trial, x, y in placed],
    )


def pair_chart(view: SearchView, one: ParameterAxis, two: ParameterAxis, width: int) -> Markup:
    """Return two parameters against each other, the trials marked by their rank at the first rung."""
    labels = two.labels(4)
    frame = Frame(width, 260, left=max(66, room_for(words for _, words in labels)), bottom=42)
    drawn = []
    for trial, share in _by_rank(view):
        x, y = one.at(trial.point), two.at(trial.point)
        if x is None or y is None:
            continue
        leading = view.leader is not None and trial.number == view.leader.number
        shape, colour, size = ("ring", "grey", 2.5) if share > 0.25 else ("circle", "blue", 4.0)
        shape, colour, size = ("diamond", "orange", 5.5) if leading else (shape, colour, size)
        drawn.append(mark(shape, frame.x(x), frame.y(y), colour, size=size))
    return frame.drawing(
        f"{one.name} and {two.name}: ranks of the trials",
        frame.up_labels(labels, two.name + (", log" if two.log else "")),
        frame.across_labels(one.labels(4), one.name + (", log" if one.log else "")),
        drawn,
    )


def _by_rank(view: SearchView) -> list[tuple[TrialView, float]]:
    """Return the trials, worst first, with their rank at the first rung as a share of all."""
    first = view.rungs[0] if view.rungs else view.horizon
    reached = [t for t in view.trials if math.isfinite(t.at_rungs.get(first, math.nan))]
    reached.sort(key=lambda trial: -view.objective.rising(trial.at_rungs[first]))
    return [(trial, (rank + 0.5) / len(reached)) for rank, trial in enumerate(reached)][::-1]


def parallel_chart(view: SearchView, axes: Sequence[ParameterAxis]) -> Markup:
    """Return parallel axes: a line for each trial through its values, and its score on the last one.

    An axis of a parameter that only some trials have ends in a stop below its range: "not there".
    """
    shown = score_scale(view)
    trials = [trial for trial in view.ranked if math.isfinite(trial.value)]
    scores = shown.axis(trial.value for trial in trials)
    positions = [70 + AXIS_WIDTH * number for number in range(len(axes) + 1)]
    lowest: float = STOP if any(axis.conditional for axis in axes) else LOW
    drawn = []
    for rank, trial in enumerate(trials):
        shares = [*(axis.at(trial.point) for axis in axes), scores.at(shown.shown(trial.value))]
        heights = [_height(share) for share in shares]
        lowest = max(lowest, *heights)
        line_through = steps(zip(positions, heights, strict=True))
        title = tag("title", trial_title(view, trial))
        drawn.append(tag("path", title, d=line_through, class_=_class(view, trial), data_rank=rank))
    drawn.reverse()  # the best on top
    for position, axis in zip(positions, axes, strict=False):
        drawn += _axis(position, axis.name, axis.labels(4), conditional=axis.conditional)
    ticks = [(scores.at(tick), short(tick)) for tick in scores.ticks(4)]
    drawn += _axis(positions[-1], shown.label, ticks, last=True)
    return svg(positions[-1] + 110, lowest + 24, "Parallel coordinates of the trials", drawn)


def _height(share: float | None) -> float:
    return STOP if share is None else LOW - share * (LOW - TOP)


def _class(view: SearchView, trial: TrialView) -> str:
    if view.leader and trial.number == view.leader.number:
        return "trial leader"
    return "trial finished" if trial.finished else "trial"


def _short_name(name: str) -> str:
    """Return a name as it fits above an axis; of a dotted one, the end of its path."""
    path, _, last = name.rpartition(".")
    if len(name) <= LONGEST_NAME or not path:
        return cut(name, LONGEST_NAME)
    above, room = path.rpartition(".")[2], LONGEST_NAME - 1 - len(last)
    if room < 3:
        return cut(f"…{last}", LONGEST_NAME)
    return f"{above}.{last}" if len(above) <= room else f"{above[:room]}…{last}"


def _axis(
    x: float, name: str, labels: Sequence[tuple[float, str]], *, conditional: bool = False, last: bool = False
) -> list[Markup]:
    """Return an axis; the last one has room for a longer name, beside which no other stands."""
    lowest = STOP if conditional else LOW
    shown, start, anchor = (
        (cut(name, LONGEST_LAST_NAME), x - 30, "start") if last else (_short_name(name), x, "middle")
    )
    drawn = [
        tag("rect", x=x - 14, y=TOP - 8, width=28, height=lowest - TOP + 16, class_="brush", data_x=x),
        line(x, TOP, x, LOW, "axis"),
        tag("text", tag("title", name), shown, x=start, y=TOP - 24, class_="label", text_anchor=anchor),
    ]
    for share, words in labels:
        y = _height(share)
        drawn += [line(x - 3, y, x + 3, y, "axis"), text(x + 5, y + 4, cut(words, 11), "tick halo")]
    if conditional:
        drawn += [line(x - 5, STOP, x + 5, STOP, "axis"), text(x + 8, STOP + 4, "not there", "tick halo")]
    return drawn
