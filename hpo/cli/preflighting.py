"""``hpo preflight``: what is wrong with a network, before a search spends hours on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.options import AnySettings, Seed, overrides
from hpo.cli.session import Session, emit, line, own_stdout, say
from hpo.cli.trust import Trust, name_code
from hpo.core.formatting import count

if TYPE_CHECKING:
    from rich.text import Text

    from hpo.core.health import HealthCheck, PreflightReport

VERDICT_COLOURS = {"right": "green", "open": "", "doubtful": "yellow", "wrong": "red"}
"""Colours of verdicts; rich omits them if NO_COLOR is set or the output is not a terminal."""


def preflight(
    context: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="SPEC|RECIPE", help="A spec, the name of a shipped one, or a recipe.")
    ],
    settings: AnySettings = None,
    seed: Seed = None,
    spec: Annotated[
        Path | None,
        typer.Option(metavar="SPEC", help="Data of a recipe written by hand; the spec beside it by default."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write an HTML page with histograms.")
    ] = None,
    trust: Trust = False,
) -> None:
    """Check a network before its search: first loss, layers, gradients, updates, data, costs."""
    session = Session.of(context)
    with own_stdout():
        report, earlier = _examined(session, file, overrides(settings, seed), spec, trust)
        if out is not None:
            from hpo.use_cases.report import write_preflight

            write_preflight(report, earlier, Path(file).stem, out)
    if session.as_json:
        emit(report.to_json())
        raise typer.Exit(report.exit_code)
    from hpo.cli.tables import grid, pairs
    from hpo.core.formatting import choices
    from hpo.core.recipe import Recipe

    say(pairs([("checked", choices(Recipe(report.recipe).flat(), most=12))]))
    say()
    say(grid(("check", "verdict", "reason and advice"), map(check_row, (*earlier, *report.checks))))
    say()
    say(_sentence(report))
    if out is not None:
        line(str(out))
    raise typer.Exit(report.exit_code)


def _examined(
    session: Session, file: str, settings: list[str], spec: Path | None, trust: bool
) -> tuple[PreflightReport, tuple[HealthCheck, ...]]:
    """Return the report, and what `hpo try` found for the same spec."""
    from hpo import spec as specs
    from hpo.spec.builtin import locate
    from hpo.spec.hand_written import spec_of
    from hpo.spec.overrides import fields_and_values, hyperparameters
    from hpo.spec.recipe_files import is_recipe
    from hpo.use_cases.preflight import preflight_recipe, preflight_spec, tried_before

    path = locate(file)
    if is_recipe(path):
        name_code(path, trust=trust)
        if (beside := spec_of(path, spec)) is not None:
            name_code(beside, trust=trust)
        values = hyperparameters(settings)
        return preflight_recipe(path, home=session.home, spec=spec, values=values), ()
    fields, values = fields_and_values(settings)
    name_code(path, fields, beside=True, trust=trust, error=True)
    read = specs.read_spec(file, fields)
    report = preflight_spec(read, home=session.home, values=values)
    return report, () if values else tried_before(read.digest, session.home)


def check_row(check: HealthCheck) -> tuple[str, Text, str]:
    """Return a check as a row: name, verdict in its colour, reason and advice."""
    from rich.text import Text

    reason = f"{check.reason}; {check.advice}" if check.advice else check.reason
    return check.name, Text(check.verdict, style=VERDICT_COLOURS[check.verdict]), reason


def _sentence(report: PreflightReport) -> str:
    return f"{count(len(report.checks), 'check')}: {', '.join(_counts(report))}"


def _counts(report: PreflightReport) -> Iterator[str]:
    from hpo.core.health import worst_of

    for verdict, amount in worst_of(report.checks).items():
        yield f"{amount} {verdict}"
