"""The account of a search as a page of text: enough for the experiments section of a paper."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from hpo.core.account import Account, FinalistRule, OpeningSummary, ValidationUse
from hpo.core.command import BY_COMMAND
from hpo.core.estimates import ScoreEstimates, ScoreInterval
from hpo.core.formatting import (
    choices,
    count,
    pauses,
    reasons,
    score,
    spent,
    states,
    with_interval,
)
from hpo.core.model_provenance import ShippedModel
from hpo.core.search_setting import DIVIDED_BY, TEST_PART, DataUsed, Folds
from hpo.core.search_shortfall import UNSATISFIED
from hpo.core.visible_text import one_line
from hpo.reports.baseline_rows import baseline_rows
from hpo.reports.context_rows import (
    data_rows,
    effort_rows,
    leak_rows,
    origin_rows,
    strata_rows,
    undefined_rows,
)

WIDTH = 80
INDENT = 13


def page(account: Account) -> str:
    """Return the account as text, wrapped at 80 columns; words and commands are never broken."""
    lines: list[str] = []
    for name, text in ((name, one_line(text)) for name, text in rows_of(account)):
        broken = [text] if name == "reproduce" else _wrapped(text)
        lines.append(f"{name:<{INDENT}}{broken[0]}")
        lines += [" " * INDENT + line for line in broken[1:]]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH - INDENT, break_long_words=False, break_on_hyphens=False) or [""]


def rows_of(account: Account) -> Iterator[tuple[str, str]]:
    """Yield the lines of the account, each with its name; one without a name continues the last."""
    yield "search", f"{account.search}: {account.status.replace('_', ' ')}, opened {account.opened}"
    for text in account.attention:
        yield "attention", text
    for finding in account.audit.findings if account.audit else ():
        yield "attention", finding.text
    yield from origin_rows(account.origin)
    yield from _data(account.data, account.about.test_part if account.about else "")
    yield from data_rows(account)
    yield from leak_rows(account.leaks)
    yield from _setting(account)
    yield from _search(account)
    if account.constraints:
        yield "constraints", account.constraints.text
    if account.winner is None:
        reason = f": {account.saved}" if account.saved.startswith(UNSATISFIED) else ""
        yield "winner", f"no winner was named{reason}"
    else:
        yield from _winner(account)
    yield from _test(account)
    yield from baseline_rows(account.baselines)
    yield from strata_rows(account.within)
    yield from effort_rows(account)
    for number, limit in enumerate(account.limits):
        yield "" if number else "limits", limit
    yield "seeds", _listed(f"{name} {seed}" for name, seed in account.seeds.items())
    yield "versions", _listed(f"{name} {version}" for name, version in account.versions.items())
    code = {**account.code.source_files, **account.code.files}
    if code:
        yield "code", _listed(f"{name} {digest[:16]}" for name, digest in sorted(code.items()))
    for change in account.code.changes:
        done = "put back before" if change.put_back else "changed before"
        accepted = "" if change.put_back else ", and accepted"
        yield "", f"{done} {change.at}{accepted}: {_listed((*change.files, *change.packages))}"
    yield "chain", _chain(account)
    for commands in account.reproduce if account.winner else account.reproduce[1:]:
        for command in commands.split(" && "):
            yield "reproduce", command
    for warning in account.warnings:
        yield "warning", warning


def named_rows(account: Account) -> dict[str, list[str]]:
    """Return the lines of the account by name, those that continue another one with it."""
    rows: dict[str, list[str]] = {}
    name = ""
    for row, text in rows_of(account):
        name = row or name
        rows.setdefault(name, []).append(one_line(text))
    return rows


def _chain(account: Account) -> str:
    """Return what later edits can be found by."""
    chain = account.chain
    if not chain.head:
        return "none: an earlier version wrote the events"
    since = "" if chain.began == 1 else f", begun at event {chain.began}"
    return f"{count(chain.events, 'event')}{since}; head {chain.head}"


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(texts)


def _data(data: DataUsed, test_part: str) -> Iterator[tuple[str, str]]:
    if data.source == BY_COMMAND:
        yield "data", "the command's own, which is not on record; no test part"
        return
    practice = " (practice data: no scientific claim)" if data.practice else ""
    yield "data", f"{data.source}{practice}, fingerprint {data.fingerprint[:16]}"
    parts = [f"{n:,} {part}" for part, n in data.counts.items()]
    parts.append(f"{data.test.n:,} test ({data.test.fingerprint[:16]})" if data.test else "no test part")
    if data.overlap:
        parts.append(f"{count(data.overlap, 'training row')} also in the test part")
    yield "split", f"{_listed(parts)}; split fingerprint {data.split[:16]}"
    if test_part in TEST_PART:
        yield "", f"test part: {TEST_PART[test_part]}"
    if data.by:
        rows = "rows outside the test part" if data.test else "rows"
        yield "", f"{rows}: divided by {DIVIDED_BY.get(data.by, data.by)}"
    if data.folds:
        yield "folds", _folds(data.folds)


def _folds(folds: Folds) -> str:
    again = f", divided {folds.deals} times" if folds.deals > 1 else ""
    return f"{folds.count} folds of {folds.rows:,} rows{again}; fingerprint {folds.fingerprint[:16]}"


def _setting(account: Account) -> Iterator[tuple[str, str]]:
    """Yield what was decided before the search began."""
    setting, objective = account.setting, account.objective
    resources, scheduler, unit = setting.resources, setting.scheduler, setting.unit
    yield (
        "trains",
        f"{setting.trainable} for {count(scheduler.epochs, unit)} on {count(resources.threads, 'thread')} "
        f"({resources.device}); objective: {objective.mode} of validation {objective.metric}, "
        f"by the {objective.at} {unit} of each trial",
    )
    space = "; ".join(
        f"{row.name}: {row.values}" + (f" (where {row.when})" if row.when else "") for row in setting.space
    )
    forbidden = f"; {count(setting.forbidden, 'forbidden combination')}" if setting.forbidden else ""
    yield "space", f"{space}{forbidden}"
    yield "fixed", f"{choices(setting.fixed) or 'nothing'}; everything else at {setting.trainable}'s defaults"
    options = f" ({choices(setting.sampler.options)})" if setting.sampler.options else ""
    rungs = f" with rungs at {_listed(map(str, scheduler.rungs))}" if scheduler.rungs else ""
    starts = f"; {count(setting.started_from, 'given point')}" if setting.started_from else ""
    yield (
        "methods",
        f"sampler {setting.sampler.name}{options}, scheduler {scheduler.name}{rungs}{starts}",
    )


def _search(account: Account) -> Iterator[tuple[str, str]]:
    compared, unit = account.comparisons, account.setting.unit
    ended = states({state: n for state, n in account.trials.items() if state != "started"})
    yield "trials", f"{account.trials['started']:,} started: {ended or 'none has ended'}"
    if account.proposed:
        yield "proposed", reasons(account.proposed)
    if account.pauses:
        yield "at rungs", pauses(account.pauses)
    failures = _listed(f"{n} {cause.replace('_', ' ')}" for cause, n in account.failures.items())
    yield "left out", f"{failures} (failed trainings are never ranked)" if failures else "nothing failed"
    yield (
        "comparisons",
        f"{count(compared.ranked, 'fully trained trial')} ranked on validation, by the {compared.at} {unit} "
        f"of each ({count(compared.epochs, unit)} in all); {count(compared.rungs, 'comparison')} at rungs; "
        f"{count(compared.finalists, 'finalist')} on fresh seeds ({count(compared.fresh, 'training')})",
    )
    yield "", _used(account.validation_use)
    yield "finalists", _fewer(account) + _finalists(account.finalists)
    for row, finalist in enumerate(account.fresh):
        values = _listed(map(score, finalist.values)) or "no seed was fully trained"
        yield "" if row else "fresh seeds", f"trial {finalist.trial}: {values}"
    yield "budget", spent(account.budget)
    if account.saved and not account.saved.startswith(UNSATISFIED):
        yield "saved", account.saved


def _used(use: ValidationUse | None) -> str:
    if use is None:
        return "no other search on these validation rows is on record"
    return (
        f"these validation rows were used by {use.searches:,} searches and {count(use.trials, 'trial')} of "
        "this register, this search included"
    )


def _fewer(account: Account) -> str:
    """Return that there were fewer finalists than the spec asks for; empty if there were as many."""
    asked, named = account.origin.finalists_asked, account.comparisons.finalists
    if not 0 < named < asked:
        return ""
    available = count(account.comparisons.ranked, "fully trained trial")
    return f"{asked} asked for, {available} available, {named} trained again; "


def _finalists(finalists: FinalistRule) -> str:
    """Return how the winner was chosen among them."""
    rows = {
        "final": "on a final part that no earlier choice was based on",
        "folds": f"by {finalists.folds}-fold cross-validation of all development rows",
        "validation": "on the validation rows that the search used",
    }[finalists.on]
    seeds = count(finalists.seeds, "fresh seed")
    if finalists.rule == "simple":
        return f"each on {seeds}, {rows}; the cheapest of those within one standard error of the best wins"
    saved = f"saved {count(finalists.saved, 'training')}" if finalists.saved else "saved no training"
    return (
        f"a race over at most {seeds}, the same for all, {rows}; it drops the truly best finalist with "
        f"probability {finalists.alpha:g} at most, and {saved}"
    )


def _winner(account: Account) -> Iterator[tuple[str, str]]:
    winner, numbers, metric = account.winner, account.numbers, account.objective.metric
    assert winner is not None
    yield "winner", f"trial {winner.trial}: {winner.reason}"
    yield "chosen", choices(winner.point)
    if account.model:
        yield "model", _model(account.model)
    for soup in account.soups:
        members = count(len(soup.members), "model")
        shown = f"{soup.rule} mean of {members}, validation {soup.metric} {score(soup.value)}"
        yield "soup", f"{shown}; weights SHA-256 {soup.sha256[:16]}, {soup.path}"
    if numbers is None:
        return
    yield from _estimates(metric, numbers)
    for note in numbers.notes:
        yield "", f"note: {note}"


def _estimates(metric: str, numbers: ScoreEstimates) -> Iterator[tuple[str, str]]:
    """Yield the validation scores, the one to report first."""
    if numbers.corrected:
        quantity = "the winner, without the luck of having been chosen on these rows"
        yield "validation", f"{metric} {_by_method(numbers.corrected)}: {quantity}"
    if numbers.winner:
        yield "", f"{metric} {score(numbers.winner.value)}: the winner's plain mean over fresh seeds"
    yield "", f"{metric} {score(numbers.raw.value)}: the best single score, of the luckiest trial"
    if numbers.fresh:
        yield "", f"{metric} {_by_method(numbers.fresh)}: the same trial on fresh seeds"
    if numbers.bootstrap is not None:
        yield "", f"{metric} {score(numbers.bootstrap)}: the same trial, by a bootstrap over trials"


def _by_method(interval: ScoreInterval) -> str:
    """Return a score with its interval and how it was computed, or why there is none."""
    shown = with_interval(interval) if interval.bounded else score(interval.value)
    return shown + (f", {interval.remarks}" if interval.remarks else "")


def _model(model: ShippedModel) -> str:
    """Return what is tested, shipped and used."""
    members = "; ".join(
        f"trial {member.trial}, seed {member.seed}: {member.score.metric} {score(member.score.value)}"
        for member in model.members
    )
    return f"{model.kind}: {model.reason} ({members}); weights SHA-256 {model.digest[:16]}"


def _test(account: Account) -> Iterator[tuple[str, str]]:
    if account.test_refused:
        yield "test", account.test_refused.message
    scores = (account.numbers.test if account.numbers else None) or {}
    primary = account.objective.metric
    for row, name in enumerate(sorted(scores, key=lambda metric: metric != primary)):
        role = "primary, set in the spec before the search" if name == primary else "secondary"
        yield "" if row else "test", f"{name} {_by_method(scores[name])}: {role}"
    yield from undefined_rows(account, scores)
    if account.look > 1:
        text = (
            f"look number {account.look}, because: {account.look_reason}; each of these intervals alone holds"
        )
        alone = f"with {100 * account.level:.4g} %"
        yield "", f"{text} {alone}, so that those of {account.look} looks hold together with 95 %"
    if not account.openings:
        yield "openings", "the test part was never opened"
    for opening in account.openings:
        shown = opening.together or {name: ScoreInterval(of.value) for name, of in opening.scores.items()}
        results = _listed(f"{name} {with_interval(result)}" for name, result in shown.items())
        share = f", {opening.overlap:.0%} of the rows" if opening.overlap < 1 else ""
        yield (
            "openings",
            f"{opening.when} by {opening.by} for {opening.search}, recipe {opening.recipe[:12]}{share}: "
            f"{results or _without_score(opening)}",
        )
    if len(account.openings) > 1:
        yield "", f"these intervals hold for all {len(account.openings)} openings together with 95 %"


def _without_score(opening: OpeningSummary) -> str:
    if opening.predicted:
        return f"{count(opening.predicted, 'row')} predicted with hpo predict"
    return "no score on record"
