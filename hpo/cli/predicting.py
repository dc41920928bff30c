"""``hpo predict``: what the model of an exported recipe says of new data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hpo.cli.session import Session, dumps, own_stdout
from hpo.core.errors import UserError


def predict(
    context: typer.Context,
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="An exported recipe.")],
    data: Annotated[
        Path,
        typer.Argument(metavar="DATA", help="A folder of images, a .csv or .parquet table, an .npy array."),
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV file to write; printed otherwise.")
    ] = None,
) -> None:
    """Predict with exactly the weights that were tested: a row, its class or value, probabilities."""
    from hpo.use_cases.predict import predict_file

    session = Session.of(context)
    with own_stdout() as stream:
        found = predict_file(recipe, data)
        for warning in found.warnings:
            typer.echo(f"warning: {warning}", err=True)
        if out is not None:
            try:
                out.write_text(found.to_csv(), encoding="utf-8")
            except OSError as error:
                raise UserError(f"--out {out}: {error.strerror}") from error
            said = {"path": str(out), "rows": len(found.names), "model": found.kind, "digest": found.digest}
            print(dumps(said) if session.as_json else str(out), file=stream)
        elif session.as_json:
            print(dumps(found.to_json()), file=stream)
        else:
            print(found.to_csv(), end="", file=stream)
