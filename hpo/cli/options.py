"""Arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from hpo.core.errors import UserError

SearchName = Annotated[str, typer.Argument(metavar="SEARCH", help="Name of the search; see hpo list.")]
SpecFile = Annotated[
    str, typer.Argument(metavar="SPEC", help="The spec: a YAML file, or the name of one that ships.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set any field of the spec; can be repeated."),
]
Seed = Annotated[int | None, typer.Option(help="Seed of the search, instead of the spec's.")]
Again = Annotated[
    bool, typer.Option("--again", help="Open test data that was opened before; needs --reason.")
]
Reason = Annotated[str | None, typer.Option(metavar="TEXT", help="Why it is opened again; kept on record.")]


def reason_of(again: bool, reason: str | None) -> str:
    """Why test data is to be opened once more; empty if it is not to be.

    Raises:
        UserError: If one of the two options stands alone.
    """
    said = (reason or "").strip()
    if again and not said:
        raise UserError("--again needs --reason TEXT: it is kept on record beside the score")
    if reason is not None and not again:
        raise UserError("--reason is for --again alone")
    return said


def overrides(settings: list[str] | None, seed: int | None) -> list[str]:
    """The fields of the spec that were set on the command line; ``--seed`` has the last word."""
    return [*(settings or ()), *(() if seed is None else (f"seed={seed}",))]
