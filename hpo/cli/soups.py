"""``hpo soup``: average the weights of fine-tuned finalists."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hpo.cli.options import SearchName
from hpo.cli.session import Session, emit, say
from hpo.core.formatting import score


class Rule(StrEnum):
    """Which models are averaged."""

    GREEDY = "greedy"
    UNIFORM = "uniform"


def soup(
    context: typer.Context,
    search: SearchName,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Recipe file to write, with weights beside it.")],
    rule: Annotated[
        Rule, typer.Option(help="greedy: best first, if the mean gets no worse; uniform: all.")
    ] = Rule.GREEDY,
) -> None:
    """Average the weights of finalists that were fine-tuned from the same weights; the test stays sealed."""
    from hpo.cli.tables import grid
    from hpo.use_cases.soup import average_finalists

    session = Session.of(context)
    result = average_finalists(search, home=session.home, out=out, rule=rule.value)
    if session.as_json:
        emit(result.to_json())
        return
    rows = [
        (
            f"trial {ingredient.trial} seed {ingredient.replicate}",
            score(ingredient.value),
            "yes" if ingredient.used else "",
        )
        for ingredient in result.ingredients
    ]
    say(
        grid(("model", f"validation {result.metric}", "averaged"), (*rows, ("mean", score(result.value), "")))
    )
    say(f"\nwritten to {result.path}; its score on these rows is optimistic if they chose the models")
