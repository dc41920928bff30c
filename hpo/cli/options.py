"""Define arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from hpo.core.errors import UserError

SearchName = Annotated[str, typer.Argument(metavar="SEARCH", help="Name of the search; see hpo list.")]
SpecFile = Annotated[str, typer.Argument(metavar="SPEC", help="A YAML file, or the name of a shipped spec.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set a field of the spec; can be repeated."),
]
Seed = Annotated[int | None, typer.Option(help="Seed of the search; overrides the spec's.")]
Again = Annotated[bool, typer.Option("--again", help="Open test data again; needs --reason.")]
Reason = Annotated[str | None, typer.Option(metavar="TEXT", help="Why it is opened again; recorded.")]


def reason_of(again: bool, reason: str | None) -> str:
    """Return the reason for opening test data again; empty without ``--again``.

    Raises:
        UserError: If only one of the two options is given.
    """
    text = (reason or "").strip()
    if again and not text:
        raise UserError("--again needs --reason TEXT, which is recorded beside the score")
    if reason is not None and not again:
        raise UserError("--reason needs --again")
    return text


def overrides(settings: list[str] | None, seed: int | None) -> list[str]:
    """Return the fields set on the command line; ``--seed`` overrides ``--set seed=``."""
    return [*(settings or ()), *(() if seed is None else (f"seed={seed}",))]
