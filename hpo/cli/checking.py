"""Commands about specs and what they are made of; they start nothing."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.options import Seed, Settings, SpecFile, overrides
from hpo.cli.session import Session, dumps, emit, own_stdout, say

if TYPE_CHECKING:
    from hpo.data.leaks import Leaks
    from hpo.spec import SearchSpec
    from hpo.use_cases.forecast import BudgetForecast
    from hpo.use_cases.search.warm_start import WarmStartReport


def check(
    context: typer.Context,
    spec: SpecFile,
    settings: Settings = None,
    seed: Seed = None,
    data: Annotated[
        bool, typer.Option("--data", help="Read the data too, and look for leaks between its parts.")
    ] = False,
) -> None:
    """Validate a spec and show what it would search; nothing is started."""
    from hpo import spec as specs
    from hpo.cli.check_report import fact_rows, own_code, plan, time_rows
    from hpo.cli.tables import grid, pairs
    from hpo.spec.overview import space_overview
    from hpo.use_cases.search.gpus import gpu_warnings

    session = Session.of(context)
    said = overrides(settings, seed)
    for what, code in own_code(spec, said):
        typer.echo(f"code of yours, run in processes of its own: {what} {code}", err=session.as_json)
    read = specs.read_spec(spec, said)
    facts = space_overview(read)
    seen = (*gpu_warnings(read), *_seen_before(read, session))
    ahead, warming = _from_the_past(read, session)
    notes = warming.notes if warming else ()
    facts = dataclasses.replace(facts, forecast=ahead.forecast, warnings=(*seen, *facts.warnings, *notes))
    unsound, leaks = _looked_into(read, session) if data else ((), None)
    facts = dataclasses.replace(facts, warnings=(*facts.warnings, *unsound))
    if session.as_json:
        past = {"pace": ahead.to_json(), "warm_start": warming.to_json() if warming else None}
        emit(plan(read, facts) | past | ({"leaks": leaks.to_json()} if leaks else {}))
        return
    rows = ((row.name, row.values, row.when) for row in facts.rows)
    say(grid(("parameter", "values", "exists where"), rows))
    say()
    earlier = [("warm start", each) for each in warming.sources] if warming else []
    say(pairs([*fact_rows(read, facts), *time_rows(ahead), *earlier]))
    if leaks:
        say(pairs(("leak", said) for said in leaks.findings() or ["none was found"]))
        say(pairs(("note", said) for said in leaks.notes))


def _looked_into(spec: SearchSpec, session: Session) -> tuple[list[str], Leaks]:
    """What is wrong with the data or not borne by it, and what it gives away, near copies included."""
    from hpo.use_cases.dataset.checks import data_warnings
    from hpo.use_cases.dataset.leak_check import find_dataset_leaks
    from hpo.use_cases.dataset.split_dataset import split_dataset_of

    with own_stdout():
        material = split_dataset_of(spec.data, spec.base, session.home.create())
        unsound = [*data_warnings(spec, material), *material.prepared.warnings]
        return unsound, find_dataset_leaks(spec.data, spec.base, material, near=True)


def _from_the_past(spec: SearchSpec, session: Session) -> tuple[BudgetForecast, WarmStartReport | None]:
    """What the searches of this home tell of a new one: its pace, and what it begins with."""
    from hpo.use_cases.forecast import forecast_of

    ahead = forecast_of(spec, session.home)
    if not spec.warm_start:
        return ahead, None
    from hpo.use_cases.search.warm_start import warm_start_of

    return ahead, warm_start_of(spec, session.home)


def _seen_before(spec: SearchSpec, session: Session) -> tuple[str, ...]:
    """What the test-use register says of the spec's test data, as far as that is known unread."""
    from hpo.use_cases.model.register_policy import expected_openings, warning_of

    looks = expected_openings(spec.data, spec.base, session.home)
    return (warning_of(looks),) if looks else ()


def schema(context: typer.Context) -> None:
    """Print the JSON Schema of a spec, for editors."""
    from hpo.spec.json_schema import schema as made
    from hpo.spec.json_schema import schema_text

    typer.echo(dumps(made()) if Session.of(context).as_json else schema_text().rstrip())


def spaces(context: typer.Context) -> None:
    """List the search spaces and recipes that ship, with a line each."""
    from hpo.cli.tables import grid
    from hpo.spec.builtin import folder

    found = sorted(folder().rglob("*.yaml"), key=lambda path: (len(path.parts), path))
    shipped = [{"path": _from_here(path), "about": about(path)} for path in found]
    if Session.of(context).as_json:
        emit(shipped)
        return
    say(grid(("spec", "about"), [(each["path"], each["about"]) for each in shipped]))


def _from_here(path: Path) -> str:
    """The path as it can be typed here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def about(path: Path) -> str:
    """The first comment of a spec that is meant for a reader."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            text = line.strip().removeprefix("#").strip()
            if line.startswith("#") and text and not text.startswith("yaml-language-server"):
                return text
    return ""
