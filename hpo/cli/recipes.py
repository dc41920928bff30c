"""Commands about the result of a search: its recipe, its model, its test score, its view in MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hpo.cli.options import Again, ChangedCode, Reason, SearchName, reason_of
from hpo.cli.session import Session, document, dumps, emit, line, own_stdout, say
from hpo.cli.trust import Trust, name_code
from hpo.core.errors import UserError
from hpo.core.formatting import number, score
from hpo.core.json_values import fields_of
from hpo.core.visible_text import one_line

if TYPE_CHECKING:
    from hpo.core.events import Reported

RecipeFormat = Literal["yaml", "json"]
"""Format of a printed recipe."""

Registry = Literal["mlflow"]
"""Registries of models."""

ExportFormat = Literal["yaml", "json", "csv", "optuna"]
"""Formats of a recipe, and of all trials: a table or a study."""


def export(
    context: typer.Context,
    search: SearchName,
    form: Annotated[
        ExportFormat,
        typer.Option("--format", help="The recipe as yaml or json; all trials as csv or as an optuna study."),
    ] = "yaml",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File to write; printed by default.")
    ] = None,
    weights: Annotated[bool, typer.Option("--weights", help="Copy the model's weights beside FILE.")] = False,
    to: Annotated[
        Registry | None, typer.Option("--to", help="Register the model in MLflow's model registry.")
    ] = None,
    model: Annotated[
        str, typer.Option(metavar="NAME", help="Name in the registry; by default the search's experiment.")
    ] = "",
) -> None:
    """Write the winner's recipe with its provenance, or all trials; or register its model in MLflow."""
    from hpo.use_cases.export import export_recipe
    from hpo.use_cases.export_trials import export_csv, export_study

    session = Session.of(context)
    if to:
        if out is not None or weights or form != "yaml":
            raise UserError("--to mlflow takes no --out, --weights or --format: the model goes to MLflow")
        _register(session, search, model)
        return
    if model:
        raise UserError("--model needs --to mlflow")
    if weights and form in ("csv", "optuna"):
        raise UserError(f"--weights belongs to a recipe, not to --format {form}")
    if form == "csv":
        written = export_csv(search, home=session.home, out=out)
    elif form == "optuna":
        written = export_study(search, home=session.home, out=out)
    else:
        wanted: RecipeFormat = "json" if session.as_json and out is None else form
        written = export_recipe(search, home=session.home, format=wanted, out=out, weights=weights)
    if out is None:
        document(written.rstrip() + "\n")
    elif session.as_json:
        emit({"search": search, "path": written})
    else:
        line(written)


def _register(session: Session, search: str, model: str) -> None:
    from hpo.use_cases.export_model import export_to_mlflow

    with own_stdout() as stream:
        registered = export_to_mlflow(search, home=session.home, model=model)
        if session.as_json:
            print(dumps({"search": search, **fields_of(registered), "uri": registered.uri}), file=stream)
    if not session.as_json:
        state = "is now" if registered.is_new else "was already"
        say(f"the model of {search} {state} version {registered.version} of {registered.name} in MLflow")
        line(registered.uri)


def train(
    context: typer.Context,
    recipe: Annotated[
        Path, typer.Argument(metavar="RECIPE", help="An exported recipe, or one written by hand.")
    ],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set a hyperparameter; can be repeated."),
    ] = None,
    spec: Annotated[
        Path | None,
        typer.Option(
            metavar="SPEC", help="Data and epochs of a recipe written by hand; the spec beside it by default."
        ),
    ] = None,
    trust: Trust = False,
) -> None:
    """Train a recipe once, without a search."""
    from hpo.cli.tables import pairs
    from hpo.spec.hand_written import spec_of
    from hpo.spec.overrides import hyperparameters
    from hpo.use_cases.train import train_recipe

    session = Session.of(context)
    name_code(recipe, trust=trust)
    if (file := spec_of(recipe, spec)) is not None:
        name_code(file, trust=trust)
    with own_stdout() as stream:

        def show_epoch(report: Reported) -> None:
            if not session.as_json:
                values = ", ".join(f"{name} {score(value)}" for name, value in report.metrics.items())
                print(one_line(f"epoch {report.epoch}: {values}"), file=stream, flush=True)

        values = hyperparameters(settings or ())
        result = train_recipe(recipe, home=session.home, spec=spec, values=values, watch=show_epoch).to_json()
        if session.as_json:
            print(dumps(result), file=stream)
    if not session.as_json:
        rows = (
            (name, number(value, 6) if isinstance(value, float) else str(value))
            for name, value in result.items()
        )
        say(pairs(rows))


def test(
    context: typer.Context,
    search: SearchName,
    again: Again = False,
    reason: Reason = None,
    changed_code: ChangedCode = False,
) -> None:
    """Open the sealed test part of a search, once, and score the winner on it."""
    from hpo.cli.summaries import summary, where_to_look
    from hpo.cli.tables import pairs
    from hpo.use_cases.open_test import open_test_part

    session = Session.of(context)
    with own_stdout() as stream:
        why = reason_of(again, reason)
        outcome = open_test_part(search, home=session.home, again=why, changed_code=changed_code)
        if session.as_json:
            print(dumps(outcome.to_json()), file=stream)
    if not session.as_json:
        say(pairs(summary(outcome, where_to_look(session, search))))
    raise typer.Exit(outcome.exit_code)


def mirror(
    context: typer.Context,
    search: SearchName,
    restore: Annotated[
        bool, typer.Option("--restore", help="Restore the experiment if it was deleted in MLflow.")
    ] = False,
) -> None:
    """Bring MLflow up to date with a search, after an outage or in an empty store."""
    from hpo.use_cases.mirror import mirror_search

    session = Session.of(context)
    with own_stdout():
        events = mirror_search(search, home=session.home, restore=restore)
    if session.as_json:
        emit({"search": search, "events": events})
    else:
        line(f"MLflow shows {search} up to event {events:,}")


def ui(
    context: typer.Context,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port; by default 5000, or else a free one.")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open a browser, where there is a screen.")] = True,
) -> None:
    """Open MLflow's UI on the searches of this home, on 127.0.0.1 and for you only."""
    from hpo.use_cases.ui import serve_ui

    raise typer.Exit(serve_ui(Session.of(context).home, port, browser=browser))
