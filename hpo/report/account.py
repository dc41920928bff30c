"""The account of a search as a page of text: enough for the experiments section of a paper.

What is on the page was gathered by `hpo.use_cases.account`; here it is only put into words.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

WIDTH = 100
INDENT = 14


def page(account: Mapping[str, Any]) -> str:
    """The account as text, wrapped at 100 columns.

    Args:
        account: As `hpo.use_cases.account.gather_account` gives it.
    """
    lines: list[str] = []
    for name, text in _rows(account):
        wrapped = textwrap.wrap(text, WIDTH - INDENT, break_long_words=False, break_on_hyphens=False) or [""]
        lines.append(f"{name:<{INDENT}}{wrapped[0]}")
        lines += [" " * INDENT + more for more in wrapped[1:]]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _rows(account: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "search", f"{account['search']}: {account['status'].replace('_', ' ')}, opened {account['opened']}"
    yield from _data(account["data"])
    yield from _setting(account)
    yield from _search(account)
    if account["winner"] is None:
        yield "winner", "none was named"
    else:
        yield from _winner(account)
    yield from _test(account)
    seeds = ", ".join(f"{name} {seed}" for name, seed in account["seeds"].items())
    yield "seeds", seeds
    yield "versions", ", ".join(f"{name} {version}" for name, version in account["versions"].items())
    for command in account["reproduce"]:
        yield "reproduce", command
    for warning in account["warnings"]:
        yield "warning", warning


def _data(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    practice = " (practice data: no scientific claim)" if data["practice"] else ""
    yield "data", f"{data['source']}{practice}, fingerprint {data['fingerprint'][:16]}"
    parts = ", ".join(f"{n:,} {part}" for part, n in data["counts"].items())
    test = data["test"]
    sealed = f", {test['n']:,} test ({test['fingerprint'][:16]})" if test else ", no test part"
    if data["overlap"]:
        sealed += f", {data['overlap']:,} training rows also in the test part"
    by = f", divided by {data['by']}" if data["by"] else ""
    yield "split", f"{parts}{sealed}{by}; split fingerprint {data['split'][:16]}"
    if folds := data["folds"]:
        again = f", dealt {folds['deals']} times" if folds["deals"] > 1 else ""
        rows = f"{folds['count']} of {folds['rows']:,} rows{again}"
        yield "folds", f"{rows}; fingerprint {folds['fingerprint'][:16]}"


def _setting(account: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What was decided before the search began."""
    said, objective = account["setting"], account["objective"]
    scheduler, sampler, used = said["scheduler"], said["sampler"], said["resources"]
    threads = f"{used['threads']} thread{'s' if used['threads'] > 1 else ''} on {used['device']}"
    goal = f"{objective['mode']} of validation {objective['metric']}, by its {objective['at']} {said['unit']}"
    yield "trains", f"{said['trainable']} for {scheduler['epochs']} {said['unit']}s, {threads}; {goal}"
    space = "; ".join(
        f"{each['name']}: {each['values']}" + (f" (where {each['when']})" if each["when"] else "")
        for each in said["space"]
    )
    forbidden = f"; {said['forbidden']} combinations are forbidden" if said["forbidden"] else ""
    yield "space", f"{space}{forbidden}"
    fixed = ", ".join(f"{name}={_short(value)}" for name, value in said["fixed"].items())
    yield "fixed", f"{fixed or 'nothing'}; all else as {said['trainable']} has it by default"
    options = ", ".join(f"{name}={_short(value)}" for name, value in sampler["options"].items())
    rungs = ", ".join(map(str, scheduler["rungs"]))
    given = f"; {said['started_from']} points were given" if said["started_from"] else ""
    yield (
        "methods",
        f"sampler {sampler['name']}"
        + (f" ({options})" if options else "")
        + f", scheduler {scheduler['name']}"
        f"{f' with rungs at {rungs}' if rungs else ''}{given}",
    )


def _search(account: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    trials, compared = account["trials"], account["comparisons"]
    ended = ", ".join(f"{n} {state}" for state, n in trials.items() if state != "started" and n)
    yield "trials", f"{trials['started']} started: {ended or 'none ended'}"
    failures = ", ".join(f"{n} {cause}" for cause, n in account["failures"].items())
    yield "left out", f"{failures} (failed trainings are never ranked)" if failures else "nothing failed"
    yield (
        "comparisons",
        f"{compared['ranked']} fully trained trials ranked on validation, each by its {compared['at']} "
        f"epoch ({compared['epochs']} epochs in all); {compared['rungs']} arrivals at rungs compared; "
        f"{compared['finalists']} finalists on fresh seeds ({compared['fresh']} trainings)",
    )
    yield "finalists", _finalists(account["finalists"])
    yield from _fresh(account)
    yield "budget", ", ".join(_spent(account["budget"]))
    if account.get("saved"):
        yield "saved", account["saved"]


def _fresh(account: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The finalists' values, seed by seed."""
    for place, each in enumerate(account["fresh"]):
        values = ", ".join(map(_short, each["values"])) or "no seed trained whole"
        yield "" if place else "fresh seeds", f"trial {each['trial']}: {values}"


def _finalists(said: Mapping[str, Any]) -> str:
    """How the winner was found among them."""
    on = {
        "final": "on a final part that nothing was chosen on before",
        "folds": f"by {said['folds']}-fold cross-validation of all development rows",
        "validation": "on the validation rows that the search used",
    }[said["on"]]
    if said["rule"] == "simple":
        ties = "of those within one standard error the cheapest wins"
        return f"each on {said['seeds']} fresh seeds, {on}; {ties}"
    saved = f"{said['saved']} trainings" if said["saved"] else "no training"
    return (
        f"raced over at most {said['seeds']} paired fresh seeds, {on}; who is best there over endless seeds "
        f"is dropped with probability {said['alpha']:g} at most; {saved} saved"
    )


def _spent(budget: Mapping[str, Mapping[str, float | None]]) -> Iterator[str]:
    for unit, used in budget.items():
        limit = used["limit"]
        name = unit.replace("gpu_hours", "GPU-hours")
        yield f"{_short(used['spent'])} {name}" + (f" of {_short(limit)}" if limit is not None else "")


def _winner(account: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    winner, numbers, metric = account["winner"], account["numbers"], account["objective"]["metric"]
    yield "winner", f"trial {winner['trial']}. {winner['reason']}"
    yield "chosen", " ".join(f"{name}={_short(value)}" for name, value in winner["point"].items())
    if account["model"]:
        yield "model", _model(account["model"])
    yield metric, f"{_short(numbers['raw']['value'])}  best single validation score, of the luckiest trial"
    for key, what in (
        ("fresh", "the same trial after its selection, by fresh seeds"),
        ("bootstrap", "the same, by a bootstrap over trials"),
        ("winner", "the winner's mean over fresh seeds"),
    ):
        yield "", f"{_interval(numbers[key])}  {what}"
    test = numbers["test"] or {}
    for name in sorted(test, key=lambda each: each != metric):
        yield "" if name == metric else name, f"{_interval(test[name])}  on the test part"
    for note in numbers["notes"]:
        yield "", f"note: {note}"


def _model(model: Mapping[str, Any]) -> str:
    """What is tested, shipped and used."""
    scored = []
    for each in model["members"]:
        score = f"{each['score']['metric']} {_short(each['score']['value'])}"
        scored.append(f"trial {each['trial']}, seed {each['seed']}: {score}")
    members = "; ".join(scored)
    return f"{model['kind']}: {model['reason']} ({members}); weights SHA-256 {model['digest'][:16]}"


def _test(account: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    refused, looks = account["test_refused"], account["openings"]
    if refused:
        yield "test", refused["message"]
    elif account["look"] > 1:
        yield "test", f"look number {account['look']}, because: {account['look_reason']}"
    if not looks:
        yield "openings", "the test part was never opened"
    for look in looks:
        scores = ", ".join(f"{name} {_short(score['value'])}" for name, score in look["scores"].items())
        share = f", {look['overlap']:.0%} of the rows" if look["overlap"] < 1 else ""
        place = f"{look['when']} by {look['by']} for {look['search']}"
        yield "openings", f"{place}, recipe {look['recipe'][:12]}{share}: {scores or 'no score on record'}"


def _interval(found: Any) -> str:
    if found is None:
        return "not to be had"
    if not isinstance(found, Mapping):
        return _short(found)
    low, high = found["low"], found["high"]
    known = low is not None and high is not None and math.isfinite(low) and math.isfinite(high)
    return _short(found["value"]) + (f" [{_short(low)}, {_short(high)}]" if known else " [no interval]")


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else "-"
    return "-" if value is None else str(value)
