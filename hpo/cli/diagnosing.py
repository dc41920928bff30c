"""``hpo diagnose``: what a trained model does wrong, and what to try."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpo.cli.session import Session, emit, line, own_stdout, say
from hpo.cli.trust import Trust, name_code

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hpo.core.diagnosis import Diagnosis, PredictedRow

MISTAKES = 8
"""Mistakes that are printed; the page has more."""


def diagnose(
    context: typer.Context,
    subject: Annotated[
        str, typer.Argument(metavar="SEARCH|RECIPE", help="Name of a search, or the file of a recipe.")
    ],
    spec: Annotated[
        Path | None,
        typer.Option(metavar="SPEC", help="Data of a recipe written by hand; the spec beside it by default."),
    ] = None,
    no_sizes: Annotated[
        bool, typer.Option("--no-sizes", help="Leave out the trainings on shares of the rows.")
    ] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write an HTML page.")] = None,
    trust: Trust = False,
) -> None:
    """Train a recipe again, and read its curve, its mistakes and its need of data; validation only."""
    from hpo.use_cases.diagnose import diagnose_recipe, diagnose_search
    from hpo.use_cases.kept_report import publish_report
    from hpo.use_cases.report import write_diagnosis

    session = Session.of(context)
    file = Path(subject)
    with own_stdout():
        if file.suffix in (".yaml", ".yml", ".json") and file.is_file():
            name_code(file, trust=trust)
            diagnosis = diagnose_recipe(file, home=session.home, spec=spec, with_sizes=not no_sizes)
        else:
            diagnosis = diagnose_search(subject, home=session.home, with_sizes=not no_sizes)
            publish_report(subject, home=session.home)
        if out is not None:
            write_diagnosis(diagnosis, file.stem, out)
    if session.as_json:
        emit(diagnosis.to_json())
        return
    _say(diagnosis)
    if out is not None:
        line(str(out))


def _say(diagnosis: Diagnosis) -> None:
    from hpo.cli.preflighting import check_row
    from hpo.cli.tables import grid, pairs

    say(pairs(_facts(diagnosis)))
    say()
    say(grid(("reading", "verdict", "observed and what to try"), map(check_row, diagnosis.checks)))
    if diagnosis.mistakes:
        say()
        say(grid(("worst mistakes: row", "true", "predicted", "confidence"), _mistakes(diagnosis.mistakes)))


def _facts(diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
    from hpo.core.formatting import score

    yield "model", diagnosis.model
    yield "rows", f"{diagnosis.rows:,} of validation; the test part stays sealed"
    if diagnosis.curve:
        yield diagnosis.metric, f"{score(diagnosis.curve[-1].score)} after {len(diagnosis.curve)} epochs"
    if pairs := _confusions(diagnosis):
        yield "confuses", pairs
    if diagnosis.calibration:
        yield (
            "calibration",
            f"confidence differs from accuracy by {score(diagnosis.calibration_error)} on average",
        )
    if diagnosis.sizes:
        shown = ", ".join(f"{score(result.error)} with {result.rows:,}" for result in diagnosis.sizes)
        yield diagnosis.error, f"by training rows: {shown}"


def _confusions(diagnosis: Diagnosis, most: int = 4) -> str:
    names = diagnosis.classes
    confusions = sorted(
        (
            (-amount, names[true], names[predicted])
            for true, row in enumerate(diagnosis.confusion)
            for predicted, amount in enumerate(row)
            if amount and true != predicted
        )
    )
    return ", ".join(f"{true} with {predicted} ({-amount})" for amount, true, predicted in confusions[:most])


def _mistakes(rows: Sequence[PredictedRow]) -> Iterator[tuple[str, ...]]:
    from hpo.core.formatting import number

    for row in rows[:MISTAKES]:
        yield str(row.row), row.truth, row.predicted, number(row.confidence, 3)
