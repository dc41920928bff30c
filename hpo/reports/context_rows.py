"""The lines of an account around the result: data, leaks, cost, and how the model did by class and group."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from hpo.core.account import Account
from hpo.core.data_account import DataFacts, LeaksSought, PartFacts
from hpo.core.estimates import ScoreInterval
from hpo.core.formatting import count, duration, number, score
from hpo.core.search_setting import Origin
from hpo.core.strata import Strata, StratumRange, counted
from hpo.metrics.ranking_metrics import LABELS

LONGEST_CARD = 2_000
"""Characters of a data card that the page shows; the JSON has all of it."""
MANY = 12
"""Names, such as classes, that are listed; of more than these the rest is counted."""
UNKNOWN = "not on record: an earlier version opened the search"


def origin_rows(origin: Origin) -> Iterator[tuple[str, str]]:
    """Yield what the search is for and what it began from."""
    if origin.description:
        yield "description", origin.description
    if origin.warm_start:
        yield "learned from", ", ".join(origin.warm_start)
    for row, edit in enumerate(origin.edits):
        yield "" if row else "space edited", edit
    if origin.extended:
        yield "extended", f"by {count(origin.extended, 'trial')} after it had begun"


def data_rows(account: Account) -> Iterator[tuple[str, str]]:
    """Yield the data card, the files, the columns, and what each part holds."""
    about = account.about
    if about is None:
        return
    yield "data card", textwrap.shorten(about.card, LONGEST_CARD) or "none given (data.card)"
    for file in about.files:
        yield "file", f"{file.name}, SHA-256 {file.sha256}"
    if about.columns:
        yield "columns", _columns(about)
    if about.telling:
        yield "", f"the most telling one alone, {about.telling}, removes {about.removed:.0%} of the error"
    elif account.leaks and any("columns" in text and "reveal" in text for text in account.leaks.sought):
        yield "", "no single one removes any of the error by itself"
    if target := _target(about):
        yield "target", target
    parts = {**about.parts, **({"test": account.test_rows} if account.test_rows else {})}
    for row, (name, part) in enumerate(parts.items()):
        yield "" if row else "parts", f"{name}: {_part(part, table=about.kind == 'table')}"
    if account.data.test and not account.test_rows:
        yield "", "test: counted only, because it is sealed"
    yield "fitted", f"to training rows alone: {account.fitted}"


def undefined_rows(account: Account, scores: Mapping[str, ScoreInterval]) -> Iterator[tuple[str, str]]:
    """Say why metrics that shipped trainables report have no value: those of an order, and r2."""
    targets = account.test_rows.targets if account.test_rows else {}
    equal = targets and targets["least"] == targets["greatest"]
    if equal and "mean_squared_error" in scores and "r2" not in scores:
        yield "", "r2 has no value on the test part, because all of its targets are equal"
    classes = account.test_rows.classes.values() if account.test_rows else ()
    occurring = sum(rows > 0 for rows in classes)
    if not occurring or "balanced_accuracy" not in scores or "roc_auc" in scores:
        return
    many = f"it has rows of {occurring} classes, and at most {LABELS} are ranked against the rest"
    reason = "all of its rows are of one class" if occurring == 1 else many
    yield "", f"roc_auc and average_precision have no value on the test part, because {reason}"


def _columns(about: DataFacts) -> str:
    named = f", {len(about.categorical)} of them categorical" if about.categorical else ""
    dropped = f"; left out: {_some(about.dropped)}" if about.dropped else "; none left out"
    return f"{count(len(about.columns), 'column')} used{named} ({_some(about.columns)}){dropped}"


def _target(about: DataFacts) -> str:
    """Return what is predicted: the column, and of classes their names; empty if that is not on record."""
    classes = dict.fromkeys(name for part in about.parts.values() for name in part.classes)
    kind = "a number" if about.task == "regression" else ""
    if classes:
        kind = f"one of {len(classes)} classes ({_some(tuple(classes))})"
    return ", ".join(text for text in (about.target, kind) if text)


def _some(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:MANY])
    return shown if len(names) <= MANY else f"{shown} and {len(names) - MANY} more"


def _part(part: PartFacts, *, table: bool) -> str:
    facts = [count(part.n, "row")]
    if part.classes:
        facts.append(_classes(part.classes))
    if part.targets:
        ends = ", ".join(f"{name} {number(value)}" for name, value in part.targets.items())
        facts.append(f"targets {ends}")
    if part.groups is not None:
        facts.append(count(part.groups, "group"))
    if part.times is not None:
        facts.append(f"times {_time(part.times[0])} to {_time(part.times[1])}")
    if part.missing:
        cells = sum(part.missing.values())
        facts.append(f"{count(cells, 'missing value')} in {count(len(part.missing), 'column')}")
    elif table:
        facts.append("no missing values")
    return "; ".join(facts)


def _classes(classes: Mapping[str, int]) -> str:
    some = dict(list(classes.items())[:MANY])
    rest = len(classes) - len(some)
    return "rows by class: " + counted(some) + (f" and {rest} more classes" if rest else "")


def _time(seconds: float) -> str:
    """Return a time as a date if it can be one, otherwise as the number that it is."""
    if not 1e8 < abs(seconds) < 1e11:
        return number(seconds)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def leak_rows(leaks: LeaksSought | None) -> Iterator[tuple[str, str]]:
    """Yield what was looked for in the data, what was found, and what was not looked for."""
    if leaks is None:
        yield "leaks", UNKNOWN
        return
    yield "leaks", f"looked for: {'; '.join(leaks.sought)}"
    for finding in leaks.found or ("nothing",):
        yield "", f"found: {finding}" + (" (accepted by the spec)" if leaks.accepted and leaks.found else "")
    for note in leaks.notes:
        yield "", f"note: {note}"
    yield "", f"not looked for: {'; '.join(leaks.not_sought)}"


def strata_rows(within: Strata | None) -> Iterator[tuple[str, str]]:
    """Yield how the model did by class and by group, how it answers, and its calibration slope."""
    if within is None:
        return
    for spread in within.spreads:
        yield f"by {spread.of}", _spread(spread)
    if within.threshold:
        yield "answers", f"{within.threshold}; no other threshold was chosen"
    if within.slope is not None and within.slope_error is not None:
        low, high = (within.slope + side * 1.96 * within.slope_error for side in (-1, 1))
        yield (
            "calibration",
            f"slope {score(within.slope)} (95 % interval {low:.3f} to {high:.3f}) of the log-odds; 1 would "
            "be ideal, less means probabilities that are overconfident",
        )


def _spread(spread: StratumRange) -> str:
    worst, best = (
        f"{name} {score(of.value)} ({of.name}, {count(of.n, 'row')})"
        for name, of in (("worst", spread.worst), ("best", spread.best))
    )
    middle = f"median {score(spread.median)} of {spread.count}"
    return f"{spread.metric} of the test rows: {middle}, {worst}, {best}"


def effort_rows(account: Account) -> Iterator[tuple[str, str]]:
    """Yield the compute that was used, and what fewer trials would have reached."""
    effort, metric = account.effort, account.objective.metric
    if effort is not None:
        gpus = f", {duration(effort.gpu_hours * 3600)} of GPU time" if effort.gpu_hours else ""
        yield (
            "compute",
            f"{duration(effort.wall_hours * 3600)} of wall time; {duration(effort.training_hours * 3600)} of "
            f"training, which is {duration(effort.cpu_hours * 3600)} of CPU time{gpus}",
        )
        if effort.hours_by_end:
            ends = (f"{name} {duration(hours * 3600)}" for name, hours in effort.hours_by_end.items())
            yield "", f"training by how it ended: {', '.join(ends)}"
        if effort.losses:
            causes = ", ".join(f"{cause} {times}".replace("_", " ") for cause, times in effort.losses.items())
            yield "", f"trainings that had to leave a worker and continued on another, by cause: {causes}"
        machine = ", ".join(f"{name} {value}" for name, value in effort.hardware.items())
        yield "", f"opened on: {machine or UNKNOWN}"
    if account.expected:
        shown = ", ".join(f"{best.trials}: {score(best.value)}" for best in account.expected)
        yield (
            "fewer trials",
            f"expected best validation {metric} by number of fully trained trials: {shown}; drawn from "
            f"those on record, which sampler {account.setting.sampler.name} and early stopping chose",
        )
