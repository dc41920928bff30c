"""Implement the commands about specs: ``check``, ``schema`` and ``examples``; none starts a search."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.data_report import report_facts, say_report
from hpo.cli.options import Seed, Settings, SpecFile, overrides
from hpo.cli.session import Session, dumps, emit, own_stdout, say
from hpo.cli.trust import Trust, name_code
from hpo.core.errors import Refused, UserError
from hpo.core.json_values import JsonObject

if TYPE_CHECKING:
    from hpo.data.leak_report import Leaks
    from hpo.spec import SearchSpec
    from hpo.use_cases.forecast import BudgetForecast
    from hpo.use_cases.search.warm_start import WarmStartReport


def check(
    context: typer.Context,
    spec: SpecFile,
    settings: Settings = None,
    seed: Seed = None,
    address: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Also ask this Ray cluster whether a node can hold a trial."),
    ] = None,
    data: Annotated[
        bool,
        typer.Option(
            "--data",
            help="Also read the data: what it was taken for, and leaks between its parts.",
        ),
    ] = False,
    trust: Trust = False,
) -> None:
    """Validate a spec and show what it would search, without starting anything."""
    from hpo import spec as specs
    from hpo.cli.check_report import fact_rows, plan, time_rows
    from hpo.cli.tables import grid, pairs
    from hpo.spec.builtin import locate
    from hpo.spec.overview import space_overview
    from hpo.use_cases.search.capacity import cpu_warnings, require_capacity
    from hpo.use_cases.search.gpus import gpu_warnings
    from hpo.use_cases.usual import usual_texts

    session = Session.of(context)
    changes = overrides(settings, seed)
    name_code(locate(spec), changes, beside=True, trust=trust, error=session.as_json)
    read = specs.read_spec(spec, changes)
    facts, usual = space_overview(read), usual_texts(read)
    if address:
        require_capacity(read, address)
    lacking = () if address else (*cpu_warnings(read), *gpu_warnings(read))
    beforehand = (*lacking, *(() if data else _without_data(read, session)))
    if not data:
        _refuse_moved_rows(read, session)
    forecast, warm_start = _from_the_past(read, session)
    notes = warm_start.notes if warm_start else ()
    about_data, leaks, report = _check_data(read, session) if data else ((), None, {})
    warnings = (*beforehand, *facts.warnings, *notes, *about_data)
    facts = dataclasses.replace(facts, forecast=forecast.forecast, warnings=warnings)
    if session.as_json:
        past = {"pace": forecast.to_json(), "warm_start": warm_start.to_json() if warm_start else None}
        emit(plan(read, facts, usual) | past | report | ({"leaks": leaks.to_json()} if leaks else {}))
        if leaks and leaks.stops and not read.data.accept_overlap:
            raise typer.Exit(UserError.exit_code)
        return
    rows = ((row.name, row.values, usual.get(row.name, ""), row.when) for row in facts.rows)
    say(grid(("parameter", "values", "usual", "exists where"), rows))
    say()
    earlier = [("warm start", sentence) for sentence in warm_start.sources] if warm_start else []
    say(pairs([*fact_rows(read, facts), *time_rows(forecast), *earlier]))
    say_report(report)
    if leaks:
        _say_leaks(read, leaks)


def _say_leaks(spec: SearchSpec, leaks: Leaks) -> None:
    """Print the leaks that were found.

    Raises:
        UserError: If they stop a search.
    """
    from hpo.cli.tables import pairs
    from hpo.use_cases.dataset.leak_check import refuse_overlap

    say(pairs(("leak", finding) for finding in leaks.findings() or ["none was found"]))
    say(pairs(("note", note) for note in leaks.notes))
    refuse_overlap(spec.data, leaks)


def _check_data(spec: SearchSpec, session: Session) -> tuple[list[str], Leaks, JsonObject]:
    """Return warnings about the data, its leaks, including near duplicates, and what it was taken for.

    Raises:
        Refused: If opened test rows would become development rows.
    """
    from hpo.use_cases.dataset.checks import data_warnings
    from hpo.use_cases.dataset.leak_check import find_dataset_leaks
    from hpo.use_cases.model.home_openings import known_openings_of
    from hpo.use_cases.model.opened_rows import moved_rows, new_dataset_of, refusal_of_split
    from hpo.use_cases.model.register_policy import warning_of

    with own_stdout():
        dataset, stray = new_dataset_of(spec.data, spec.base, session.home.create())
        moved = moved_rows(spec, session.home, dataset.prepared, stray)
        if moved:
            raise Refused(refusal_of_split(moved))
        openings = known_openings_of(spec.data, dataset.prepared, spec.base, session.home)
        seen = [warning_of(openings)] if openings else []
        warnings = [*seen, *data_warnings(spec, dataset), *dataset.prepared.warnings]
        leaks = find_dataset_leaks(spec.data, spec.base, dataset, near=True)
        return warnings, leaks, report_facts(dataset.prepared)


def _refuse_moved_rows(spec: SearchSpec, session: Session) -> None:
    """Refuse opened test rows in the development part of data that this home has read before.

    Raises:
        Refused: If there are any; with their number.
    """
    from hpo.use_cases.dataset.register_access import existing_register

    if existing_register() is None and not spec.warm_start:
        return
    from hpo.use_cases.model.opened_rows import moved_rows_on_record, refusal_of_split

    moved = moved_rows_on_record(spec, session.home)
    if moved:
        raise Refused(refusal_of_split(moved))


def _from_the_past(spec: SearchSpec, session: Session) -> tuple[BudgetForecast, WarmStartReport | None]:
    """Estimate a new search from those of this home: its pace, and its warm start."""
    from hpo.use_cases.forecast import forecast_of

    forecast = forecast_of(spec, session.home)
    if not spec.warm_start:
        return forecast, None
    from hpo.use_cases.search.warm_start import warm_start_of

    return forecast, warm_start_of(spec, session.home)


def _without_data(spec: SearchSpec, session: Session) -> tuple[str, ...]:
    """Warn of what is known, or cannot be known, about data that is not read."""
    from hpo.spec.warmup_steps import unread_warning
    from hpo.use_cases.model.register_policy import expected_openings, warning_of

    looks = expected_openings(spec.data, spec.base, session.home)
    unread = unread_warning(spec)
    return (*((warning_of(looks),) if looks else ()), *((unread,) if unread else ()))


def schema(context: typer.Context) -> None:
    """Print the JSON Schema of a spec, for editors."""
    from hpo.spec.json_schema import schema as spec_schema
    from hpo.spec.json_schema import schema_text

    typer.echo(dumps(spec_schema()) if Session.of(context).as_json else schema_text().rstrip())


def spaces(context: typer.Context) -> None:
    """List the shipped specs and recipes, with one line each."""
    from hpo.cli.tables import grid
    from hpo.spec.builtin import folder

    files = sorted(folder().rglob("*.yaml"), key=lambda path: (len(path.parts), path))
    shipped = [{"path": _from_here(path), "about": about(path)} for path in files]
    if Session.of(context).as_json:
        emit(shipped)
        return
    say(grid(("spec", "about"), [(entry["path"], entry["about"]) for entry in shipped]))


def _from_here(path: Path) -> str:
    """Return the path as it can be typed in the working folder."""
    folder = Path.cwd()
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def about(path: Path) -> str:
    """Return the first comment of a spec that is meant for a reader."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            text = line.strip().removeprefix("#").strip()
            if line.startswith("#") and text and not text.startswith("yaml-language-server"):
                return text
    return ""
