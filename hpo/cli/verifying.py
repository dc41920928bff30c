"""``hpo verify``: whether a recipe still gives the model and the score in its provenance."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hpo.cli.options import ChangedCode
from hpo.cli.session import Session, dumps, own_stdout, say
from hpo.cli.trust import Trust, name_code
from hpo.core.formatting import number


def verify(
    context: typer.Context,
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="An exported recipe.")],
    tolerance: Annotated[
        float | None,
        typer.Option(min=0.0, help="Largest accepted difference; by default the spread over fresh seeds."),
    ] = None,
    changed_code: ChangedCode = False,
    trust: Trust = False,
) -> None:
    """Train a recipe again with its own seeds: identical, within tolerance, or not reproduced."""
    from hpo.cli.tables import pairs
    from hpo.use_cases.verify import verify_recipe

    session = Session.of(context)
    name_code(recipe, trust=trust)
    with own_stdout() as stream:
        verdict = verify_recipe(recipe, home=session.home, tolerance=tolerance, changed_code=changed_code)
        if session.as_json:
            print(dumps(verdict.to_json()), file=stream)
    if not session.as_json:
        rows = [
            ("result", verdict.result),
            ("model", verdict.kind + (f" of {verdict.members}" if verdict.members > 1 else "")),
            ("metric", verdict.metric),
            ("recorded", number(verdict.recorded, 6)),
            ("now", number(verdict.found, 6)),
            ("difference", f"{number(verdict.difference)} (tolerance {number(verdict.tolerance)})"),
            ("weights", "the same, bit by bit" if verdict.same_weights else "different"),
        ]
        say(pairs([*rows, *(("changed", reason) for reason in verdict.reasons)]))
    raise typer.Exit(verdict.exit_code)
