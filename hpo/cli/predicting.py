"""``hpo predict``: predictions of an exported recipe's model for new data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from hpo.cli.options import ChangedCode, PredictAgain, Reason, reason_of
from hpo.cli.session import Session, document, dumps, line, own_stdout
from hpo.cli.trust import Trust, is_missing, name_code
from hpo.core.errors import UserError
from hpo.core.visible_text import visible

LEGAL_DATA = "A folder of images, a .csv or .parquet table, an .npy array, a .jsonl file of items"
DATA_ENDINGS = (".csv", ".parquet", ".npy", ".jsonl")


def predict(
    context: typer.Context,
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="An exported recipe.")],
    data: Annotated[Path, typer.Argument(metavar="DATA", help=f"{LEGAL_DATA}.")],
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
    _require_recipe(recipe)
    name_code(recipe, trust=trust)
    if is_missing(data):
        raise UserError(f"DATA {data} does not exist; legal: {LEGAL_DATA[0].lower()}{LEGAL_DATA[1:]}")
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


def _require_recipe(path: Path) -> None:
    """Refuse a path that is no file of a recipe: data, or the name of a search.

    Raises:
        UserError: Naming the path and what was expected.
    """
    legal = "RECIPE is a file that `hpo export SEARCH --out FILE` writes, and comes before DATA"
    if path.suffix.lower() in DATA_ENDINGS or os.path.isdir(path):
        raise UserError(f"RECIPE {path} is data; {legal}")
    if is_missing(path):
        raise UserError(f"RECIPE {path} does not exist; {legal}")
