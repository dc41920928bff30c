"""The sections about the result: verdict, winner, finalists."""

from __future__ import annotations

import math
from dataclasses import replace

from hpo.core.estimates import ScoreEstimates, ScoreInterval
from hpo.core.events import End
from hpo.core.formatting import count, interval_text, plain, score, spread, states, with_interval
from hpo.core.space import Choice, Parameter, Point
from hpo.reports.page.blocks import Block, DataTable, Lines, Section, both, without_empty_columns
from hpo.reports.page.score_charts import Estimate, estimates_chart, finalists_chart
from hpo.reports.scales import AxisScale
from hpo.reports.view import SearchView

MOST_CHOICES = 15
"""Searched choices that are shown at once; further ones can be opened."""

EDGE = 0.03
"""A value in this share of its range at either end is at the edge."""


def verdict(view: SearchView) -> Section:
    """Return the section that says what the search is worth."""
    numbers, metric = view.account.numbers, view.objective.metric
    estimates = estimates_of(numbers, metric) if numbers else []
    notes = numbers.notes if numbers else ()
    blocks: list[Block] = []
    if estimates:
        rows = [
            (e.name, score(e.interval.value), interval_text(e.interval), e.interval.remarks)
            for e in estimates
        ]
        table = DataTable(("estimate", metric, "interval", "method"), rows, "The estimates as a table")
        drawn = both("Estimates of the score", lambda width: estimates_chart(estimates, metric, width), table)
        blocks.append(drawn)
    return Section("verdict", "Verdict", verdict_sentence(view), blocks, notes, view.account.attention)


def verdict_sentence(view: SearchView) -> str:
    """Return the result of a search in one sentence."""
    account, metric, leader = view.account, view.objective.metric, view.leader
    numbers = account.numbers
    test = (numbers.test or {}).get(metric) if numbers else None
    if test and account.winner:
        look = f", opened for the {account.look}th time" if account.look > 3 else ""
        look = {2: ", opened for the second time", 3: ", opened for the third time"}.get(account.look, look)
        return (
            f"Trial {account.winner.trial} reaches {metric} {with_interval(test)} on the test part of "
            f"{account.data.source}{look}."
        )
    if account.winner:
        shown = numbers.corrected or numbers.winner if numbers else None
        value = f" with validation {metric} {with_interval(shown)}" if shown else ""
        sealed = "the test part is still sealed" if account.data.test else "there is no test part"
        if numbers and numbers.test:
            sealed = f"{metric} has no value on the test part"
        return f"Trial {account.winner.trial} won{value}; {sealed}."
    return _without_winner(view) if leader else _without_value(view)


def _without_winner(view: SearchView) -> str:
    leader, metric = view.leader, view.objective.metric
    assert leader is not None
    trained = (
        ""
        if leader.finished
        else f", after {leader.epochs} of {count(view.horizon, view.account.setting.unit)}"
    )
    return (
        f"The search has no winner yet: of {count(len(view.trials), 'trial')}, trial {leader.number} is the "
        f"best so far with validation {metric} {score(leader.value)}{trained}, which includes its luck."
    )


def _without_value(view: SearchView) -> str:
    failed = sum(trial.state == End.FAILED for trial in view.trials)
    if view.trials and failed == len(view.trials):
        return f"There is no result: {'the only trial' if failed == 1 else f'all {failed:,} trials'} failed."
    if not view.trials:
        return "There is no result yet: no trial has started."
    return f"There is no result yet: none of {count(len(view.trials), 'trial')} has reported a finite value."


def estimates_of(numbers: ScoreEstimates, metric: str) -> list[Estimate]:
    """Return the estimates of a search's score, the luckiest first and the test score last."""
    raw = ScoreInterval(numbers.raw.value)
    rows = [Estimate(f"luckiest single score (trial {numbers.raw.trial})", raw, "ring", "grey")]
    if numbers.bootstrap is not None and math.isfinite(numbers.bootstrap):
        rows.append(
            Estimate("the same, less its luck by bootstrap", ScoreInterval(numbers.bootstrap), "ring", "grey")
        )
    if numbers.fresh:
        rows.append(Estimate("the same trial on fresh seeds", numbers.fresh, "circle", "blue"))
    corrected = numbers.corrected or numbers.winner
    if corrected:
        rows.append(Estimate("winner, without the luck of selection", corrected, "circle", "blue"))
    if numbers.test and metric in numbers.test:
        rows.append(Estimate("winner on the test part", numbers.test[metric], "diamond", "orange"))
    return [row for row in rows if math.isfinite(row.interval.value)]


def winner(view: SearchView) -> Section:
    """Return the section with the winner's searched choices."""
    leader, account = view.leader, view.account
    title = "Winner" if account.winner or not view.unfinished else "Best so far"
    if leader is None:
        return Section("winner", title, "No trial has a value to be chosen by.")
    ranges = {row.name: row for row in account.setting.space}
    rows, edges = [], []
    for parameter in view.parameters:
        if parameter.name not in leader.point:
            continue
        edge = edge_of(parameter, leader.point)
        if edge:
            edges.append(parameter.name)
        row = ranges.get(parameter.name)
        shown = plain(leader.point[parameter.name])
        rows.append((parameter.name, shown, row.values if row else "", row.when if row else "", edge))
    reason = account.winner.reason if account.winner else f"Trial {leader.number} leads"
    if not reason.startswith("Trial"):
        reason = f"Trial {leader.number} won: {reason}"
    table = without_empty_columns(("parameter", "value", "range", "exists where", "edge"), rows)
    blocks: list[Block] = [replace(table, rows=table.rows[:MOST_CHOICES])]
    if rest := table.rows[MOST_CHOICES:]:
        blocks.append(replace(table, rows=rest, title=f"Its {count(len(rest), 'other choice')}"))
    if account.winner:
        commands = [line for entry in account.reproduce for line in entry.split(" && ")]
        blocks.append(Lines("\n".join(commands)))
    return Section("winner", title, f"{reason.rstrip('.')}; {edges_text(edges)}.", blocks)


def edge_of(parameter: Parameter, point: Point) -> str:
    """Return at which end of its range a value lies; empty if at neither, or if it is a choice."""
    domain, value = parameter.domain, point[parameter.name]
    if isinstance(domain, Choice):
        return ""
    share = AxisScale(domain.low, domain.high, domain.log).at(value)
    return "lower end" if share <= EDGE else "upper end" if share >= 1 - EDGE else ""


def edges_text(edges: list[str]) -> str:
    """Return which parameters are at an end of their range."""
    if not edges:
        return "none of its numbers is at an end of its range"
    shown = ", ".join(edges[:4]) + (f" and {len(edges) - 4} more" if len(edges) > 4 else "")
    verb, its = ("is", "its") if len(edges) == 1 else ("are", "their")
    return f"{shown} {verb} at an end of {its} range, so a wider range may be better"


def finalists(view: SearchView) -> Section:
    """Return the section with the finalists, seed by seed."""
    account, metric = view.account, view.objective.metric
    fresh = [finalist for finalist in account.fresh if finalist.values]
    if not fresh:
        return Section("finalists", "Finalists", _no_finalists(view))
    most = max(len(finalist.values) for finalist in fresh)
    rows = []
    for finalist in fresh:
        mean, std = _mean_std(finalist.values)
        values = [score(value) for value in finalist.values] + [""] * (most - len(finalist.values))
        rows.append((f"trial {finalist.trial}", spread(mean, std), *values))
    head = ("finalist", "mean ± standard deviation", *(f"seed {n}" for n in range(1, most + 1)))
    won = account.winner.trial if account.winner else None
    figure = both(
        "Each dot is one training on a fresh seed, the bar their mean",
        lambda width: finalists_chart(fresh, won, metric, width),
        DataTable(head, rows, "The values as a table"),
    )
    return Section("finalists", "Finalists", _finalists_sentence(view, len(fresh), most), [figure])


def _finalists_sentence(view: SearchView, finalists: int, seeds: int) -> str:
    winner, rule = view.account.winner, view.account.finalists
    rows = {
        "final": "on a final part that no earlier choice was based on",
        "folds": f"by {rule.folds}-fold cross-validation",
        "validation": "on the validation rows of the search",
    }[rule.on]
    trained = f"{count(finalists, 'finalist')} {'was' if finalists == 1 else 'were'} trained again on up to "
    trained += f"{count(seeds, 'fresh seed')}, {rows}"
    if winner is None:
        return f"{trained}; the winner is not named yet."
    return (
        f"{trained}; trial {winner.trial} won with {view.objective.metric} {spread(winner.mean, winner.std)}."
    )


def _no_finalists(view: SearchView) -> str:
    ended = states({state: n for state, n in view.account.trials.items() if state != "started"})
    if view.unfinished:
        return (
            f"No finalist has been trained on a fresh seed yet; trials so far: {ended or 'none has ended'}."
        )
    return f"No finalist was trained on fresh seeds; trials: {ended or 'none'}."


def _mean_std(values: tuple[float, ...]) -> tuple[float, float]:
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return math.nan, math.nan
    mean = math.fsum(finite) / len(finite)
    if len(finite) < 2:
        return mean, math.nan
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in finite) / (len(finite) - 1))
