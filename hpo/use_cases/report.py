"""The report page of a search, gathered from its record alone, while it runs or afterwards."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from hpo.core.account import Account
from hpo.core.diagnosis import Diagnosis
from hpo.core.errors import UserError
from hpo.core.events import Cause, End, Reported
from hpo.core.health import HealthCheck, PreflightReport, Verdict, worst_of
from hpo.core.home import Home
from hpo.core.importance import ImportanceRanking
from hpo.core.private_files import replace_file
from hpo.core.seeds import derive
from hpo.core.space import Point
from hpo.ledger.searches import open_ledger, read_history
from hpo.ledger.store import SearchLedger
from hpo.reports.page.comparison import comparison
from hpo.reports.page.diagnosis_sections import diagnosis_section
from hpo.reports.page.document import page, rendered
from hpo.reports.page.health_sections import before_search
from hpo.reports.view import SearchView, TrialView
from hpo.sampling.importance import importances
from hpo.spec import SearchSpec, parse_spec
from hpo.use_cases.accounting.gathering import gather_account
from hpo.use_cases.diagnose import diagnosis_of
from hpo.use_cases.inspect import status_of
from hpo.use_cases.model.register_policy import moment
from hpo.use_cases.preflight import preflight_before, tried_before
from hpo.use_cases.trials import row_of

RELOAD_SECONDS = 5
"""Seconds between two versions of the page of a running search."""

LABELS: dict[Verdict, str] = {"wrong": "warn", "doubtful": "warn", "right": "plain", "open": "plain"}
"""Classes of badges."""

Curves = dict[int, dict[int, float]]
"""Trial -> epoch -> the objective that was reported."""


def write_report(name: str, *, home: Home, out: Path | None = None, reload: int = 0) -> Path:
    """Write the report page of a search and return its path.

    Args:
        name: Name of the search.
        home: Home of the search.
        out: File to write; None for ``SEARCH-report.html`` in the working folder.
        reload: Seconds after which the page loads itself again; 0 for never.

    Raises:
        UserError: If there is no such search, or the file cannot be written.
    """
    path = out or Path(f"{name}-report.html")
    _write(path, page(search_view(open_ledger(name, home), home=home), reload=reload))
    return path


def write_comparison(names: Sequence[str], *, home: Home, out: Path | None = None) -> Path:
    """Write a page that compares searches, and return its path.

    Args:
        names: Names of the searches, at least two.
        home: Home of the searches.
        out: File to write; None for ``A-B-report.html`` in the working folder.

    Raises:
        UserError: If there is no such search, or the file cannot be written.
    """
    path = out or Path(f"{'-'.join(names)}-report.html")
    views = [search_view(open_ledger(name, home), home=home) for name in names]
    meta = f"report of {views[0].made[:16].replace('T', ' ')}"
    _write(path, rendered(" and ".join(names), meta, [], comparison(views)))
    return path


def write_preflight(report: PreflightReport, tried: Sequence[HealthCheck], title: str, out: Path) -> None:
    """Write what a preflight found as a page.

    Args:
        report: The preflight.
        tried: What `hpo try` found for the same spec.
        title: Heading of the page.
        out: File to write.

    Raises:
        UserError: If the file cannot be written.
    """
    labels = [(f"{amount} {verdict}", LABELS[verdict]) for verdict, amount in worst_of(report.checks).items()]
    meta = f"preflight of {moment(time.time())[:16].replace('T', ' ')}"
    _write(out, rendered(title, meta, labels, [before_search(tried, report)]))


def write_diagnosis(diagnosis: Diagnosis, title: str, out: Path) -> None:
    """Write a diagnosis as a page.

    Raises:
        UserError: If the file cannot be written.
    """
    counts = worst_of(diagnosis.checks).items()
    labels = [(f"{amount} {verdict}", LABELS[verdict]) for verdict, amount in counts]
    meta = f"diagnosis of {moment(time.time())[:16].replace('T', ' ')}"
    _write(out, rendered(title, meta, labels, [diagnosis_section(diagnosis)]))


def _write(path: Path, document: str) -> None:
    try:
        replace_file(path, document, 0o666)  # a browser that loads it meanwhile never sees half a page
    except OSError as error:
        raise UserError(f"--out {path}: {error.strerror}") from error


def follow_report(
    name: str, *, home: Home, out: Path | None = None, wait: Callable[[float], None] = time.sleep
) -> Iterator[Path]:
    """Write the page again and again while the search runs, and a last time at its end.

    Args:
        name: Name of the search.
        home: Home of the search.
        out: File to write; None for ``SEARCH-report.html`` in the working folder.
        wait: Sleeps for some seconds.

    Yields:
        The path, each time that it was written.

    Raises:
        UserError: If there is no such search, or the file cannot be written.
    """
    while status_of(read_history(open_ledger(name, home)), home, name) == "running":
        yield write_report(name, home=home, out=out, reload=RELOAD_SECONDS)
        wait(RELOAD_SECONDS)
    yield write_report(name, home=home, out=out)


def search_view(ledger: SearchLedger, *, home: Home, status: str = "") -> SearchView:
    """Return what the report page and the plots show; no data is read and nothing is trained.

    Args:
        ledger: The search's record.
        home: Home of the search.
        status: How the search ends, if that is not on record yet.
    """
    history = read_history(ledger)
    assert history.opened is not None
    spec = parse_spec(history.opened.spec, source=ledger.name)
    now = status or status_of(history, home, ledger.name)
    curves, rungs = _curves(ledger), tuple(spec.scheduler.rungs)
    trials = []
    for training in history.trials:
        row, curve = (
            row_of(history, training, now == "running"),
            sorted(curves.get(training.trial, {}).items()),
        )
        trials.append(
            TrialView(
                number=row.trial,
                state=row.state,
                cause=row.cause,
                value=row.value,
                epochs=row.epochs,
                seconds=row.seconds,
                fresh=row.fresh,
                point=row.point,
                curve=tuple(curve),
                at_rungs=_at_rungs(spec, curve),
            )
        )
    return SearchView(
        account=_to_be_copied(gather_account(ledger, home=home, status=now, spec=spec), home),
        space=spec.space,
        horizon=spec.horizon,
        rungs=rungs,
        trials=tuple(trials),
        importance=_importance(spec, trials),
        made=moment(time.time()),
        tried=tried_before(history.opened.digest, home),
        preflight=preflight_before(history.opened.digest, home),
        diagnosis=diagnosis_of(ledger.name, home),
    )


def _to_be_copied(account: Account, home: Home) -> Account:
    """Return an account whose commands can be copied: they name a home that is not the usual one."""
    lines = (
        " && ".join(_with_home(words, home) for words in line.split(" && ")) for line in account.reproduce
    )
    return replace(account, reproduce=tuple(lines))


def _with_home(words: str, home: Home) -> str:
    return home.command(words.removeprefix("hpo ")) if words.startswith("hpo ") else words


def _curves(ledger: SearchLedger) -> Curves:
    objective = read_history(ledger).objective
    curves: Curves = {}
    for recorded in ledger.read(kinds=[Reported]):
        report = recorded.event
        if isinstance(report, Reported) and not report.replicate:
            value = report.metrics.get(objective.key, math.nan)
            curves.setdefault(report.trial, {})[report.epoch] = value
    return curves


def _at_rungs(spec: SearchSpec, curve: list[tuple[int, float]]) -> dict[int, float]:
    """Return what a trial counted by at each rung and at the end of a full training."""
    compared, standing, values = {*spec.scheduler.rungs, spec.horizon}, math.nan, {}
    for epoch, value in curve:
        standing = spec.objective.standing(standing, value)
        if epoch in compared:
            values[epoch] = standing
    return values


def _importance(spec: SearchSpec, trials: list[TrialView]) -> ImportanceRanking:
    first = spec.scheduler.rungs[0] if spec.scheduler.rungs else spec.horizon
    compared: list[tuple[Point, float]] = []
    for trial in trials:
        value = trial.at_rungs.get(first, math.nan)
        if math.isfinite(value):
            compared.append((trial.point, spec.objective.rising(value)))
        elif trial.state == End.FAILED and trial.cause == Cause.DIVERGED:
            compared.append((trial.point, -math.inf))  # as bad as it can be, which its choices caused
    return importances(spec.space, compared, epoch=first, seed=derive(spec.seed, "importance"))
