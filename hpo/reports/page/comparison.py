"""Several searches on one page: their scores, their progress, their winners."""

from __future__ import annotations

from collections.abc import Sequence

from hpo.core.estimates import ScoreInterval
from hpo.core.formatting import NOTHING, count, interval_text, plain, score, spent, states
from hpo.reports.page.blocks import DataTable, Section, both
from hpo.reports.page.lines_chart import Line, lines_chart
from hpo.reports.page.progress_charts import best_so_far
from hpo.reports.page.score_charts import Estimate, estimates_chart
from hpo.reports.view import SearchView

COLOURS = ("blue", "orange", "grey")
"""Colours of the first searches; further ones share the last."""


def comparison(views: Sequence[SearchView]) -> list[Section]:
    """Return the sections that compare searches, at least two."""
    return [_scores(views), _progress(views), _winners(views), _searches(views)]


def _scores(views: Sequence[SearchView]) -> Section:
    rows = [(view.account.search, kind, interval) for view in views for kind, interval in _estimates(view)]
    if not rows:
        return Section("scores", "Scores", "None of these searches has a winner yet.", notes=_cautions(views))
    shown = [_estimate(name, kind, interval) for name, kind, interval in rows]
    cells = [(name, kind, score(i.value), interval_text(i), i.remarks) for name, kind, i in rows]
    table = DataTable(("search", "estimate", "score", "interval", "method"), cells, "The scores as a table")
    metric = views[0].objective.metric
    drawn = both("Scores without luck", lambda width: estimates_chart(shown, metric, width), table)
    return Section("scores", "Scores", _sentence(views), [drawn], _cautions(views))


def _estimate(name: str, kind: str, interval: ScoreInterval) -> Estimate:
    test = kind == "test"
    colour = "orange" if test else "blue"
    return Estimate(f"{name}: {kind}", interval, "diamond" if test else "circle", colour)


def _estimates(view: SearchView) -> list[tuple[str, ScoreInterval]]:
    """Return the winner's scores that luck of selection does not flatter."""
    numbers, metric = view.account.numbers, view.objective.metric
    if numbers is None:
        return []
    validation, test = numbers.corrected or numbers.winner, (numbers.test or {}).get(metric)
    return [
        *([("validation", validation)] if validation else []),
        *([("test", test)] if test else []),
    ]


def _sentence(views: Sequence[SearchView]) -> str:
    """Return the best search by the score that all have, and whether chance explains the difference."""
    every = [dict(_estimates(view)) for view in views]
    kind = next((k for k in ("test", "validation") if all(k in scores for scores in every)), "")
    if not kind or not _comparable(views):
        return "These searches cannot be ranked by one score."
    rising = views[0].objective.rising
    ranked = sorted(
        ((view.account.search, scores[kind]) for view, scores in zip(views, every, strict=True)),
        key=lambda pair: -rising(pair[1].value),
    )
    (first, best), (second, next_best) = ranked[:2]
    text = (
        f"By {kind} {views[0].objective.metric}, {first} is first with {score(best.value)}, before {second} "
    )
    text += f"with {score(next_best.value)}"
    if not (best.bounded and next_best.bounded):
        return f"{text}."
    apart = best.low > next_best.high or best.high < next_best.low
    return f"{text}; their 95 % intervals {'do not overlap' if apart else 'overlap, so this may be chance'}."


def _comparable(views: Sequence[SearchView]) -> bool:
    return len({(view.objective.metric, view.objective.mode) for view in views}) == 1


def _cautions(views: Sequence[SearchView]) -> list[str]:
    """Return why the scores should not be compared, if there is a reason."""
    notes = []
    if not _comparable(views):
        shown = ", ".join(f"{v.account.search} by {v.objective.mode} of {v.objective.metric}" for v in views)
        notes.append(f"the searches have different objectives: {shown}")
    if len({view.account.data.fingerprint for view in views}) > 1:
        notes.append("the searches used different data, so their scores are not comparable")
    elif len({view.account.data.split for view in views}) > 1:
        notes.append("the searches split the data differently, so validation scores differ by chance as well")
    return notes


def _progress(views: Sequence[SearchView]) -> Section:
    steps = [(view, best_so_far(view)) for view in views]
    if not any(values for _, values in steps):
        return Section("progress", "Progress", "No trial is fully trained yet.")
    lines: list[Line] = []
    for position, (view, values) in enumerate(steps):
        points = [(float(trial), value) for trial, value in values]
        if values:
            points.append((float(max(trial.number for trial in view.trials)), values[-1][1]))
        lines.append((view.account.search, COLOURS[min(position, len(COLOURS) - 1)], points))
    rows = [
        (view.account.search, str(trial), score(value)) for view, values in steps for trial, value in values
    ]
    metric = views[0].objective.metric
    table = DataTable(("search", "trial", f"best {metric} so far"), rows, "Each improvement as a table")
    drawn = both("Best fully trained trial so far", lambda w: lines_chart(lines, "trial", metric, w), table)
    shown = [f"{view.account.search} after trial {values[-1][0]}" for view, values in steps if values]
    return Section("progress", "Progress", f"The best single score was found by {', '.join(shown)}.", [drawn])


def _winners(views: Sequence[SearchView]) -> Section:
    points = [view.leader.point if view.leader else {} for view in views]
    names = list(dict.fromkeys(name for point in points for name in point))
    rows = [(n, *(plain(point[n]) if n in point else NOTHING for point in points)) for n in names]
    same = [name for name in names if len({plain(point.get(name)) for point in points}) == 1]
    head = ("parameter", *(view.account.search for view in views))
    sentence = f"Of {count(len(names), 'searched choice')} of the winners, {len(same)} are the same."
    return Section("winners", "Winners", sentence, [DataTable(head, rows)])


def _searches(views: Sequence[SearchView]) -> Section:
    facts = {
        "state": [view.account.status.replace("_", " ") for view in views],
        "data": [view.account.data.source for view in views],
        "trainable": [view.account.setting.trainable for view in views],
        "trials": [states({s: n for s, n in v.account.trials.items() if s != "started"}) for v in views],
        "spent": [spent(view.account.budget) for view in views],
        "sampler": [view.account.setting.sampler.name for view in views],
        "scheduler": [view.account.setting.scheduler.name for view in views],
        "looks at the test part": [str(view.account.look) for view in views],
        "warnings": [str(len(view.account.warnings)) for view in views],
    }
    head = ("", *(view.account.search for view in views))
    table = DataTable(head, [(name, *values) for name, values in facts.items()])
    return Section("searches", "Searches", f"{len(views)} searches side by side.", [table])
