"""``hpo predict``: predictions of an exported recipe's model for new data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hpo.cli.options import ChangedCode, PredictAgain, Reason, reason_of
from hpo.cli.session import Session, document, dumps, line, own_stdout
from hpo.cli.trust import Trust, name_code
from hpo.core.errors import UserError
from hpo.core.visible_text import visible


def predict(
    context: typer.Context,
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="An exported recipe.")],
    data: Annotated[
        Path,
        typer.Argument(metavar="DATA", help="A folder of images, a .csv or .parquet table, an .npy array."),
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV file to write; printed by default.")
    ] = None,
    again: PredictAgain = False,
    reason: Reason = None,
    changed_code: ChangedCode = False,
    trust: Trust = False,
) -> None:
    """Predict class or value and probabilities of each row, with exactly the weights that were tested.

    Rows of a test part that come with their labels are a look at it and need --again and --reason.
    """
    from hpo.use_cases.predict import predict_file

    session = Session.of(context)
    name_code(recipe, trust=trust)
    with own_stdout() as stream:
        predictions = predict_file(
            recipe, data, home=session.home, again=reason_of(again, reason), changed_code=changed_code
        )
        for warning in predictions.warnings:
            line(f"warning: {warning}", error=True)
        if out is not None:
            try:
                out.write_text(predictions.to_csv(), encoding="utf-8")
            except OSError as error:
                raise UserError(f"--out {out}: {error.strerror}") from error
            written = {
                "path": str(out),
                "rows": len(predictions.names),
                "model": predictions.kind,
                "digest": predictions.digest,
            }
            print(dumps(written) if session.as_json else visible(str(out)), file=stream)
        elif session.as_json:
            print(dumps(predictions.to_json()), file=stream)
        else:
            document(predictions.to_csv(), stream)
